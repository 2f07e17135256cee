package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import java.util.Arrays;

/**
 * A patch with every number checked against its models.
 *
 * @param measured absolute position behind which the source that the patch is measured by is read
 * @param read absolute position of the target that is read
 * @param end positions from here on are not computed
 */
record Resolved(
    Patch patch, Slots from, Slots to, Mapping.Route route, int measured, int read, int end) {

  static Resolved of(Patch patch, Readout readout) {
    Source source = patch.source();
    Target target = patch.target();
    requireInput("source", source.model(), source.input(), 0);
    requireInput("target", target.model(), target.input(), Math.max(0, target.newTokens() - 1));
    Slots from = source.slots();
    Slots to = target.slots();
    Source truth = patch.measure();
    requireInput("measure", truth.model(), truth.input(), 0);
    int measured = Arrays.stream(truth.slots().positions()).max().orElseThrow();
    Mapping.Route route = new Mapping.Route(from.entry(), to.entry());
    int width = patch.mapping().width(from.width(), route);
    if (width != to.width()) {
      throw new UsageException(
          "%s gives %d numbers where %s takes %d: expected a mapping between these widths"
              .formatted(
                  from.onHeads() ? "a source head" : "the source's residual stream",
                  width,
                  to.onHeads() ? "a target head" : "the target's residual stream",
                  to.width()));
    }
    if (from.count() != 1 && !Arrays.equals(from.shape(), to.shape())) {
      throw new UsageException(
          "%s source vectors for %s target places: expected as many, or one for all"
              .formatted(shape(from), shape(to)));
    }
    target.schedule().require(target.newTokens());
    if (target.schedule().later() && from.count() != 1) {
      throw new UsageException(
          "schedule %s: expected one source vector, which new tokens take too, got %d"
              .formatted(target.schedule().label(), from.count()));
    }
    for (int id : readout.tokens()) {
      if (id < 0 || id >= target.model().config().vocabulary()) {
        throw new UsageException(
            "tokens: expected ids from 0 to %d, got %d"
                .formatted(target.model().config().vocabulary() - 1, id));
      }
    }
    int last = target.input().length() - 1;
    int read = readout.at() == Readout.At.LAST ? last : to.last();
    boolean whole = target.newTokens() > 0 || readout.allRows();
    // Rows behind the one that is read change nothing.
    int end = whole ? last + 1 : Math.max(read, Arrays.stream(to.positions()).max().orElse(0)) + 1;
    Resolved resolved = new Resolved(patch, from, to, route, measured, read, end);
    if (to.isFinal()
        && resolved.onPrompt()
        && Arrays.stream(to.positions()).noneMatch(p -> resolved.isRead(p, readout))) {
      throw new UsageException(
          "target layer: behind the final norm a position changes its own prediction alone, and %s is not read: write position %d, or read the patched one"
              .formatted(positions(to), read));
    }
    return resolved;
  }

  /**
   * Whether nothing that is read can differ: behind the last block, and among its heads, a position
   * changes its own prediction alone. In a sweep that is one of its cells; as all of it, it is a
   * mistake.
   */
  boolean changesNothing(Readout readout) {
    return to.entry() == patch.target().model().config().layers()
        && onPrompt()
        && !patch.target().schedule().later()
        && Arrays.stream(to.positions()).noneMatch(p -> isRead(p, readout));
  }

  /** What to say of that. */
  String nothingChanges() {
    return "target layer: in the last block a position changes its own prediction alone, and %s is not read: write position %d or an earlier layer, or read the patched one"
        .formatted(positions(to), read);
  }

  private static String positions(Slots slots) {
    return slots.count() == 1
        ? "position " + slots.first()
        : "any of positions " + Arrays.toString(slots.positions());
  }

  /** Whether the row of logits of a position is wanted. */
  boolean isRead(int position, Readout readout) {
    return readout.allRows() || Arrays.stream(logitRows()).anyMatch(p -> p == position);
  }

  private static String shape(Slots slots) {
    return slots.shape().length == 1
        ? Integer.toString(slots.count())
        : slots.shape()[0] + " x " + slots.shape()[1];
  }

  private static void requireInput(String side, Model model, Input input, int more) {
    DecoderConfig config = model.config();
    if (input.length() + more > config.contextLength()) {
      throw new UsageException(
          "%s: expected at most %d positions, new tokens included, got %d"
              .formatted(side, config.contextLength(), input.length() + more));
    }
    for (int id : input.prompt().ids()) {
      if (id < 0 || id >= config.vocabulary()) {
        throw new UsageException(
            "%s: expected ids from 0 to %d, got %d".formatted(side, config.vocabulary() - 1, id));
      }
    }
    int width = input.softWidth();
    if (input.soft() && width != config.width()) {
      throw new UsageException(
          "%s soft prompt: expected vectors of %d numbers, as the embeddings of %s, got %d"
              .formatted(side, config.width(), model.name(), width));
    }
  }

  Reader source() {
    return new Reader(patch.source().model(), patch.source().input());
  }

  Reader target() {
    return new Reader(patch.target().model(), patch.target().input());
  }

  /** A model and what it reads: one clean pass. */
  record Reader(Model model, Input input) {}

  /** The clean pass whose prediction behind {@link #measured} the patch is measured by. */
  Reader measure() {
    return new Reader(patch.measure().model(), patch.measure().input());
  }

  boolean onPrompt() {
    return patch.target().schedule().onPrompt();
  }

  int newTokens() {
    return patch.target().newTokens();
  }

  /** The first row that differs from the clean pass. */
  int first() {
    return to.first();
  }

  /** Whether nothing of the clean stream is left in the rows that are computed. */
  boolean overwritesAll() {
    return to.inStream() && Arrays.stream(to.positions()).distinct().count() == end - first();
  }

  int rows() {
    return onPrompt() ? end - first() : 0;
  }

  long tokenLayers() {
    int layers = patch.target().model().config().layers();
    long generated = Math.max(0, newTokens() - 1);
    return (long) rows() * (layers - to.branchEntry()) + generated * layers;
  }

  /** Rows through the unembedding. */
  long unembeddings(Readout readout) {
    long prompt = !onPrompt() ? 0 : readout.allRows() ? rows() : logitRows().length;
    return prompt + Math.max(0, newTokens() - 1);
  }

  /** The rows of logits of the prompt pass that are needed. */
  int[] logitRows() {
    int last = patch.target().input().length() - 1;
    return newTokens() > 0 && read != last ? new int[] {read, last} : new int[] {read};
  }

  /** What one run for this patch alone costs: source, then target, and what measures them. */
  Counters naive() {
    DecoderConfig own = patch.source().model().config();
    DecoderConfig other = patch.target().model().config();
    long generated = Math.max(0, newTokens() - 1);
    Reader measure = measure();
    long beside = measure.equals(source()) ? 0 : measure.input().length();
    return new Counters(
        (long) patch.source().input().length() * own.layers()
            + beside * measure.model().config().layers()
            + (patch.target().input().length() + generated) * other.layers(),
        2 + generated);
  }
}
