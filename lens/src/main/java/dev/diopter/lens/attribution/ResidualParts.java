package dev.diopter.lens.attribution;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.WeightProcessing;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The parts of one run's residual stream at some positions, read in one pass. A layer {@code n} in
 * its methods means the stream that enters block n; the number of layers means the stream behind
 * the last block.
 */
public final class ResidualParts {
  private final DecoderConfig config;
  private final WeightProcessing processing;
  private final RunResult run;
  private final int[] positions;

  private ResidualParts(Model model, RunResult run, int[] positions) {
    this.config = model.config();
    this.processing = model.processing();
    this.run = run;
    this.positions = positions;
  }

  /** Which parts {@link ResidualParts#decomposed} gives. */
  public enum Mode {
    /** Attention and MLPs. */
    ALL,
    /** MLPs alone. */
    MLP,
    /** Attention alone. */
    ATTENTION
  }

  /**
   * Runs a prompt.
   *
   * @param plan edits, through which the parts are those of a changed run
   * @param positions at least one; negative numbers count from the end
   * @throws UsageException if a position is out of range; nothing was computed
   */
  public static ResidualParts of(Model model, Prompt prompt, HookPlan plan, int... positions) {
    int[] absolute = new int[positions.length];
    for (int i = 0; i < absolute.length; i++) {
      int p = positions[i] < 0 ? positions[i] + prompt.length() : positions[i];
      if (p < 0 || p >= prompt.length() || (i > 0 && p <= absolute[i - 1])) {
        throw new UsageException(
            "positions: expected ascending numbers 0..%d (or -%d..-1 from the end), got %s"
                .formatted(prompt.length() - 1, prompt.length(), Arrays.toString(positions)));
      }
      absolute[i] = p;
    }
    if (absolute.length == 0) {
      throw new UsageException("positions: expected at least one, got none");
    }
    Selection where = Selection.ALL.positions(absolute);
    HookPlan.Builder hooks = HookPlan.builder().include(plan).read("hook_embed", where);
    if (model.config().positions() == DecoderConfig.Positions.LEARNED) {
      hooks.read("hook_pos_embed", where);
    }
    for (String site : List.of("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")) {
      hooks.read("blocks.*.hook_" + site, where);
    }
    hooks.read("blocks.*.attn.hook_result", where);
    hooks.read("blocks.*.mlp.hook_post", where);
    hooks.read("blocks.*.ln1.hook_scale", where);
    hooks.read("blocks.*.ln2.hook_scale", where);
    hooks.read("ln_final.hook_scale", where);
    RunRequest request = RunRequest.of(prompt).plan(hooks.build()).logits(Logits.at(absolute));
    return new ResidualParts(model, model.run(request).getFirst(), absolute);
  }

  /** The positions, from 0. */
  public int[] positions() {
    return positions.clone();
  }

  /** Logits at the positions, [position, vocabulary]. */
  public float[] logits() {
    return run.logits().clone();
  }

  /** The divisor of the final norm at each position. */
  public float[] finalScale() {
    return values("ln_final.hook_scale").clone();
  }

  /**
   * The divisor of a block's norm at each position.
   *
   * @param mlp of the norm in front of the MLP instead of attention
   */
  public float[] scale(int layer, boolean mlp) {
    requireLayer(layer, config.layers() - 1);
    return values(block(layer, mlp ? "ln2.hook_scale" : "ln1.hook_scale")).clone();
  }

  /**
   * The stream as it accumulates: in front of each block up to {@code layer}, with {@code middles}
   * between attention and MLP too. Labels {@code 0_pre}, {@code 0_mid}, ..., {@code final_post}.
   *
   * @param mlpInput ends between attention and MLP of {@code layer}
   */
  public ResidualStack accumulated(int layer, boolean middles, boolean mlpInput) {
    requireLayer(layer, mlpInput ? config.layers() - 1 : config.layers());
    Collector out = new Collector();
    for (int l = 0; l <= layer; l++) {
      if (l == config.layers()) {
        out.add("final_post", values(block(l - 1, "hook_resid_post")));
        continue;
      }
      out.add(l + "_pre", values(block(l, "hook_resid_pre")));
      if (l < layer ? middles : mlpInput) {
        out.add(l + "_mid", values(block(l, "hook_resid_mid")));
      }
    }
    return out.stack();
  }

  /**
   * What the embeddings, attention and MLPs in front of {@code layer} add. With all of it the
   * components add up to the stream there. Labels {@code embed}, {@code pos_embed}, {@code
   * 0_attn_out}, {@code 0_mlp_out}, ...
   *
   * @param mlpInput with the attention of {@code layer}
   */
  public ResidualStack decomposed(int layer, Mode mode, boolean mlpInput, boolean embeddings) {
    requireLayer(layer, mlpInput ? config.layers() - 1 : config.layers());
    Collector out = new Collector();
    if (embeddings) {
      addEmbeddings(out);
    }
    for (int l = 0; l < layer; l++) {
      if (mode != Mode.MLP) {
        out.add(l + "_attn_out", values(block(l, "hook_attn_out")));
      }
      if (mode != Mode.ATTENTION) {
        out.add(l + "_mlp_out", values(block(l, "hook_mlp_out")));
      }
    }
    if (mlpInput && mode != Mode.MLP) {
      out.add(layer + "_attn_out", values(block(layer, "hook_attn_out")));
    }
    return out.stack();
  }

