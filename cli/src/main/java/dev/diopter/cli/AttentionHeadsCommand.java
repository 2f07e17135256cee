package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.attention.AttentionExport;
import dev.diopter.lens.attention.Corpus;
import dev.diopter.lens.attention.HeadScores;
import dev.diopter.lens.attention.HeadTable;
import dev.diopter.lens.attention.OvCircuit;
import dev.diopter.lens.attention.RepeatedSequence;
import dev.diopter.lens.attention.Sampling;
import dev.diopter.lens.attention.SinkSet;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter attention heads}: all heads in one table. */
@picocli.CommandLine.Command(
    name = "heads",
    description = "Score every head, to find the ones worth a look.",
    customSynopsis = "diopter attention heads [OPTIONS] MODEL",
    footer = {"", "Example: diopter attention heads demo-gpt2 --sort induction"})
final class AttentionHeadsCommand implements Command {
  private static final int BAR = 8;

  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Option(
      names = "--sort",
      paramLabel = "SCORE",
      description =
          "The highest first: entropy, sink_share, mean_distance, previous_token, duplicate_token,"
              + " induction or copying; by layer and head unless given.")
  private @Nullable String sort;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Most heads to list; all unless given.")
  private int limit = Integer.MAX_VALUE;

  @Option(
      names = "--texts",
      paramLabel = "FILE",
      description =
          "Texts for entropy, sink share and mean distance; the repeated sequence unless given.")
  private @Nullable Path texts;

  @Option(
      names = "--period",
      paramLabel = "N",
      description = "Tokens of the random sequence that is repeated; 40 unless given.")
  private @Nullable Integer period;

  @Option(
      names = "--ids",
      paramLabel = "1,2,3",
      description = "The repeated sequence itself: ids twice, with at most one id in front.")
  private @Nullable String ids;

  @Option(names = "--seed", paramLabel = "N", description = "Of the sequence, 0 unless given.")
  private long seed;

  @Option(
      names = "--no-copying",
      description = "Leave out the copying score, which is the work of large models.")
  private boolean noCopying;

  @Option(names = "--csv", paramLabel = "FILE", description = "Write the table as CSV.")
  private @Nullable Path csv;

  @Mixin private final SamplingOptions options = new SamplingOptions();
  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  AttentionHeadsCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    compute.validate();
    result.validate();
    HeadScores.Column column = sort == null ? null : column(sort);
    Sampling sampling = options.sampling();
    SinkSet sinks = options.sinks();
    if (limit < 0) {
      throw new UsageException("--limit: expected 0 or more, got " + limit);
    }
    if (ids != null && period != null) {
      throw new UsageException("expected one of --ids and --period, got both");
    }
    if (csv != null) {
      ResultFile.requireWritable(csv);
    }
    RepeatedSequence given = ids == null ? null : RepeatedSequence.of(TokenIds.parse(ids));
    Corpus corpus = texts == null ? null : Corpus.of(texts);
    try (Model model = compute.open(name, screen, output)) {
      RepeatedSequence sequence = given == null ? sequence(model) : given;
      double[][] copying = noCopying ? null : copying(model.config().layers());
      List<HeadScores> heads;
      try (Progress progress = Progress.start(screen, output, "scoring heads")) {
        heads =
            HeadTable.of(
                model,
                sequence,
                corpus,
                sampling,
                sinks,
                copying,
                done -> progress.update(done, 0));
      }
      heads = column == null ? heads : column.sorted(heads);
      heads = heads.subList(0, Math.min(limit, heads.size()));
      if (result.wanted(output)) {
        result.deliver(object(model, sequence, heads), screen, output);
      }
      if (csv != null) {
        AttentionExport.csv(heads, csv);
        output.note("wrote " + csv);
      }
      if (!output.json()) {
        print(heads, sequence);
      }
    }
  }

  private RepeatedSequence sequence(Model model) {
    int front = model.config().bosId() == null ? 0 : 1;
    int most = (model.config().contextLength() - front) / 2;
    return RepeatedSequence.random(model, period == null ? Math.min(40, most) : period, seed);
  }

  private double[][] copying(int layers) {
    try (Progress progress = Progress.start(screen, output, "OV circuits");
        OpenModel stored = ModelStore.system().open(name)) {
      return OvCircuit.copyingScores(stored, done -> progress.update(done, layers));
    }
  }

  private static HeadScores.Column column(String key) {
    String wanted = key.replace('-', '_');
    for (HeadScores.Column column : HeadScores.Column.values()) {
      if (column.key().equals(wanted)) {
        return column;
      }
    }
    throw new UsageException(
        "--sort: expected one of %s, got '%s'"
            .formatted(
                String.join(
                    ", ",
                    Arrays.stream(HeadScores.Column.values()).map(HeadScores.Column::key).toList()),
                key));
  }

  private ObjectNode object(Model model, RepeatedSequence sequence, List<HeadScores> heads) {
    ObjectNode object = Json.object();
    object.put("model", model.name());
    object.put("backend", model.backend());
    object.set("ids", Tokens.ids(sequence.ids()));
    object.put("period", sequence.period());
    object.put("sinks", options.sinks().label());
    object.put("sort", sort);
    object.set("heads", AttentionExport.array(heads));
    return object;
  }

  private void print(List<HeadScores> heads, RepeatedSequence sequence) {
    Style style = Style.of(screen);
    Tables table = new Tables().left("head");
    for (HeadScores.Column column : HeadScores.Column.values()) {
      table.right(column.title());
    }
    for (HeadScores scores : heads) {
      String[] cells = new String[HeadScores.Column.values().length + 1];
      cells[0] = scores.head().toString();
      int c = 1;
      for (HeadScores.Column column : HeadScores.Column.values()) {
        double value = column.of(scores);
        boolean share =
            column != HeadScores.Column.ENTROPY && column != HeadScores.Column.MEAN_DISTANCE;
        String text =
            Double.isNaN(value) ? "-" : Text.padLeft(Numbers.fixed(value, share ? 3 : 2), BAR);
        cells[c++] = share && value > 0 ? style.heat(text, Math.min(1, value)) : text;
      }
      table.row(cells);
    }
    table.print(screen);
    screen.out().println();
    String from = texts == null ? "the same sequence" : texts.toString();
    for (String line :
        Tables.wrap(
            "previous, duplicate, induction: %d random words twice; entropy (nats), sink, distance: %s; copying: eigenvalues of the OV circuit, -1 to 1"
                .formatted(sequence.period(), from),
            screen.width() - 2)) {
      screen.out().println(style.faint("  " + line));
    }
  }
}
