package dev.diopter.lens.patching;

import dev.diopter.engine.Branch;
import dev.diopter.engine.Edit;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.Site;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.HeadId;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Path patching (Wang and others, Interpretability in the Wild, 2022): what one head's output does
 * by way of one later head alone. For each sender one pass with everything else held gives the
 * stream that its receivers would see; each receiver then gets it as its own input, through the
 * exact norm, and everything behind it is computed. Senders of a layer run together, and so do
 * receivers.
 */
public final class PathPatching {
  private final PatchRuns runs;
  private final PathRequest request;
  private final ToDoubleFunction<float[]> measure;
  private final double[][] values;
  private long tokenLayers;

  private PathPatching(
      PatchRuns runs, PathRequest request, ToDoubleFunction<float[]> measure, double unpatched) {
    this.runs = runs;
    this.request = request;
    this.measure = measure;
    this.values = new double[request.receivers().size()][];
    for (int r = 0; r < values.length; r++) {
      values[r] = new double[Arrays.stream(shape(r)).reduce(1, Math::multiplyExact)];
      Arrays.fill(values[r], unpatched);
    }
  }

  /**
   * Patches paths.
   *
   * @return a sweep for each kind of receiver: [sender, layer, head], in the order of the senders;
   *     for the logits [sender]. Heads that no path reaches have the unpatched metric
   * @throws UsageException if the request does not fit the model; nothing was computed
   */
  public static PatchResult run(Model model, PathRequest request) {
    DecoderConfig config = model.config();
    request.metric().requireFits(config.vocabulary());
    request.senders().forEach(head -> head.in(config));
    boolean denoise = request.direction() == PatchRequest.Direction.DENOISE;
    PatchRuns runs =
        PatchRuns.of(
            model,
            denoise ? request.corrupt() : request.clean(),
            denoise ? request.clean() : request.corrupt(),
            List.of("blocks.*.attn.hook_z", "blocks.*.hook_mlp_out"));
    float[] clean = (denoise ? runs.source() : runs.base()).lastLogits();
    float[] corrupt = (denoise ? runs.base() : runs.source()).lastLogits();
    ToDoubleFunction<float[]> measure = request.metric().measure(clean, corrupt);
    double unpatched = measure.applyAsDouble(runs.base().lastLogits());
    PathPatching patching = new PathPatching(runs, request, measure, unpatched);
    PatchCost cost = patching.run();
    return new PatchResult(clean, corrupt, unpatched, patching.sweeps(), cost);
  }

  private PatchCost run() {
    PatchCost cost = new PatchCost(2L * runs.length() * runs.layers(), 2, 0, 0);
    CellBatch cells = CellBatch.toLogits(runs, request.memoryBytes());
    for (int layer = 0; layer < runs.layers(); layer++) {
      senders(layer, cells);
    }
    cells.flush();
    long count = Arrays.stream(values).mapToLong(v -> v.length).sum();
    return cost.plus(cells.cost()).plus(new PatchCost(tokenLayers, 0, count, 0));
  }

  /** All senders of a layer: the streams behind them with everything else held. */
  private void senders(int layer, CellBatch cells) {
    boolean logits = request.receivers().contains(PathRequest.Receiver.LOGITS);
    int last = runs.layers() - (logits ? 0 : 1); // the last stream that somebody receives
    if (layer >= last) {
      return;
    }
    List<String> reads = IntStream.rangeClosed(layer + 1, last).mapToObj(runs::streamHook).toList();
    CellBatch held = CellBatch.toHooks(runs, request.memoryBytes(), reads);
    for (int s = 0; s < request.senders().size(); s++) {
      HeadId head = request.senders().get(s);
      if (head.layer() != layer) {
        continue;
      }
      String z = hook(Site.Z, layer);
      Values sent = new Values(runs.sourceValue(z), runs.baseValue(z), head.head(), -1);
      int[] changed = sent.changed();
      if (changed.length > 0) {
        int from = changed[0];
        int sender = s;
        tokenLayers += (long) (runs.length() - from) * (last - layer);
        held.add(
            new Branch(layer, from, runs.streamFrom(layer, from)),
            holding(layer, last, from, sent),
            run -> received(sender, layer, from, run, cells));
      }
    }
    held.flush();
  }

  /** The sender's output and what is held as it is. */
  private List<Edit> holding(int layer, int last, int from, Values sent) {
    List<Edit> edits = new ArrayList<>();
    edits.add(sent.edit(from, runs.length()));
    for (int l = layer; l < last; l++) {
      if (l > layer) {
        edits.add(held(hook(Site.Z, l), from));
      }
      if (request.through() == PathRequest.Through.DIRECT) {
        edits.add(held(hook(Site.MLP_OUT, l), from));
      }
    }
    return edits;
  }

  private Edit held(String hook, int from) {
    return new Values(runs.baseValue(hook), runs.baseValue(hook), -1, -1).edit(from, runs.length());
  }

  private static String hook(Site site, int layer) {
    return site.template().replace("{l}", Integer.toString(layer));
  }

  /** One sender's streams: each receiver gets its own as a run of its own. */
  private void received(int sender, int layer, int from, RunResult run, CellBatch cells) {
    int width = runs.model().config().width();
    for (int r = 0; r < values.length; r++) {
      Site input = request.receivers().get(r).input();
      if (input == null) {
        float[] rows = run.activation(runs.streamHook(runs.layers())).values();
        float[] lastRow = Arrays.copyOfRange(rows, rows.length - width, rows.length);
        cells.add(
            new Branch(runs.layers(), runs.length() - 1, lastRow),
            List.of(),
            taker(r, new int[] {sender}));
        continue;
      }
      for (int l = layer + 1; l < runs.layers(); l++) {
        float[] rows = run.activation(runs.streamHook(l)).values();
        int[] shape = {rows.length / width, 1, width};
        for (int h = 0; h < shape(r)[2]; h++) {
          Selection where =
              Selection.ALL.positions(IntStream.range(from, runs.length()).toArray()).heads(h);
          Operation replace = new Operation.Replace(new Operation.Value(shape, rows), false);
          cells.add(
              new Branch(l, from, runs.streamFrom(l, from)),
              List.of(new Edit(hook(input, l), where, replace, false)),
              taker(r, new int[] {sender, l, h}));
        }
      }
    }
  }

  private Consumer<RunResult> taker(int receiver, int[] index) {
    int at = Sweep.offset(shape(receiver), index);
    return run -> values[receiver][at] = measure.applyAsDouble(run.lastLogits());
  }

  private int[] shape(int receiver) {
    DecoderConfig config = runs.model().config();
    int senders = request.senders().size();
    return switch (request.receivers().get(receiver)) {
      case LOGITS -> new int[] {senders};
      case Q -> new int[] {senders, config.layers(), config.heads()};
      case K, V -> new int[] {senders, config.layers(), config.keyValueHeads()};
    };
  }

  private List<Sweep> sweeps() {
    List<Sweep> sweeps = new ArrayList<>();
    for (int r = 0; r < values.length; r++) {
      int[] shape = shape(r);
      List<String> axes = List.of("sender", "layer", "head").subList(0, shape.length);
      sweeps.add(new Sweep(request.receivers().get(r).label(), axes, shape, values[r]));
    }
    return sweeps;
  }
}