  /** Everything that makes the stream behind the last block. */
  public ResidualStack decomposed() {
    return decomposed(config.layers(), Mode.ALL, false, true);
  }

  private void addEmbeddings(Collector out) {
    out.add("embed", values("hook_embed"));
    if (config.positions() == DecoderConfig.Positions.LEARNED) {
      out.add("pos_embed", values("hook_pos_embed"));
    }
  }

  /**
   * What each head in front of {@code layer} adds, without the output bias. Labels {@code L0H0},
   * ...
   *
   * @param remainder with what is left of the stream entering {@code layer}, as {@code remainder}
   */
  public ResidualStack heads(int layer, boolean remainder) {
    requireLayer(layer, config.layers());
    Collector out = new Collector();
    addHeads(out, layer);
    if (remainder) {
      addRemainder(out, layer);
    }
    return out.stack();
  }

  private void addHeads(Collector out, int layer) {
    int width = config.width();
    int heads = config.heads();
    for (int l = 0; l < layer; l++) {
      float[] results = values(block(l, "attn.hook_result"));
      for (int h = 0; h < heads; h++) {
        float[] own = new float[positions.length * width];
        for (int p = 0; p < positions.length; p++) {
          System.arraycopy(results, (p * heads + h) * width, own, p * width, width);
        }
        out.add("L%dH%d".formatted(l, h), own);
      }
    }
  }

  private void addRemainder(Collector out, int layer) {
    double[] sum = out.stack().sum();
    float[] rest = stream(layer).clone();
    for (int i = 0; i < rest.length; i++) {
      rest[i] = (float) (rest[i] - sum[i]);
    }
    out.add("remainder", rest);
  }

  /**
   * What each neuron of a block's MLP adds: its activation times its row of the output matrix,
   * without bias. Labels {@code L0N0}, ...
   */
  public ResidualStack neurons(int layer, BlockWeights weights) {
    requireLayer(layer, config.layers() - 1);
    Collector out = new Collector();
    addNeurons(out, layer, weights);
    return out.stack();
  }

  private void addNeurons(Collector out, int layer, BlockWeights weights) {
    requireProcessing(weights.processing());
    float[] post = activations(layer);
    float[] down = weights.down(layer);
    int width = config.width();
    int neurons = config.mlpWidth();
    for (int n = 0; n < neurons; n++) {
      float[] own = new float[positions.length * width];
      for (int i = 0; i < own.length; i++) {
        own[i] = post[i / width * neurons + n] * down[n * width + i % width];
      }
      out.add("L%dN%d".formatted(layer, n), own);
    }
  }

  /** A block's neurons after their activation, [position, neuron]; not to be changed. */
  float[] activations(int layer) {
    return values(block(layer, "mlp.hook_post"));
  }

  /**
   * Everything at its finest: heads, then neurons of each block (or its {@code 0_mlp_out}), {@code
   * embed}, {@code pos_embed}, {@code bias}. Adds up to the stream entering {@code layer}. With
   * neurons it has layers x neurons x width numbers for each position.
   */
  public ResidualStack full(int layer, boolean neurons, BlockWeights weights) {
    requireLayer(layer, config.layers());
    requireProcessing(weights.processing());
    Collector out = new Collector();
    addHeads(out, layer);
    for (int l = 0; l < layer; l++) {
      if (neurons) {
        addNeurons(out, l, weights);
      } else {
        out.add(l + "_mlp_out", values(block(l, "hook_mlp_out")));
      }
    }
    addEmbeddings(out);
    float[] bias = weights.bias(layer, neurons);
    float[] everywhere = new float[positions.length * bias.length];
    for (int p = 0; p < positions.length; p++) {
      System.arraycopy(bias, 0, everywhere, p * bias.length, bias.length);
    }
    out.add("bias", everywhere);
    return out.stack();
  }

  /** The stream entering a block, [position, width], a copy. */
  public float[] residual(int layer) {
    requireLayer(layer, config.layers());
    return stream(layer).clone();
  }

  private float[] stream(int layer) {
    return layer == config.layers()
        ? values(block(layer - 1, "hook_resid_post"))
        : values(block(layer, "hook_resid_pre"));
  }

  private float[] values(String hook) {
    Activation value = run.activation(hook);
    return value.values();
  }

  private static String block(int layer, String rest) {
    return "blocks." + layer + "." + rest;
  }

  private static void requireLayer(int layer, int last) {
    if (layer < 0 || layer > last) {
      throw new UsageException("layer: expected 0 to %d, got %d".formatted(last, layer));
    }
  }

  DecoderConfig config() {
    return config;
  }

  /** Weights that are processed otherwise than the run's are those of other parts. */
  void requireProcessing(WeightProcessing weights) {
    if (!weights.equals(processing)) {
      throw new UsageException(
          "expected stored weights of the run's processing (%s), got %s: open both with the same"
              .formatted(processing, weights));
    }
  }

  /** Components in their order. */
  private final class Collector {
    private final List<String> labels = new ArrayList<>();
    private final List<float[]> rows = new ArrayList<>();

    void add(String label, float[] values) {
      labels.add(label);
      rows.add(values);
    }

    ResidualStack stack() {
      int each = positions.length * config.width();
      float[] all = new float[Math.multiplyExact(rows.size(), each)];
      for (int i = 0; i < rows.size(); i++) {
        System.arraycopy(rows.get(i), 0, all, i * each, each);
      }
      return new ResidualStack(labels, positions, config.width(), all);
    }
  }
}
