package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.models.DecoderConfig;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The numbers of a model's norm in front of its head, for who needs its gradient. A copy.
 *
 * @param kind whether the mean is taken out first
 * @param gain factor of each number of the normed row, [width]
 * @param bias added behind the factor, [width]; null where there is none
 * @param epsilon added to the mean square
 */
public record FinalNorm(
    DecoderConfig.Norm kind, float[] gain, float @Nullable [] bias, float epsilon) {

  static FinalNorm of(Backend backend, DecoderConfig config, ModelWeights weights) {
    Buffer bias = weights.finalNorm().bias();
    FinalNorm norm =
        new FinalNorm(
            config.norm(),
            values(backend, weights.finalNorm().gain(), config.width()),
            bias == null ? null : values(backend, bias, config.width()),
            config.normEpsilon());
    backend.finish();
    return norm;
  }

  private static float[] values(Backend backend, Buffer buffer, int width) {
    float[] values = new float[width];
    backend.download(buffer, 0, values, 0, width);
    return values;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FinalNorm n
        && kind == n.kind
        && Float.compare(epsilon, n.epsilon) == 0
        && Arrays.equals(gain, n.gain)
        && Arrays.equals(bias, n.bias);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(gain);
  }
}
