package dev.diopter.engine;

import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one prompt of a run gave. The arrays are this result's own: nothing else holds or reads
 * them.
 *
 * @param ids the ids that were run
 * @param logitPositions absolute positions of the rows of logits
 * @param logits rows of logits, [logitPositions, vocab]
 * @param lossNats mean loss of the next tokens; null where it was not asked for or there is no next
 *     token
 * @param activations values after all edits of their points, by canonical name, in the order of the
 *     pass
 * @param activationsBefore values before the edits of their points
 * @param residual the residual stream [pos, width] in front of the block where the run was told to
 *     stop; null otherwise
 * @param keyValues keys and values, where they were asked for
 */
public record RunResult(
    int[] ids,
    int[] logitPositions,
    float[] logits,
    @Nullable Double lossNats,
    Map<String, Activation> activations,
    Map<String, Activation> activationsBefore,
    float @Nullable [] residual,
    @Nullable KeyValueStore keyValues) {

  /**
   * The value read at a point, after its edits.
   *
   * @throws UsageException if the run was not asked for it
   */
  public Activation activation(String name) {
    Activation found = activations.get(name);
    if (found == null) {
      throw new UsageException(
          "%s was not read; this run read %s".formatted(name, activations.keySet()));
    }
    return found;
  }

  /** The last row of logits, a copy. */
  public float[] lastLogits() {
    if (logitPositions.length == 0) {
      throw new UsageException("this run returned no logits; ask for Logits.LAST or more");
    }
    int vocabulary = logits.length / logitPositions.length;
    return Arrays.copyOfRange(logits, logits.length - vocabulary, logits.length);
  }
}
