package dev.diopter.lens.patterns;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.JsonLines;
import dev.diopter.lens.pictures.Matrix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Draws the figures of stored prompts, without the model. Layers of prompts are drawn side by side;
 * memory holds one layer's patterns for each thread. What fails is told at the end and the rest is
 * done.
 */
public final class FigureRun {
  private final ModelFolder folder;
  private final FigureOptions options;
  private final StoredModel model;

  /**
   * Prepares to draw.
   *
   * @throws FormatException where no model is stored there
   */
  public FigureRun(ModelFolder folder, FigureOptions options) {
    this.folder = folder;
    this.options = options;
    this.model = folder.config();
  }

  /**
   * Draws what is missing of every stored prompt: first those that {@code prompts.jsonl} lists, in
   * its order, then the others.
   *
   * @return counts of figures; prompts that cannot be read count as one failure each
   */
  public RunSummary run(RunListener listener) {
    Tally tally = new Tally(listener);
    List<String> hashes = hashes(tally);
    long each = 0;
    for (FigureFunction function : options.functions()) {
      each += options.formatsOf(function).size();
    }
    tally.total(each * model.layers() * model.heads() * hashes.size());
    try (Workers workers = new Workers(options.threads())) {
      for (String hash : hashes) {
        draw(hash, workers, tally);
      }
      workers.drain();
    }
    return tally.summary();
  }

  private List<String> hashes(Tally tally) {
    Set<String> hashes = new LinkedHashSet<>();
    if (Files.isRegularFile(folder.promptsFile())) {
      try (JsonLines lines = JsonLines.open(folder.promptsFile())) {
        while (lines.next()) {
          addHash(lines, hashes, tally);
        }
      }
    }
    hashes.addAll(folder.hashes());
    List<String> all = List.copyOf(hashes);
    Long most = options.most();
    return most == null || most >= all.size() ? all : all.subList(0, most.intValue());
  }

  private static void addHash(JsonLines lines, Set<String> hashes, Tally tally) {
    try {
      JsonNode row = lines.value();
      hashes.add(PatternPrompt.of(lines.where(), row).hash());
    } catch (FormatException e) {
      tally.failed("prompts.jsonl", e);
    }
  }

  private void draw(String hash, Workers workers, Tally tally) {
    PatternPrompt prompt;
    try {
      prompt = folder.prompt(hash);
      folder.load(prompt).close();
    } catch (FormatException e) {
      tally.failed(hash, e);
      return;
    }
    Path place = folder.promptFolder(prompt);
    List<String> tokens = prompt.tokens();
    for (int layer = 0; layer < model.layers(); layer++) {
      List<HeadFigures> heads = new ArrayList<>();
      int missing = 0;
      for (int head = 0; head < model.heads(); head++) {
        HeadFigures figures = HeadFigures.of(place, layer, head, options);
        missing += figures.missing();
        heads.add(figures);
      }
      if (missing == 0) {
        skip(tally);
        continue;
      }
      int drawn = layer;
      workers.run(() -> {
        try {
          draw(prompt, tokens, drawn, heads, tally);
        } catch (FormatException e) {
          tally.failed(hash + " L" + drawn, e);
        }
      });
    }
  }

  private void skip(Tally tally) {
    for (FigureFunction function : options.functions()) {
      tally.skipped((long) options.formatsOf(function).size() * model.heads());
    }
  }

  private void draw(
      PatternPrompt prompt, List<String> tokens, int layer, List<HeadFigures> heads, Tally tally) {
    List<Matrix> patterns;
    try (StoredPatterns stored = folder.open(prompt)) {
      patterns = stored.layer(layer);
    }
    if (patterns.size() != heads.size()) {
      throw new FormatException(
          "expected patterns of %d heads by model_cfg.json, found %d; run patterns activations --force"
              .formatted(heads.size(), patterns.size()));
    }
    for (int head = 0; head < patterns.size(); head++) {
      AttentionPattern pattern = new AttentionPattern(layer, head, patterns.get(head), tokens);
      heads.get(head).draw(pattern, prompt.hash() + " L" + layer + "H" + head, tally);
    }
  }
}
