package dev.diopter.bench;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.SafetensorsWriter;
import dev.diopter.formats.SafetensorsWriter.Tensor;
import dev.diopter.formats.TensorType;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Checkpoints of the published sizes with random weights, for timings: the time of a pass does not
 * depend on the values. The same seed writes the same bytes.
 */
public final class RandomCheckpoint {
  private static final int BLOCK = 1 << 16;

  private final SplittableRandom random = new SplittableRandom(1);
  private final List<Tensor> tensors = new ArrayList<>();
  private final TensorType type;

  private RandomCheckpoint(TensorType type) {
    this.type = type;
  }

  /** The sizes that the benchmarks use. */
  public enum Size {
    /** GPT-2 small: 12 layers, width 768, 124 million parameters, float32. */
    GPT2_SMALL,
    /**
     * A Llama of 12 layers, width 768, hidden size 2048, 32,000 tokens: 110 million parameters,
     * float32, tied head.
     */
    LLAMA_110M,
    /** The same in bfloat16. */
    LLAMA_110M_BF16
  }

  /** Makes a checkpoint below a folder where it is not there yet; returns its folder. */
  public static Path make(Size size, Path folder) throws IOException {
    Path target = folder.resolve(size.name().toLowerCase(Locale.ROOT).replace('_', '-'));
    if (Files.exists(target.resolve("config.json"))) {
      return target;
    }
    Files.createDirectories(target);
    boolean bf16 = size == Size.LLAMA_110M_BF16;
    RandomCheckpoint checkpoint = new RandomCheckpoint(bf16 ? TensorType.BF16 : TensorType.F32);
    String config = size == Size.GPT2_SMALL ? checkpoint.gpt2() : checkpoint.llama();
    SafetensorsWriter.write(
        target.resolve("model.safetensors"), checkpoint.tensors, Map.of("format", "pt"));
    // The configuration comes last: its presence says that the weights are whole.
    AtomicFile.write(
        target.resolve("config.json"), out -> out.write(config.getBytes(StandardCharsets.UTF_8)));
    return target;
  }

  private String gpt2() {
    int d = 768;
    add("wte.weight", 0.02, 50257, d);
    add("wpe.weight", 0.01, 1024, d);
    for (int l = 0; l < 12; l++) {
      String h = "h." + l + ".";
      norm(h + "ln_1", d);
      add(h + "attn.c_attn.weight", 0.02, d, 3 * d);
      add(h + "attn.c_attn.bias", 0.02, 3 * d);
      add(h + "attn.c_proj.weight", 0.02, d, d);
      add(h + "attn.c_proj.bias", 0.02, d);
      norm(h + "ln_2", d);
      add(h + "mlp.c_fc.weight", 0.02, d, 4 * d);
      add(h + "mlp.c_fc.bias", 0.02, 4 * d);
      add(h + "mlp.c_proj.weight", 0.02, 4 * d, d);
      add(h + "mlp.c_proj.bias", 0.02, d);
    }
    norm("ln_f", d);
    return """
    {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 50257, "n_positions": 1024, "n_ctx": 1024,
     "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": null, "layer_norm_epsilon": 1e-05,
     "activation_function": "gelu_new", "bos_token_id": 50256, "eos_token_id": 50256}
    """;
  }

  private String llama() {
    int d = 768;
    int m = 2048;
    add("model.embed_tokens.weight", 0.02, 32000, d);
    for (int l = 0; l < 12; l++) {
      String h = "model.layers." + l + ".";
      add(h + "input_layernorm.weight", 0, d);
      for (String projection : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
        add(h + "self_attn." + projection + ".weight", 0.02, d, d);
      }
      add(h + "post_attention_layernorm.weight", 0, d);
      add(h + "mlp.gate_proj.weight", 0.02, m, d);
      add(h + "mlp.up_proj.weight", 0.02, m, d);
      add(h + "mlp.down_proj.weight", 0.02, d, m);
    }
    add("model.norm.weight", 0, d);
    return """
    {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32000, "hidden_size": 768, "intermediate_size": 2048,
     "num_hidden_layers": 12, "num_attention_heads": 12, "num_key_value_heads": 12, "max_position_embeddings": 2048,
     "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,
     "tie_word_embeddings": true, "torch_dtype": "%s", "bos_token_id": 1, "eos_token_id": 2}
    """
        .formatted(type == TensorType.BF16 ? "bfloat16" : "float32");
  }

  private void norm(String name, int width) {
    add(name + ".weight", 0, width);
    add(name + ".bias", 0.02, width);
  }

  /** Uniform values of a standard deviation; ones where it is zero. */
  private void add(String name, double deviation, int... sizes) {
    long count = 1;
    List<Long> shape = new ArrayList<>();
    for (int n : sizes) {
      count *= n;
      shape.add((long) n);
    }
    long values = count;
    SplittableRandom own = random.split();
    tensors.add(new Tensor(name, type, shape, out -> write(out, own, deviation, values)));
  }

  private void write(OutputStream out, SplittableRandom own, double deviation, long values)
      throws IOException {
    ByteBuffer block = ByteBuffer.allocate(BLOCK).order(ByteOrder.LITTLE_ENDIAN);
    for (long i = 0; i < values; i++) {
      float x =
          deviation == 0 ? 1 : (float) ((own.nextDouble() * 2 - 1) * Math.sqrt(3) * deviation);
      if (type == TensorType.BF16) {
        block.putShort((short) (Float.floatToRawIntBits(x) >>> 16));
      } else {
        block.putFloat(x);
      }
      if (!block.hasRemaining()) {
        out.write(block.array(), 0, block.position());
        block.clear();
      }
    }
    out.write(block.array(), 0, block.position());
  }

  /** {@code RandomCheckpoint FOLDER}: makes all sizes. */
  public static void main(String[] args) throws IOException {
    for (Size size : Size.values()) {
      System.out.println(make(size, Path.of(args[0])));
    }
  }
}
