package dev.diopter.engine;

/**
 * How tokens are chosen. Greedy (the lowest id among equals) when the temperature is zero. Order of
 * sampling: repetition penalty, temperature, top-k, then top-p.
 *
 * @param maxNewTokens most tokens to generate, at least 1
 * @param temperature 0 for greedy
 * @param topK keep the k most probable tokens; 0 for all
 * @param topP keep the smallest set of tokens whose probability reaches this; 1 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of ids that occurred; 1
 *     for none
 * @param seed of the random numbers; each sequence of a batch draws from a generator of its own
 *     with this seed
 * @param ignoreEos whether to go on behind an end-of-text token
 */
public record GenerationOptions(
    int maxNewTokens,
    double temperature,
    int topK,
    double topP,
    double repetitionPenalty,
    long seed,
    boolean ignoreEos) {

  public GenerationOptions {
    require(maxNewTokens >= 1, "max new tokens: expected 1 or more, got " + maxNewTokens);
    require(
        temperature >= 0 && temperature < Double.POSITIVE_INFINITY,
        "temperature: expected 0 or more, got " + temperature);
    require(topK >= 0, "top-k: expected 0 (all) or more, got " + topK);
    require(topP > 0 && topP <= 1, "top-p: expected more than 0 and at most 1, got " + topP);
    require(
        repetitionPenalty > 0 && repetitionPenalty < Double.POSITIVE_INFINITY,
        "repetition penalty: expected more than 0, got " + repetitionPenalty);
  }

  private static void require(boolean ok, String message) {
    if (!ok) {
      throw new UsageException(message);
    }
  }

  /** Greedy, stopping at an end-of-text token. */
  public static GenerationOptions greedy(int maxNewTokens) {
    return new GenerationOptions(maxNewTokens, 0, 0, 1, 1, 0, false);
  }

  /** Sampling from the whole distribution at a temperature. */
  public static GenerationOptions sampling(int maxNewTokens, double temperature, long seed) {
    return new GenerationOptions(maxNewTokens, temperature, 0, 1, 1, seed, false);
  }

  /** With another top-k. */
  public GenerationOptions withTopK(int k) {
    return new GenerationOptions(
        maxNewTokens, temperature, k, topP, repetitionPenalty, seed, ignoreEos);
  }

  /** With another top-p. */
  public GenerationOptions withTopP(double p) {
    return new GenerationOptions(
        maxNewTokens, temperature, topK, p, repetitionPenalty, seed, ignoreEos);
  }

  /** With another repetition penalty. */
  public GenerationOptions withRepetitionPenalty(double penalty) {
    return new GenerationOptions(maxNewTokens, temperature, topK, topP, penalty, seed, ignoreEos);
  }

  /** Going on behind end-of-text tokens. */
  public GenerationOptions ignoringEos() {
    return new GenerationOptions(
        maxNewTokens, temperature, topK, topP, repetitionPenalty, seed, true);
  }
}
