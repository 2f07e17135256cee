package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.OneLine;
import dev.diopter.formats.TensorType;
import dev.diopter.models.DecoderWeights.Layer;
import dev.diopter.models.DecoderWeights.Norm;
import dev.diopter.models.DecoderWeights.Projection;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds the tensor for each role of a decoder, checks its shape and type against the configuration,
 * and refuses a layer that holds tensors which would go unused.
 */
public final class WeightMap {
  private static final Set<TensorType> WEIGHT_TYPES =
      Set.of(TensorType.F32, TensorType.F16, TensorType.BF16);

  /** Causal masks and rotary tables, which some exports store beside the weights. */
  private static final Pattern BUFFER =
      Pattern.compile(".*(\\.attn\\.bias|\\.attn\\.masked_bias|\\.rotary_emb\\.inv_freq)");

  private final Checkpoint checkpoint;
  private final DecoderConfig config;
  private final Set<String> used = new HashSet<>();

  private WeightMap(Checkpoint checkpoint, DecoderConfig config) {
    this.checkpoint = checkpoint;
    this.config = config;
  }

  /**
   * The weights of a checkpoint by role.
   *
   * @throws FormatException where a tensor is missing, has another shape than the configuration
   *     says, or is left over in a layer
   * @throws UnsupportedModelException where a weight's element type is not F32, F16 or BF16
   */
  public static DecoderWeights of(Checkpoint checkpoint, DecoderConfig config) {
    WeightMap map = new WeightMap(checkpoint, config);
    return config.architecture().equals("gpt2") ? map.gpt2() : map.llama();
  }

  private DecoderWeights gpt2() {
    String prefix = checkpoint.has("transformer.wte.weight") ? "transformer." : "";
    int width = config.width();
    StoredTensor embedding = tensor(prefix + "wte.weight", config.vocabulary(), width);
    StoredTensor positions = tensor(prefix + "wpe.weight", config.contextLength(), width);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(gpt2Layer(prefix + "h." + i + "."));
    }
    Norm norm = layerNorm(prefix + "ln_f");
    refuseLeftovers(prefix + "h.");
    return new DecoderWeights(embedding, positions, List.copyOf(layers), norm, head(), null);
  }

  private Layer gpt2Layer(String prefix) {
    int width = config.width();
    int mlp = config.mlpWidth();
    StoredTensor attention = tensor(prefix + "attn.c_attn.weight", width, 3 * width);
    StoredTensor bias = tensor(prefix + "attn.c_attn.bias", 3 * width);
    return new Layer(
        layerNorm(prefix + "ln_1"),
        third(attention, bias, 0),
        third(attention, bias, 1),
        third(attention, bias, 2),
        conv1d(prefix + "attn.c_proj", width, width),
        layerNorm(prefix + "ln_2"),
        null,
        conv1d(prefix + "mlp.c_fc", width, mlp),
        conv1d(prefix + "mlp.c_proj", mlp, width));
  }

  /** Query, key or value: a third of the columns of the fused matrix. */
  private Projection third(StoredTensor weight, StoredTensor bias, int index) {
    int width = config.width();
    return new Projection(
        weight, (long) index * width, width, width, 3L * width, 1, bias, index * width);
  }

  /** GPT-2 stores its matrices as [in, out]. */
  private Projection conv1d(String name, int in, int out) {
    StoredTensor weight = tensor(name + ".weight", in, out);
    return new Projection(weight, 0, in, out, out, 1, tensor(name + ".bias", out), 0);
  }

  private DecoderWeights llama() {
    String prefix = checkpoint.has("embed_tokens.weight") ? "" : "model.";
    StoredTensor embedding =
        tensor(prefix + "embed_tokens.weight", config.vocabulary(), config.width());
    boolean attentionBias = checkpoint.config().path("attention_bias").asBoolean(false);
    boolean mlpBias = checkpoint.config().path("mlp_bias").asBoolean(false);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(llamaLayer(prefix + "layers." + i + ".", attentionBias, mlpBias));
    }
    Norm norm = rmsNorm(prefix + "norm");
    refuseLeftovers(prefix + "layers.");
    return new DecoderWeights(embedding, null, List.copyOf(layers), norm, head(), null);
  }

  private Layer llamaLayer(String prefix, boolean attentionBias, boolean mlpBias) {
    int width = config.width();
    int mlp = config.mlpWidth();
    int query = config.heads() * config.headDim();
    int keyValue = config.keyValueHeads() * config.headDim();
    String attention = prefix + "self_attn.";
    return new Layer(
        rmsNorm(prefix + "input_layernorm"),
        linear(attention + "q_proj", width, query, attentionBias),
        linear(attention + "k_proj", width, keyValue, attentionBias),
        linear(attention + "v_proj", width, keyValue, attentionBias),
        linear(attention + "o_proj", query, width, attentionBias),
        rmsNorm(prefix + "post_attention_layernorm"),
        linear(prefix + "mlp.gate_proj", width, mlp, mlpBias),
        linear(prefix + "mlp.up_proj", width, mlp, mlpBias),
        linear(prefix + "mlp.down_proj", mlp, width, mlpBias));
  }

  /** Llama stores its matrices as [out, in]. */
  private Projection linear(String name, int in, int out, boolean bias) {
    StoredTensor weight = tensor(name + ".weight", out, in);
    return new Projection(weight, 0, in, out, 1, in, bias ? tensor(name + ".bias", out) : null, 0);
  }

  private Norm layerNorm(String name) {
    return new Norm(
        tensor(name + ".weight", config.width()), tensor(name + ".bias", config.width()));
  }

  private Norm rmsNorm(String name) {
    return new Norm(tensor(name + ".weight", config.width()), null);
  }

  private @Nullable StoredTensor head() {
    return config.tiedHead() ? null : tensor("lm_head.weight", config.vocabulary(), config.width());
  }

  private StoredTensor tensor(String name, Integer... shape) {
    StoredTensor tensor = checkpoint.tensor(name);
    if (!tensor.shape().equals(List.of(shape))) {
      throw new FormatException(
          "%s: tensor %s: expected shape %s from config.json, found %s; weights and config.json do not belong together"
              .formatted(checkpoint.source(), name, List.of(shape), tensor.shape()));
    }
    if (!WEIGHT_TYPES.contains(tensor.type())) {
      throw new UnsupportedModelException(
          "%s: tensor %s: dtype %s is not supported; supported: F32, F16, BF16; convert the weights"
              .formatted(checkpoint.source(), name, tensor.type()));
    }
    used.add(name);
    return tensor;
  }

  /**
   * A tensor in a layer that nothing reads (a bias, a norm, a layer too many) would change the
   * result if it were read.
   */
  private void refuseLeftovers(String layers) {
    for (String name : checkpoint.names()) {
      if (name.startsWith(layers) && !used.contains(name) && !BUFFER.matcher(name).matches()) {
        throw new FormatException(
            "%s: expected no tensor %s in a %s model of %d layers by config.json; weights and config.json do not belong together"
                .formatted(
                    checkpoint.source(),
                    OneLine.name(name),
                    config.architecture(),
                    config.layers()));
      }
    }
  }
}
