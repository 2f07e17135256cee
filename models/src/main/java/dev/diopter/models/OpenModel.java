package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.TensorType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model whose weights are mapped and whose configuration is understood, ready to be packed. Close
 * it as soon as the weights are packed: that releases the mapping, and only the configuration and
 * {@link #openTokenizer} stay usable.
 */
public final class OpenModel implements AutoCloseable {
  private static final String TOKENIZER = "tokenizer.json";

  private final String displayName;
  private final Checkpoint checkpoint;
  private final ModelFiles files;
  private final DecoderConfig config;
  private final DecoderWeights stored;
  private final DecoderWeights weights;
  private final WeightProcessing processing;

  private OpenModel(
      String displayName,
      Checkpoint checkpoint,
      ModelFiles files,
      DecoderConfig config,
      DecoderWeights stored,
      DecoderWeights weights,
      WeightProcessing processing) {
    this.displayName = displayName;
    this.checkpoint = checkpoint;
    this.files = files;
    this.config = config;
    this.stored = stored;
    this.weights = weights;
    this.processing = processing;
  }

  static OpenModel open(
      String displayName, String source, ModelFiles files, WeightProcessing wanted) {
    Checkpoint checkpoint = Checkpoint.open(source, files);
    boolean done = false;
    try {
      DecoderConfig config = DecoderConfigs.read(checkpoint);
      DecoderWeights stored = WeightMap.of(checkpoint, config);
      WeightProcessing processing = wanted.applicableTo(config, stored);
      DecoderWeights weights =
          processing.isNone() ? stored : ProcessedWeights.of(config, stored, processing);
      OpenModel model =
          new OpenModel(
              displayName,
              checkpoint,
              files,
              weights.head() == null ? config : config.untied(),
              stored,
              weights,
              processing);
      done = true;
      return model;
    } finally {
      if (!done) {
        checkpoint.close();
      }
    }
  }

  /** The name by which it was asked for. */
  public String displayName() {
    return displayName;
  }

  /** Its files. */
  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /** What it computes. */
  public DecoderConfig config() {
    return config;
  }

  /** How its weights are processed: those of the steps asked for that change something in it. */
  public WeightProcessing processing() {
    return processing;
  }

  /** Its weights by role, processed; valid until {@link #close}. */
  public DecoderWeights weights() {
    return weights;
  }

  /**
   * The same model with other blocks: see {@link BlockSurgery}. It shares this one's mapping, so
   * closing one closes both.
   */
  OpenModel withBlocks(String name, List<DecoderWeights.Layer> blocks) {
    DecoderWeights others =
        new DecoderWeights(
            weights.tokenEmbedding(),
            weights.positionEmbedding(),
            List.copyOf(blocks),
            weights.finalNorm(),
            weights.head(),
            weights.headBias());
    return new OpenModel(
        name, checkpoint, files, config.withLayers(blocks.size()), others, others, processing);
  }

  /** Whether there is a {@code tokenizer.json}. */
  public boolean hasTokenizer() {
    return files.exists(TOKENIZER);
  }

  /**
   * A new tokenizer, which the caller closes; null where the model has none. Works after {@link
   * #close} too.
   *
   * @throws FormatException where the file is broken
   * @throws ModelException where there is no native library for this machine
   */
  public @Nullable Tokenizer openTokenizer() {
    if (!hasTokenizer()) {
      return null;
    }
    try (InputStream in = files.open(TOKENIZER)) {
      return TokenizerLoader.load(files.describe(TOKENIZER), in);
    } catch (IOException e) {
      throw FormatException.unreadable(files.describe(TOKENIZER), e);
    }
  }

  /** What can be said of it as it is stored, without running it. */
  public ModelInfo info() {
    Map<TensorType, Long> elements = new EnumMap<>(TensorType.class);
    long parameters = 0;
    for (StoredTensor tensor : tensors()) {
      long count = tensor.data().byteSize() / tensor.type().bytes();
      parameters += count;
      elements.merge(tensor.type(), count, Long::sum);
    }
    TensorType most = Collections.max(elements.entrySet(), Map.Entry.comparingByValue()).getKey();
    return new ModelInfo(
        displayName,
        config.architecture(),
        parameters,
        most.name(),
        checkpoint.bytes(),
        folder(),
        null);
  }

  /**
   * A fingerprint of its weights, 64 hexadecimal digits: one that differs is proof of other
   * weights. Large matrices are sampled, so one that agrees is none of equal weights. Reads at most
   * 256 KiB of each tensor; valid until {@link #close}.
   */
  public String fingerprint() {
    return WeightsFingerprint.of(tensors());
  }

  /** Its folder; null for a bundled model. */
  public @Nullable Path folder() {
    return checkpoint.folder();
  }

  /** Releases the mapped weights. Again is harmless. */
  @Override
  public void close() {
    checkpoint.close();
  }

  /** Every tensor that has a role, once: a fused matrix has several. */
  private Collection<StoredTensor> tensors() {
    Map<String, StoredTensor> byName = new LinkedHashMap<>();
    add(byName, stored.tokenEmbedding());
    add(byName, stored.positionEmbedding());
    add(byName, stored.head());
    add(byName, stored.finalNorm());
    for (DecoderWeights.Layer layer : stored.layers()) {
      add(byName, layer.norm1());
      add(byName, layer.norm2());
      add(byName, layer.query());
      add(byName, layer.key());
      add(byName, layer.value());
      add(byName, layer.output());
      add(byName, layer.gate());
      add(byName, layer.up());
      add(byName, layer.down());
    }
    return byName.values();
  }

  private static void add(Map<String, StoredTensor> byName, @Nullable StoredTensor tensor) {
    if (tensor != null) {
      byName.put(tensor.name(), tensor);
    }
  }

  private static void add(Map<String, StoredTensor> byName, DecoderWeights.Norm norm) {
    add(byName, norm.gain());
    add(byName, norm.bias());
  }

  private static void add(
      Map<String, StoredTensor> byName, DecoderWeights.@Nullable Projection projection) {
    if (projection != null) {
      add(byName, projection.weight());
      add(byName, projection.bias());
    }
  }
}
