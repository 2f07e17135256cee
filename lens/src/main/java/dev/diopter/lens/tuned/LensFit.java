package dev.diopter.lens.tuned;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.OneLine;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Whether a lens may be read with a model. Sizes and processing must agree, and the fingerprints of
 * the unembedding where the lens has one; names are compared where nothing better is known, and
 * only noted, since one model has many names.
 *
 * @param modelName the model's name
 * @param model what it computes
 * @param unembedHash the model's {@link UnembedHash}; null not to compare
 * @param processing how its weights were processed; empty for weights as they are
 */
public record LensFit(
    String modelName, DecoderConfig model, @Nullable String unembedHash, List<String> processing) {

  public LensFit {
    processing = List.copyOf(processing);
  }

  /** For a model with its processing. */
  public static LensFit of(Model model, @Nullable String unembedHash) {
    return new LensFit(model.name(), model.config(), unembedHash, model.processing().names());
  }

  /**
   * Fails where a tuned lens was trained on weights that were processed otherwise than a model's;
   * the logit lens goes with any.
   *
   * @throws ModelException if so
   */
  public static void requireProcessing(Lens lens, Model model) {
    if (lens instanceof TunedLens tuned) {
      requireProcessing(tuned.config(), model);
    }
  }

  /**
   * Fails where a lens has other sizes than a model, or is for other processing.
   *
   * @throws UsageException for other sizes
   * @throws ModelException for other processing
   */
  public static void require(Lens lens, Model model) {
    DecoderConfig config = model.config();
    if (lens.layers() != config.layers() || lens.width() != config.width()) {
      throw new UsageException(
          "expected a lens of %d layers of width %d for %s, got one of %d layers of width %d"
              .formatted(
                  config.layers(), config.width(), model.name(), lens.layers(), lens.width()));
    }
    requireProcessing(lens, model);
  }

  /**
   * Fails where a tuned lens is for weights that were processed otherwise than a model's.
   *
   * @throws ModelException if so
   */
  public static void requireProcessing(LensConfig config, Model model) {
    of(model, null).requireProcessing(config);
  }

  private void requireProcessing(LensConfig config) {
    if (!config.processing().equals(processing)) {
      throw new ModelException(
          "the lens is for %s, but %s is run with %s: a tuned lens holds for one of them only"
              .formatted(described(config.processing()), modelName, described(processing)));
    }
  }

  /**
   * Compares.
   *
   * @param lens what is to be read
   * @param anyModel whether a lens of another model of the same size is welcome
   * @return what a user should know, a line each
   * @throws ModelException where they do not belong together
   */
  public List<String> check(TunedLens lens, boolean anyModel) {
    LensConfig config = lens.config();
    if (config.width() != model.width() || config.layers() != model.layers()) {
      throw new ModelException(
          "the lens was trained on %s with %d layers of width %d, but %s has %d layers of width %d: use a lens of this model"
              .formatted(
                  OneLine.name(config.baseModel()),
                  config.layers(),
                  config.width(),
                  modelName,
                  model.layers(),
                  model.width()));
    }
    requireProcessing(config);
    List<String> notes = new ArrayList<>();
    String expected = config.unembedHash();
    if (expected != null && unembedHash != null) {
      boolean same = expected.equals(unembedHash);
      if (!same && !anyModel) {
        throw new ModelException(
            "the lens belongs to %s, whose unembedding has the hash %s..., but that of %s has %s...: use a lens of this model, or --any-model"
                .formatted(
                    OneLine.name(config.baseModel()),
                    start(expected),
                    modelName,
                    start(unembedHash)));
      }
      if (!same) {
        notes.add(
            "note: the lens was trained on another model, %s"
                .formatted(OneLine.name(config.baseModel())));
      }
    } else if (!lastName(config.baseModel()).equals(lastName(modelName))) {
      notes.add(
          "note: the lens says that it belongs to %s and has no hash to compare with %s"
              .formatted(OneLine.name(config.baseModel()), modelName));
    }
    return notes;
  }

  private static String described(List<String> processing) {
    return processing.isEmpty() ? "weights as they are" : String.join(", ", processing);
  }

  private static String start(String hash) {
    return OneLine.clean(hash.substring(0, Math.min(12, hash.length())));
  }

  private static String lastName(String name) {
    String whole = name.endsWith("/") ? name.substring(0, name.length() - 1) : name;
    return whole.substring(whole.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
  }
}
