package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import dev.diopter.lens.causal.Ablation;
import dev.diopter.lens.causal.Alignment;
import dev.diopter.lens.causal.BasisOptions;
import dev.diopter.lens.causal.CausalBases;
import dev.diopter.lens.causal.CausalBasis;
import dev.diopter.lens.causal.Response;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.training.LensData;
import dev.diopter.lens.tuned.training.LensLoss;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter lens basis}: which directions of a stream lens and model use. */
@picocli.CommandLine.Command(
    name = "basis",
    description =
        "Find the directions of each layer's stream that a lens depends on most, and what taking"
            + " them out does to the model.",
    footer = {"", "Example: diopter lens basis demo-gpt2 --data held-out.jsonl --layers 3 -k 4"})
final class LensBasisCommand implements Command {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Mixin private final LensOption lens = new LensOption();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      required = true,
      arity = "1..*",
      description =
          "Texts: .jsonl with an object with a text in each line, else a text in each line.")
  private List<Path> files = List.of();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "At most so many tokens, whole chunks of them; 512 unless given.")
  private int tokens = 512;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "Tokens of a chunk; 64 unless given, never more than the model's context.")
  private int maxLength = 64;

  @Option(
      names = "--layers",
      paramLabel = "0,1,2",
      description = "Whose streams; all layers unless given.")
  private @Nullable String layers;

  @Option(
      names = {"-k", "--vectors"},
      paramLabel = "K",
      description = "Directions of each layer; 4 unless given, 0 for all.")
  private int vectors = 4;

  @Option(
      names = "--ablation",
      paramLabel = "NAME",
      description = "What takes a direction's place: mean (default), zero or resample.")
  private String ablation = Ablation.MEAN.label();

  @Option(
      names = "--loss",
      paramLabel = "NAME",
      description =
          "Energy: kl (default), the divergence from the lens's own prediction, or ce, what the"
              + " cross-entropy of the next token grows by.")
  private String loss = LensLoss.KL.label();

  @Option(
      names = "--max-evaluations",
      paramLabel = "N",
      description = "Of the energy for one direction; 100 unless given.")
  private int maxEvaluations = BasisOptions.DEFAULT.maxEvaluations();

  @Option(names = "--seed", paramLabel = "N", description = "Of resample; 0 unless given.")
  private long seed;

  @Option(
      names = "--npz",
      paramLabel = "FILE.npz",
      description = "Write layers, energies and vectors as arrays.")
  private @Nullable Path npz;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  LensBasisCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  /** A layer's basis and what each of its directions does. */
  private record Found(CausalBasis basis, List<Response> responses) {}

  @Override
  public void run() {
    BasisOptions options =
        new BasisOptions(
            vectors, Ablation.of(ablation), maxEvaluations, BasisOptions.DEFAULT.tolerance(), seed);
    LensLoss measured = LensLoss.of(loss);
    if (tokens < 2 || maxLength < 2) {
      throw new UsageException(
          "expected --tokens and --max-length of 2 or more, got %d and %d"
              .formatted(tokens, maxLength));
    }
    int[] wanted = layers == null ? null : TokenIds.parse("--layers", layers);
    compute.validate();
    process.wanted();
    result.validate();
    if (npz != null) {
      ResultFile.requireWritable(npz);
    }
    lens.read(name);
    try (Model model = process.open(compute, name, screen, output)) {
      Lens read = lens.of(model, output);
      int[] chosen = wanted == null ? IntStream.range(0, read.layers()).toArray() : wanted;
      for (int layer : chosen) {
        if (layer >= read.layers()) {
          throw new UsageException(
              "--layers: expected 0 to %d, got %d".formatted(read.layers() - 1, layer));
        }
      }
      if (vectors > read.width()) {
        throw new UsageException(
            "--vectors: expected at most %d, as many as the stream is wide, got %d"
                .formatted(read.width(), vectors));
      }
      List<Prompt> prompts = prompts(model);
      Alignment alignment = new Alignment(model, read, prompts);
      List<Found> found = find(model, read, alignment, prompts, chosen, options, measured);
      if (npz != null) {
        write(npz, found);
        output.note("wrote " + npz);
      }
      if (result.wanted(output)) {
        result.deliver(object(model, read, prompts, found), screen, output);
      }
      if (!output.json()) {
        table(model, read, prompts, found);
      }
    }
  }

  private List<Prompt> prompts(Model model) {
    LensData data = LensData.of(model, files, Math.min(maxLength, tokens));
    List<int[]> chunks = data.chunks(tokens / data.chunkSize());
    if (chunks.isEmpty()) {
      throw new UsageException(
          "too little text: expected %d tokens for a chunk; give more texts or a smaller --max-length"
              .formatted(data.chunkSize()));
    }
    return chunks.stream().map(Prompt::ofIds).toList();
  }

  private List<Found> find(
      Model model,
      Lens read,
      Alignment alignment,
      List<Prompt> prompts,
      int[] chosen,
      BasisOptions options,
      LensLoss measured) {
    List<Found> found = new ArrayList<>();
    try (CausalBases bases = new CausalBases(model, read, options);
        Progress bar = Progress.start(screen, output, "looking for directions")) {
      for (int layer : chosen) {
        int before = found.size();
        CausalBases.Listener listener =
            (done, of) -> bar.update((long) before * of + done, (long) chosen.length * of);
        float[] rows = alignment.rows(layer);
        CausalBasis basis =
            measured == LensLoss.KL
                ? bases.extract(layer, rows, null, listener)
                : bases.extract(
                    layer, withoutLast(rows, prompts, read.width()), labels(prompts), listener);
        List<Response> responses = new ArrayList<>();
        for (int v = 0; v < basis.size(); v++) {
          responses.add(alignment.measure(layer, basis.direction(v), options.ablation(), seed));
        }
        found.add(new Found(basis, responses));
      }
    }
    return found;
  }

  /** Rows that have a next token. */
  private static float[] withoutLast(float[] rows, List<Prompt> prompts, int width) {
    int length = prompts.getFirst().length();
    float[] out = new float[prompts.size() * (length - 1) * width];
    for (int s = 0; s < prompts.size(); s++) {
      int size = (length - 1) * width;
      System.arraycopy(rows, s * length * width, out, s * size, size);
    }
    return out;
  }

  private static int[] labels(List<Prompt> prompts) {
    return prompts.stream().flatMapToInt(p -> IntStream.of(p.ids()).skip(1)).toArray();
  }

  private void table(Model model, Lens read, List<Prompt> prompts, List<Found> found) {
    screen
        .out()
        .println(
            "%s lens, %d positions%s; %s in nats"
                .formatted(
                    read.kind(),
                    prompts.size() * prompts.getFirst().length(),
                    ProcessOption.said(model),
                    "energy and what the model's prediction changes by"));
    Tables table = new Tables().right("layer").right("vector").right("energy");
    table.right("model").right("alignment");
    for (Found each : found) {
      for (int v = 0; v < each.basis.size(); v++) {
        table.row(
            Integer.toString(each.basis.layer()),
            Integer.toString(v),
            Numbers.fixed(each.basis.energies()[v], 4),
            Numbers.fixed(each.responses.get(v).effect(), 4),
            Numbers.fixed(each.responses.get(v).alignment(), 3));
      }
    }
    table.print(screen);
  }

  private ObjectNode object(Model model, Lens read, List<Prompt> prompts, List<Found> found) {
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.put("lens", read.kind());
    object.put("site", read.site().label());
    object.put("tokens", prompts.size() * prompts.getFirst().length());
    object.put("ablation", ablation);
    object.put("loss", loss);
    ArrayNode bases = object.putArray("bases");
    for (Found each : found) {
      ObjectNode basis = bases.addObject();
      basis.put("layer", each.basis.layer());
      ArrayNode list = basis.putArray("vectors");
      for (int v = 0; v < each.basis.size(); v++) {
        ObjectNode one = list.addObject();
        one.put("energy", each.basis.energies()[v]);
        one.put("effect", each.responses.get(v).effect());
        one.put("alignment", each.responses.get(v).alignment());
      }
    }
    return object;
  }

  private static void write(Path file, List<Found> found) {
    int k = found.getFirst().basis.size();
    int width = found.getFirst().basis.vectors()[0].length;
    int count = found.size();
    float[] layers = new float[count];
    double[] energies = new double[count * k];
    float[] vectors = new float[count * k * width];
    for (int i = 0; i < count; i++) {
      CausalBasis basis = found.get(i).basis;
      layers[i] = basis.layer();
      System.arraycopy(basis.energies(), 0, energies, i * k, k);
      for (int v = 0; v < k; v++) {
        System.arraycopy(basis.vectors()[v], 0, vectors, (i * k + v) * width, width);
      }
    }
    NpzWriter.write(
        file,
        NpzWriter.Packing.STORED,
        out -> {
          out.floats("layers", List.of(count), layers);
          out.doubles("energies", List.of(count, k), energies);
          out.floats("vectors", List.of(count, k, width), vectors);
        });
  }
}
