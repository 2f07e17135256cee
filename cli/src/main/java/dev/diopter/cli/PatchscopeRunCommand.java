package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.lens.patchscope.Cell;
import dev.diopter.lens.patchscope.CellJson;
import dev.diopter.lens.patchscope.Patch;
import dev.diopter.lens.patchscope.PatchRun;
import dev.diopter.lens.patchscope.Patchscope;
import dev.diopter.lens.patchscope.Reading;
import dev.diopter.lens.patchscope.Readout;
import dev.diopter.lens.patchscope.Target;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter patchscope run}: one patch. */
@picocli.CommandLine.Command(
    name = "run",
    description = "One patch: a source's vectors into a target.",
    footer = {
      "",
      "Example: diopter patchscope run demo-llama --bos --source \"The capital of Japan is\""
          + " --source-layer 3 --source-position -1"
          + " --target \"cat is cat; red is red; Rome is\" --target-layer 3 --target-position -1"
    })
final class PatchscopeRunCommand implements Command {
  @Mixin private final ScopeOptions options = new ScopeOptions();

  @Option(
      names = "--all-steps",
      description = "Keep the logits behind every new token: step_logits of the JSON object.")
  private boolean allSteps;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  PatchscopeRunCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    options.validate(true, true);
    compute.validate();
    result.validate();
    try (ScopeModels models =
        ScopeModels.open(options.model(), options.targetModel(), compute, screen, output)) {
      Patch patch =
          options.compatible(options.patch(models.from(), models.to(), Target.NEW_TOKENS));
      Readout readout = options.withTokens(options.readout(Readout.At.LAST), models.to());
      readout = allSteps ? readout.withAllSteps() : readout;
      Patchscope scope = Patchscope.of(patch).readout(readout).limits(options.limits());
      scope.requireChange();
      PatchRun run = scope.start();
      options.advise(models.from(), patch.source().input().prompt(), output);
      Cell cell;
      try (Progress _ = Progress.start(screen, output, "patching")) {
        cell = run.next();
      }
      if (result.wanted(output)) {
        result.deliver(object(models, cell, run), screen, output);
      }
      if (!output.json()) {
        print(models, cell);
      }
    }
  }

  private static ObjectNode object(ScopeModels models, Cell cell, PatchRun run) {
    ObjectNode object = Json.object();
    object.put("model", models.from().name());
    object.put("target_model", models.to().name());
    object.put("backend", models.to().backend());
    object.set("source_ids", Tokens.ids(cell.patch().source().input().prompt().ids()));
    object.set("target_ids", Tokens.ids(cell.patch().target().input().prompt().ids()));
    object.setAll(CellJson.object(cell).without("index"));
    ScopeText.counters(object, run.counters());
    return object;
  }

  private void print(ScopeModels models, Cell cell) {
    Style style = Style.of(screen);
    Tokens from = Tokens.of(models.from());
    Tokens to = Tokens.of(models.to());
    screen
        .out()
        .println(
            style.title(cell.route().toString()) + style.faint(" on " + models.to().backend()));
    Pages.fact(
        screen,
        "source",
        ScopeText.marked(cell.patch().source().input(), cell.sourcePositions(), from));
    Pages.fact(
        screen,
        "target",
        ScopeText.marked(cell.patch().target().input(), cell.targetPositions(), to));
    Pages.fact(screen, "map", cell.patch().mapping().name());
    Pages.fact(screen, "schedule", cell.patch().target().schedule().label());
    String text = cell.text();
    if (cell.generatedIds().length > 0) {
      Pages.fact(
          screen,
          "generated",
          text == null
              ? TokenIds.join(cell.generatedIds())
              : Text.harmless(text).replace("\n", "\\n"));
    }
    Reading reading = cell.reading();
    Pages.fact(
        screen,
        "against source",
        reading.precisionAt1() == null
            ? "none: the models have other tokens"
            : "%s, surprisal %s nats (the paper's %s), KL %s"
                .formatted(
                    reading.precisionAt1() == 1 ? "same best token" : "another best token",
                    Numbers.fixed(
                        java.util.Objects.requireNonNull(reading.surprisalOfSourceTop()), 3),
                    Numbers.fixed(
                        java.util.Objects.requireNonNull(reading.surprisalOfPatchedTop()), 3),
                    Numbers.fixed(java.util.Objects.requireNonNull(reading.klFromSource()), 3)));
    Pages.fact(
        screen,
        "against target",
        "KL from the unpatched target %s, entropy %s nats"
            .formatted(
                Numbers.fixed(reading.klFromUnpatched(), 3), Numbers.fixed(reading.entropy(), 3)));
    screen.out().println();
    Tables table =
        new Tables().right("rank").right("id").left("token").right("logit").right("probability");
    reading.top().forEach(c -> ScopeText.row(table, c, to));
    reading.tokens().forEach(c -> ScopeText.row(table, c, to));
    table.print(screen);
  }
}
