package dev.diopter.lens.patchscope;

import dev.diopter.models.DecoderConfig;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** About how much memory patches take, and how many go together. */
final class Memory {
  private static final int LEAST_ENTRIES = 16; // of a block of keys and values

  private Memory() {}

  /** What a patch takes while it is under way. */
  static long bytes(Resolved patch, Readout readout) {
    DecoderConfig config = patch.patch().target().model().config();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.keyValueHeads() * config.headDim();
    long gates = config.mlp() == DecoderConfig.Mlp.SILU_GATED ? 2 : 1;
    long row = 4L * config.width() + 2 * queries + 2 * keys + gates * config.mlpWidth();
    int rows = Math.max(1, patch.rows());
    long floats = rows * row;
    long logits = readout.allRows() ? patch.patch().target().input().length() : 2;
    logits += readout.allSteps() ? patch.newTokens() : 0;
    floats += (logits + 4) * config.vocabulary(); // and the softmax in double
    long stores = Math.max(LEAST_ENTRIES, rows);
    if (patch.newTokens() > 1) {
      long behind = 2L * (patch.patch().target().input().length() + patch.newTokens());
      stores = (stores + behind) * config.layers();
    }
    floats += stores * 2 * keys;
    return 4 * floats;
  }

  /** The end of the patches that go together with the one at {@code from}. */
  static int chunkEnd(List<Resolved> patches, int from, Readout readout, Limits limits) {
    Group group = Group.of(patches.get(from), readout);
    long bytes = bytes(patches.get(from), readout);
    int to = from + 1;
    while (to < patches.size() && group.equals(Group.of(patches.get(to), readout))) {
      bytes += bytes(patches.get(to), readout);
      if (bytes > limits.memoryBytes()) {
        break;
      }
      to++;
    }
    return to;
  }

  /** The logits that cells hold. */
  static long heldBytes(List<Resolved> patches, Readout readout) {
    return patches.stream()
        .map(p -> p.patch().target())
        .mapToLong(t -> Float.BYTES * readout.rows(t) * t.model().config().vocabulary())
        .sum();
  }

  /** What the clean passes of all patches leave. */
  static long cleanBytes(List<Resolved> patches) {
    Set<Resolved.Reader> seen = new HashSet<>();
    long sum = 0;
    for (Resolved patch : patches) {
      for (Resolved.Reader reader : List.of(patch.source(), patch.measure(), patch.target())) {
        if (seen.add(reader)) {
          DecoderConfig config = reader.model().config();
          long keys = 2L * config.keyValueHeads() * config.headDim();
          sum += 4L * reader.input().length() * config.layers() * (config.width() + keys);
        }
      }
    }
    return sum;
  }

  /**
   * Patches with equal groups go through the model together.
   *
   * @param target the clean pass that they leave
   * @param read the row of logits, counted from the end of the computed rows
   * @param last whether the last row is needed beside it
   * @param newTokens tokens to generate
   * @param ignoreEos whether to go on behind an end of text
   */
  record Group(Resolved.Reader target, int read, boolean last, int newTokens, boolean ignoreEos) {
    static Group of(Resolved patch, Readout readout) {
      Target target = patch.patch().target();
      int read = readout.allRows() ? 0 : patch.end() - patch.read();
      return new Group(
          patch.target(),
          read,
          patch.logitRows().length > 1,
          target.newTokens(),
          target.ignoreEos());
    }
  }
}
