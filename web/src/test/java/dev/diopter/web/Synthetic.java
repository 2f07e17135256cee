package dev.diopter.web;

import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Folders of saved patterns as {@code patterns activations} leaves them, with made-up contents. */
final class Synthetic {
  private static final String[] WORDS = {
    "\u0120the",
    "\u0120cat",
    "\u0120sat",
    "\u0120on",
    "\u0120a",
    "\u0120mat",
    ".",
    "\u0120Then",
    "\u0120dog",
    "\u0120caf\u00c3\u00a9"
  };

  private Synthetic() {}

  /** Some models that share some prompts. */
  static void write(Path folder, int models, int prompts, int layers, int heads, int tokens)
      throws IOException {
    StringBuilder index = new StringBuilder();
    for (int m = 0; m < models; m++) {
      String model = "model-" + m;
      ObjectNode config = Json.object();
      config.put("model_name", model);
      config.put("d_model", 64);
      config.put("n_layers", layers);
      config.put("n_heads", heads);
      config.put("default_prepend_bos", true);
      index.append(Json.compact(config)).append('\n');
      StringBuilder lines = new StringBuilder();
      for (int p = 0; p < prompts; p++) {
        lines.append(prompt(folder.resolve(model), p, layers, heads, tokens, m)).append('\n');
      }
      Files.writeString(folder.resolve(model).resolve("prompts.jsonl"), lines);
    }
    Files.writeString(folder.resolve("models.jsonl"), index);
    Files.writeString(
        folder.resolve("figures.jsonl"),
        "{\"name\": \"raw\", \"figure_save_fmt\": \"svgz\", \"doc\": \"raw\"}\n");
  }

  private static String prompt(Path model, int p, int layers, int heads, int tokens, int seed)
      throws IOException {
    String hash = "prompt%02d".formatted(p);
    Path folder = model.resolve("prompts").resolve(hash);
    Files.createDirectories(folder);
    SplittableRandom random = new SplittableRandom(31L * p + seed);
    List<String> words = new ArrayList<>();
    for (int i = 0; i < tokens - 1; i++) {
      words.add(WORDS[random.nextInt(WORDS.length)]);
    }
    ObjectNode row = Json.object();
    row.put(
        "text",
        "Prompt "
            + p
            + ": <b onclick=\"alert(1)\">"
            + String.join("", words).replace('\u0120', ' ').replace("\u00c3\u00a9", "\u00e9"));
    row.putObject("meta").put("pile_set_name", p % 2 == 0 ? "even" : "odd");
    row.put("hash", hash);
    row.put("n_tokens", tokens - 1);
    ArrayNode array = row.putArray("tokens");
    words.forEach(array::add);
    Files.writeString(folder.resolve("prompt.json"), Json.compact(row));
    NpzWriter.write(
        folder.resolve("activations.npz"),
        NpzWriter.Packing.DEFLATED,
        npz -> {
          for (int layer = 0; layer < layers; layer++) {
            npz.floats(
                "blocks." + layer + ".attn.hook_pattern",
                List.of(1, heads, tokens, tokens),
                patterns(layer, heads, tokens, random));
          }
        });
    return Json.compact(row);
  }

  /** Heads of a few kinds: previous token, sink, local, spread. */
  static float[] patterns(int layer, int heads, int n, SplittableRandom random) {
    float[] out = new float[heads * n * n];
    for (int h = 0; h < heads; h++) {
      for (int q = 0; q < n; q++) {
        int row = (h * n + q) * n;
        double sum = 0;
        for (int k = 0; k <= q; k++) {
          double base = 0.15 + 0.1 * random.nextDouble();
          double weight =
              switch ((h + layer) % 4) {
                case 0 -> k == q - 1 ? 6 : base / (1 + q - k);
                case 1 -> k == 0 ? 4 : base;
                case 2 -> Math.exp(-(q - k) / 5.0);
                default -> base * (k % 3 == 0 ? 3 : 1);
              };
          out[row + k] = (float) weight;
          sum += weight;
        }
        for (int k = 0; k <= q; k++) {
          out[row + k] /= (float) sum;
        }
      }
    }
    return out;
  }

  /** A gzipped figure for a head. */
  static void figure(Path folder, String model, String hash, int layer, int head)
      throws IOException {
    Path file =
        folder.resolve(model + "/prompts/" + hash + "/L" + layer + "/H" + head + "/raw.svgz");
    Files.createDirectories(file.getParent());
    try (var out = new java.util.zip.GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(
          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"><rect width=\"8\" height=\"8\" fill=\"#36c\"/></svg>"
              .getBytes(StandardCharsets.UTF_8));
    }
  }
}
