package dev.diopter.lens.patching;

import dev.diopter.engine.Prompt;
import dev.diopter.engine.Site;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.HeadId;
import dev.diopter.models.DecoderConfig;
import java.util.LinkedHashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which paths from heads to later heads to patch, as a value. Along a path a sending head's output
 * is another run's, at every position; what other heads put out is held as it is in the patched
 * run; and only one receiving head sees the difference.
 *
 * @param clean the prompt whose answer is right
 * @param corrupt the prompt of the same number of tokens whose answer is another
 * @param senders heads whose output is replaced, one at a time
 * @param receivers where the difference is let in
 * @param through whether the difference goes through MLPs on its way
 * @param metric what to measure
 * @param direction which run's values go into which
 * @param memoryBytes about how much memory the paths that run together may take
 */
public record PathRequest(
    Prompt clean,
    Prompt corrupt,
    List<HeadId> senders,
    List<Receiver> receivers,
    Through through,
    PatchMetric metric,
    PatchRequest.Direction direction,
    long memoryBytes) {

  /** Where a path ends. */
  public enum Receiver {
    /** The input of each later head's queries. */
    Q("path_q", Site.Q_INPUT),
    /** The input of each later key head. */
    K("path_k", Site.K_INPUT),
    /** The input of each later value head. */
    V("path_v", Site.V_INPUT),
    /** The final norm at the last position. */
    LOGITS("path_logits", null);

    private final String label;
    private final @Nullable Site input;

    Receiver(String label, @Nullable Site input) {
      this.label = label;
      this.input = input;
    }

    /** The name in results. */
    public String label() {
      return label;
    }

    @Nullable Site input() {
      return input;
    }
  }

  /** What lies between sender and receiver. */
  public enum Through {
    /** Nothing: MLPs too put out what they put out in the patched run. */
    DIRECT,
    /** MLPs are computed from what reaches them. */
    MLPS
  }

  public PathRequest {
    senders = List.copyOf(new LinkedHashSet<>(senders));
    receivers = List.copyOf(new LinkedHashSet<>(receivers));
    PatchRequest.requireEqualLengths(clean, corrupt);
    if (senders.isEmpty() || receivers.isEmpty()) {
      throw new UsageException("paths: expected at least one sender and one kind of receiver");
    }
    if (memoryBytes < 1) {
      throw new UsageException("memory: expected at least 1 byte, got " + memoryBytes);
    }
  }

  /** Direct paths, clean values into the corrupt run. */
  public static PathRequest of(
      Prompt clean,
      Prompt corrupt,
      PatchMetric metric,
      List<HeadId> senders,
      Receiver... receivers) {
    return new PathRequest(
        clean,
        corrupt,
        senders,
        List.of(receivers),
        Through.DIRECT,
        metric,
        PatchRequest.Direction.DENOISE,
        PatchRequest.MEMORY_BYTES);
  }

  /**
   * The most that it costs, known before anything runs; it is reached where a sender's outputs
   * differ from the first position on at which the prompts do.
   *
   * @throws UsageException where a sender is none of the model's heads
   */
  public PatchCost most(DecoderConfig config) {
    metric.requireFits(config.vocabulary());
    senders.forEach(head -> head.in(config));
    int layers = config.layers();
    long n = clean.length();
    long m = n - PatchRequest.shared(clean, corrupt);
    boolean logits = receivers.contains(Receiver.LOGITS);
    int last = layers - (logits ? 0 : 1);
    long rows = 2 * n * layers;
    long cells = 0;
    long paths = 0;
    for (HeadId sender : senders) {
      boolean sends = m > 0 && sender.layer() < last;
      rows += sends ? m * (last - sender.layer()) : 0;
      for (Receiver receiver : receivers) {
        if (receiver == Receiver.LOGITS) {
          cells++;
          paths += sends ? 1 : 0;
          continue;
        }
        long heads = receiver == Receiver.Q ? config.heads() : config.keyValueHeads();
        cells += layers * heads;
        for (int l = sender.layer() + 1; sends && l < layers; l++) {
          paths += heads;
          rows += heads * m * (layers - l);
        }
      }
    }
    return new PatchCost(rows, 2 + paths, cells, paths);
  }

  /** With this between sender and receiver. */
  public PathRequest through(Through what) {
    return new PathRequest(
        clean, corrupt, senders, receivers, what, metric, direction, memoryBytes);
  }

  /** In this direction. */
  public PathRequest direction(PatchRequest.Direction which) {
    return new PathRequest(clean, corrupt, senders, receivers, through, metric, which, memoryBytes);
  }
}
