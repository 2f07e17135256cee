package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.Set;

/** Small configurations of both kinds, for tests that run no model. */
final class PlanConfigs {
  /** Learned positions, plain MLP, 6 layers, 3 heads of 8. */
  static final DecoderConfig GPT2 = gpt2(6);

  /** Rotary positions, gated MLP, 2 layers, 4 heads on 2 key/value heads of 8. */
  static final DecoderConfig LLAMA = llama(2);

  private PlanConfigs() {}

  static DecoderConfig gpt2(int layers) {
    return new DecoderConfig(
        "gpt2",
        layers,
        24,
        3,
        3,
        8,
        96,
        97,
        32,
        DecoderConfig.Norm.LAYER,
        1e-5f,
        DecoderConfig.Positions.LEARNED,
        null,
        DecoderConfig.Mlp.GELU_TANH,
        0.35355338f,
        false,
        true,
        96,
        Set.of(96));
  }

  static DecoderConfig llama(int layers) {
    return new DecoderConfig(
        "llama",
        layers,
        32,
        4,
        2,
        8,
        44,
        101,
        64,
        DecoderConfig.Norm.RMS,
        1e-5f,
        DecoderConfig.Positions.ROTARY,
        new DecoderConfig.Rotary("default", new double[] {1, 0.1, 0.01, 0.001}),
        DecoderConfig.Mlp.SILU_GATED,
        0.35355338f,
        false,
        false,
        1,
        Set.of(2));
  }
}
