package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.TunedLens;
import dev.diopter.lens.tuned.training.Evaluation;
import dev.diopter.lens.tuned.training.EvaluationFiles;
import dev.diopter.lens.tuned.training.EvaluationOptions;
import dev.diopter.lens.tuned.training.LensEvaluation;
import dev.diopter.lens.tuned.training.LensScores;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter lens eval}: how near lenses come to the model, layer by layer. */
@picocli.CommandLine.Command(
    name = "eval",
    description =
        "Measure the logit lens and a tuned lens on texts: cross-entropy, entropy, divergence from"
            + " the model and bias of each layer.",
    footer = {"", "Example: diopter lens eval demo-gpt2 --data held-out.jsonl --lens lens"})
final class LensEvalCommand implements Command {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Option(
      names = {"-l", "--lens"},
      paramLabel = "DIR",
      description =
          "A folder with a tuned lens, or 'tuned' for the one that comes with a demo model; the logit"
              + " lens alone unless given.")
  private @Nullable String lens;

  @Option(names = "--no-logit", description = "Leave the logit lens out.")
  private boolean noLogit;

  @Option(names = "--any-model", description = "Take a lens of another model of the same size.")
  private boolean anyModel;

  @Mixin private final LensTexts texts = new LensTexts();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "At most so many tokens, in whole chunks; all there are unless given.")
  private @Nullable Long tokens;

  @Option(
      names = "--token-shift",
      paramLabel = "N",
      description = "Positions from a prediction to the token that it is about; 1 unless given.")
  private int shift = 1;

  @Option(
      names = "--layer-transfer",
      description = "Try each layer's translator on each other layer's stream.")
  private boolean transfer;

  @Option(
      names = "--unit",
      paramLabel = "NAME",
      description = "Of the table: nats (default), bits-per-token or bits-per-byte.")
  private String unit = "nats";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      description =
          "Write aggregate_metrics.json, batches.jsonl and logit_stats.json as the Python package"
              + " does.")
  private @Nullable Path folder;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  LensEvalCommand(Screen screen) {
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
    process.wanted();
    result.validate();
    texts.validate();
    if (!List.of("nats", "bits-per-token", "bits-per-byte").contains(unit)) {
      throw new UsageException(
          "--unit: expected nats, bits-per-token or bits-per-byte, got '" + unit + "'");
    }
    if (noLogit && lens == null) {
      throw new UsageException(
          "--no-logit: expected --lens DIR with it: nothing is left to measure");
    }
    LensFiles.Loaded loaded = lens == null ? null : LensOption.load(lens, name);
    try (Model model = process.openBesideLayers(compute, name, screen, output)) {
      List<Lens> lenses = new ArrayList<>();
      TunedLens tuned = loaded == null ? null : loaded.lens();
      if (loaded != null && tuned != null) {
        loaded.notes().forEach(output::note);
        LensFit.of(model, ProcessOption.unembedHash(model))
            .check(tuned, anyModel)
            .forEach(output::note);
      }
      if (!noLogit) {
        lenses.add(
            tuned == null
                ? LogitLens.of(model.config())
                : LogitLens.of(model.config(), tuned.site()));
      }
      if (tuned != null) {
        lenses.add(tuned);
      }
      EvaluationOptions options =
          new EvaluationOptions(
              tokens == null ? Long.MAX_VALUE : tokens,
              shift,
              texts.batch(),
              transfer,
              compute.threads());
      Evaluation evaluation;
      try (Progress progress = Progress.start(screen, output, "measuring lenses of " + name)) {
        evaluation =
            new LensEvaluation(model, texts.open(model), options)
                .run(lenses, (done, total) -> progress.update(done, total));
      }
      if (folder != null) {
        EvaluationFiles.write(folder, evaluation);
        output.note("wrote " + folder);
      }
      if (result.wanted(output)) {
        result.deliver(object(model, evaluation), screen, output);
      }
      if (!output.json()) {
        table(model, evaluation);
      }
    }
  }

  private double inUnit(double nats, Evaluation evaluation) {
    return switch (unit) {
      case "nats" -> nats;
      case "bits-per-token" -> Evaluation.bitsPerToken(nats);
      default -> evaluation.bitsPerByte(nats);
    };
  }

  private void table(Model model, Evaluation evaluation) {
    screen
        .out()
        .println(
            "%s tokens%s; the model: cross-entropy %s, entropy %s; all in %s"
                .formatted(
                    Numbers.grouped(evaluation.tokens()),
                    ProcessOption.said(model),
                    cell(evaluation.crossEntropy(), evaluation),
                    cell(evaluation.entropy(), evaluation),
                    unit.replace('-', ' ')));
    Tables table = new Tables().right("layer").left("lens");
    table.right("KL").right("cross-entropy").right("entropy").right("bias");
    int layers = evaluation.lenses().getFirst().kl().length;
    for (int layer = 0; layer < layers; layer++) {
      for (LensScores scores : evaluation.lenses()) {
        table.row(
            Integer.toString(layer),
            scores.kind(),
            cell(scores.kl()[layer], evaluation),
            cell(scores.crossEntropy()[layer], evaluation),
            cell(scores.entropy()[layer], evaluation),
            cell(scores.bias()[layer], evaluation));
      }
    }
    table.print(screen);
    for (LensScores scores : evaluation.lenses()) {
      LensScores.Transfer moved = scores.transfer();
      if (moved != null && scores.kind().equals("tuned")) {
        transferTable(moved.kl(), evaluation);
      }
    }
  }

  private void transferTable(double[][] kl, Evaluation evaluation) {
    screen.out().println();
    screen.out().println("KL of a translator (down) on another layer's stream (across)");
    Tables table = new Tables().right("layer");
    for (int stream = 0; stream < kl.length; stream++) {
      table.right(Integer.toString(stream));
    }
    for (int translator = 0; translator < kl.length; translator++) {
      String[] cells = new String[kl.length + 1];
      cells[0] = Integer.toString(translator);
      for (int stream = 0; stream < kl.length; stream++) {
        cells[stream + 1] = cell(kl[translator][stream], evaluation);
      }
      table.row(cells);
    }
    table.print(screen);
  }

  private String cell(double nats, Evaluation evaluation) {
    return Numbers.fixed(inUnit(nats, evaluation), 4);
  }

  private ObjectNode object(Model model, Evaluation evaluation) {
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.put("tokens", evaluation.tokens());
    object.put("nats_to_bits_per_byte", evaluation.natsToBitsPerByte());
    units(object, "cross_entropy", evaluation.crossEntropy(), evaluation);
    units(object, "entropy", evaluation.entropy(), evaluation);
    ArrayNode lenses = object.putArray("lenses");
    for (LensScores scores : evaluation.lenses()) {
      ObjectNode one = lenses.addObject();
      one.put("lens", scores.kind());
      ArrayNode layers = one.putArray("layers");
      for (int layer = 0; layer < scores.kl().length; layer++) {
        ObjectNode row = layers.addObject();
        row.put("layer", layer);
        units(row, "kl", scores.kl()[layer], evaluation);
        units(row, "cross_entropy", scores.crossEntropy()[layer], evaluation);
        units(row, "entropy", scores.entropy()[layer], evaluation);
        units(row, "bias", scores.bias()[layer], evaluation);
      }
      LensScores.Transfer moved = scores.transfer();
      if (moved != null) {
        matrix(one.putArray("transfer_kl_nats"), moved.kl());
        matrix(one.putArray("transfer_cross_entropy_nats"), moved.crossEntropy());
      }
    }
    return object;
  }

  private static void units(ObjectNode object, String key, double nats, Evaluation evaluation) {
    ObjectNode value = object.putObject(key);
    value.put("nats", nats);
    value.put("bits_per_token", Evaluation.bitsPerToken(nats));
    value.put("bits_per_byte", evaluation.bitsPerByte(nats));
  }

  private static void matrix(ArrayNode to, double[][] rows) {
    for (double[] row : rows) {
      ArrayNode array = to.addArray();
      for (double x : row) {
        array.add(x);
      }
    }
  }
}
