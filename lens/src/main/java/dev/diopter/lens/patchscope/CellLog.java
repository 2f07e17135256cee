package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.JsonLines;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * Cells as JSON lines in declared order, written as they come. The first line says by a digest
 * which sweep they are of; a file that was cut off is continued behind its last whole line. For one
 * thread.
 */
public final class CellLog implements AutoCloseable {
  private final RandomAccessFile file;
  private final int cells;
  private final int each; // cells of a prompt; 0 where there are not several

  private CellLog(RandomAccessFile file, int cells, int each) {
    this.file = file;
    this.cells = cells;
    this.each = each;
  }

  /**
   * Opens a file, new or begun.
   *
   * @throws UsageException where it holds another sweep
   * @throws FormatException where it cannot be read or written
   */
  public static CellLog open(Path path, Patchscope scope) {
    return open(path, scope, 0);
  }

  /**
   * Opens a file of a sweep over several prompts, whose lines say the number of each.
   *
   * @param prompts how many prompts with equally many cells there are; 0 for a file that does not
   *     tell them apart
   */
  public static CellLog open(Path path, Patchscope scope, int prompts) {
    String digest = digest(scope, prompts);
    int each = prompts == 0 ? 0 : scope.patches().size() / prompts;
    ObjectNode object = Json.object();
    object.put("patchscope", 1);
    object.put("digest", digest);
    object.put("cells", scope.patches().size());
    byte[] head = line(object);
    try {
      Whole whole =
          Files.exists(path) ? whole(path, digest, head, scope.patches().size()) : Whole.NONE;
      return open(new RandomAccessFile(path.toFile(), "rw"), whole, head, each);
    } catch (IOException e) {
      throw FormatException.unreadable(path.toString(), e);
    }
  }

  /** Goes on with a file, which is closed if that fails. */
  static CellLog open(RandomAccessFile file, Whole whole, byte[] head, int each)
      throws IOException {
    try {
      file.setLength(whole.end());
      file.seek(whole.end());
      if (whole.cells() < 0) {
        file.write(head);
      }
      return new CellLog(file, Math.max(0, whole.cells()), each);
    } catch (IOException | RuntimeException e) {
      try (file) {
        throw e;
      }
    }
  }

  /** How many cells the file held when it was opened: the sweep goes on behind them. */
  public int cells() {
    return cells;
  }

  /** Adds a cell. */
  public void add(Cell cell) {
    try {
      Integer prompt = each == 0 ? null : Integer.valueOf(cell.index() / each);
      file.write(line(CellJson.object(cell, prompt)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] line(ObjectNode object) {
    return (Json.compact(object) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Whole cells of the file and where they end; -1 cells where not even its first line is whole.
   */
  record Whole(int cells, long end) {
    static final Whole NONE = new Whole(-1, 0);
  }

  private static Whole whole(Path path, String digest, byte[] head, int most) throws IOException {
    int lines = 0;
    long at = 0;
    long end = 0;
    try (var in = new BufferedInputStream(Files.newInputStream(path))) {
      for (int c = in.read(); c >= 0; c = in.read()) {
        at++;
        if (c == '\n' && lines <= most) {
          lines++;
          end = at;
        }
      }
    }
    if (at < head.length
        && Arrays.equals(Files.readAllBytes(path), Arrays.copyOf(head, (int) at))) {
      return Whole.NONE; // Cut in front of the first cell.
    }
    boolean own = false;
    if (lines > 0) {
      try (JsonLines read = JsonLines.open(path)) {
        own = read.next() && digest.equals(read.value().path("digest").stringValue(""));
      } catch (FormatException e) {
        // Not JSON, so not of this sweep.
      }
    }
    if (!own) {
      throw new UsageException(
          path + ": expected the cells of this sweep, found something else: give another file");
    }
    return new Whole(lines - 1, end);
  }

  /** A digest of everything that decides a sweep's results. */
  private static String digest(Patchscope scope, int prompts) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      Set<String> mapped = new HashSet<>();
      Readout readout = scope.readout();
      add(sha, readout.top() + " " + readout.tokens() + " " + readout.precisionAt());
      add(sha, readout.at() + " " + readout.allRows() + " " + readout.allSteps());
      if (prompts > 0) {
        add(sha, "prompts " + prompts);
      }
      for (Patch patch : scope.patches()) {
        Source source = patch.source();
        Target target = patch.target();
        Slots from = source.slots();
        Slots to = target.slots();
        add(sha, source.model().name() + "\n" + source.model().backend());
        add(sha, target.model().name() + "\n" + target.model().backend());
        add(sha, input(source.input()));
        add(sha, input(target.input()));
        add(sha, slots(from) + " " + slots(to));
        Source truth = patch.truth();
        if (truth != null) {
          add(sha, truth.model().name() + "\n" + input(truth.input()) + slots(truth.slots()));
        }
        add(sha, target.newTokens() + " " + target.schedule().label() + " " + target.ignoreEos());
        Mapping.Route route = new Mapping.Route(from.entry(), to.entry());
        add(sha, patch.mapping().name());
        if (mapped.add(patch.mapping().name() + route)) {
          // What a mapping does to one vector tells two files of one name apart.
          float[] probe = new float[from.width()];
          for (int i = 0; i < probe.length; i++) {
            probe[i] = 1 + i % 7;
          }
          add(sha, Arrays.toString(patch.mapping().apply(probe, route)));
        }
      }
      return HexFormat.of().formatHex(sha.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static String input(Input input) {
    StringBuilder text = new StringBuilder(Arrays.toString(input.prompt().ids()));
    input
        .embedding()
        .edits()
        .forEach(edit -> {
          text.append(edit.where());
          switch (edit.operation()) {
            case dev.diopter.engine.Operation.Replace r ->
                text.append(Arrays.toString(r.value().data()));
            case dev.diopter.engine.Operation.Noise n ->
                text.append(n.standardDeviation()).append(' ').append(n.seed());
            default -> text.append(edit);
          }
        });
    return text.toString();
  }

  private static String slots(Slots slots) {
    return slots.entry() + Arrays.toString(slots.positions()) + Arrays.toString(slots.heads());
  }

  private static void add(MessageDigest sha, String text) {
    sha.update(text.getBytes(StandardCharsets.UTF_8));
    sha.update((byte) 0);
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
