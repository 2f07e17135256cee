package dev.diopter.bench;

import java.util.Locale;

/** Shapes of weight matrices W [in, out] that the benchmarks multiply. */
public enum ProductShape {
  /** GPT-2 small: queries, keys and values side by side. */
  GPT2_QKV(768, 2304),
  /** GPT-2 small: the attention's output. */
  GPT2_OUT(768, 768),
  /** GPT-2 small: into the MLP. */
  GPT2_UP(768, 3072),
  /** GPT-2 small: out of the MLP. */
  GPT2_DOWN(3072, 768),
  /** Llama of 110 million parameters: gate and up projection side by side. */
  LLAMA_GATE_UP(768, 4096),
  /** Llama of 110 million parameters: out of the MLP. */
  LLAMA_DOWN(2048, 768),
  /** Llama of 110 million parameters: logits. */
  LLAMA_LOGITS(768, 32000);

  private final int in;
  private final int out;

  ProductShape(int in, int out) {
    this.in = in;
    this.out = out;
  }

  /** Number of inputs. */
  public int in() {
    return in;
  }

  /** Number of outputs. */
  public int out() {
    return out;
  }

  /** Floating-point operations of a product with so many rows. */
  double flop(int rows) {
    return 2.0 * rows * in * out;
  }

  /** Its name and sizes for tables. */
  String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ') + " " + in + " x " + out;
  }
}
