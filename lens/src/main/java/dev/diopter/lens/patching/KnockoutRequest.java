package dev.diopter.lens.patching;

import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import java.util.Arrays;

/**
 * Which edges of attention to take out of a run, one at a time, as a value.
 *
 * @param prompt the prompt whose run loses edges
 * @param contrast a prompt for metrics that compare two runs; the same one where none is needed
 * @param destinations queries that lose an edge; negative numbers count from the end
 * @param window how many layers lose it together, with the cell's layer in their middle (of an even
 *     number, behind it); cut off at the first and last layer
 * @param byHead whether each head loses it alone, or all heads together
 * @param metric what to measure
 * @param memoryBytes about how much memory the cells that run together may take
 */
public record KnockoutRequest(
    Prompt prompt,
    Prompt contrast,
    int[] destinations,
    int window,
    boolean byHead,
    PatchMetric metric,
    long memoryBytes) {

  public KnockoutRequest {
    destinations = destinations.clone();
    if (destinations.length == 0) {
      throw new UsageException("destinations: expected at least one position, got none");
    }
    for (int i = 0; i < destinations.length; i++) {
      int p = destinations[i];
      if (p < -prompt.length() || p >= prompt.length()) {
        throw new UsageException(
            "destinations: expected 0..%d (or -%d..-1 from the end), got %d"
                .formatted(prompt.length() - 1, prompt.length(), p));
      }
      destinations[i] = p < 0 ? p + prompt.length() : p;
    }
    if (window < 1) {
      throw new UsageException("window: expected at least 1 layer, got " + window);
    }
    if (memoryBytes < 1) {
      throw new UsageException("memory: expected at least 1 byte, got " + memoryBytes);
    }
  }

  /** Edges from the last position, of all heads of one layer. */
  public static KnockoutRequest of(Prompt prompt, PatchMetric metric) {
    return new KnockoutRequest(
        prompt, prompt, new int[] {-1}, 1, false, metric, PatchRequest.MEMORY_BYTES);
  }

  /** The layers that lose an edge together with a layer: the first, and the one behind the last. */
  int[] layers(int layer, int layers) {
    int start = layer - (window - 1) / 2;
    return new int[] {Math.max(0, start), Math.min(layers, start + window)};
  }

  /** What it costs, known before anything runs. */
  public PatchCost cost(DecoderConfig config) {
    metric.requireFits(config.vocabulary());
    int layers = config.layers();
    long heads = byHead ? config.heads() : 1;
    long rows = 0;
    long edges = 0;
    for (int l = 0; l < layers; l++) {
      int first = layers(l, layers)[0];
      for (int destination : destinations) {
        long here = (destination + 1L) * heads;
        edges += here;
        rows += here * (prompt.length() - destination) * (layers - first);
      }
    }
    long clean = (long) (prompt.length() + contrast.length()) * layers;
    long cells = layers * heads * destinations.length * prompt.length();
    return new PatchCost(clean + rows, 2 + edges, cells, edges);
  }

  /** A copy. */
  @Override
  public int[] destinations() {
    return destinations.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof KnockoutRequest r
        && prompt.equals(r.prompt)
        && contrast.equals(r.contrast)
        && Arrays.equals(destinations, r.destinations)
        && window == r.window
        && byHead == r.byHead
        && metric.equals(r.metric)
        && memoryBytes == r.memoryBytes;
  }

  @Override
  public int hashCode() {
    return prompt.hashCode() * 31 + Arrays.hashCode(destinations);
  }
}
