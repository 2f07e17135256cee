package dev.diopter.lens.tuned;

import dev.diopter.engine.Model;
import dev.diopter.models.DecoderConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a tuned lens says of itself and of the model that it belongs to.
 *
 * @param baseModel the model's name, for people
 * @param revision the model's revision; null where nobody said one
 * @param width size of the residual stream ({@code d_model})
 * @param layers number of blocks ({@code num_hidden_layers})
 * @param bias whether the translators were trained with a bias
 * @param unembedHash see {@link UnembedHash}; null where the lens has none, as many published ones
 * @param site the stream that it reads
 * @param processing how the model's weights were processed before it was trained: TransformerLens's
 *     names such as {@code fold_ln}; empty for weights as they are
 */
public record LensConfig(
    String baseModel,
    @Nullable String revision,
    int width,
    int layers,
    boolean bias,
    @Nullable String unembedHash,
    LensSite site,
    List<String> processing) {

  /** The only type there is. */
  public static final String LENS_TYPE = "linear_tuned_lens";

  public LensConfig {
    if (width < 1 || layers < 1) {
      throw new IllegalArgumentException(
          "expected a width and layers of at least 1, got %d and %d".formatted(width, layers));
    }
    processing = List.copyOf(processing);
  }

  /** For a model with its processing. */
  public static LensConfig of(Model model, LensSite site, @Nullable String unembedHash) {
    return new LensConfig(
        model.name(),
        null,
        model.config().width(),
        model.config().layers(),
        true,
        unembedHash,
        site,
        model.processing().names());
  }

  /** For a model whose weights are used as they are. */
  public static LensConfig of(
      String modelName, DecoderConfig model, LensSite site, @Nullable String unembedHash) {
    return new LensConfig(
        modelName, null, model.width(), model.layers(), true, unembedHash, site, List.of());
  }
}
