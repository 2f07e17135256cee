package dev.diopter.lens.tuned;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * A translator for each block: what the layer's stream would have become by the end, guessed by an
 * affine map. Untrained (all zeros) it is the {@link LogitLens} to the bit.
 *
 * @param config what it belongs to
 * @param translators one for each block, all of the configuration's width
 */
public record TunedLens(LensConfig config, List<Translator> translators) implements Lens {

  public TunedLens {
    translators = List.copyOf(translators);
    if (translators.size() != config.layers()) {
      throw new IllegalArgumentException(
          "expected %d translators, got %d".formatted(config.layers(), translators.size()));
    }
    for (Translator translator : translators) {
      if (translator.width() != config.width()) {
        throw new IllegalArgumentException(
            "expected translators of width %d, got %d"
                .formatted(config.width(), translator.width()));
      }
    }
  }

  /** The lens before any training. */
  public static TunedLens untrained(LensConfig config) {
    List<Translator> translators = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      translators.add(Translator.identity(config.width()));
    }
    return new TunedLens(config, translators);
  }

  /** The translator of a block. */
  public Translator translator(int layer) {
    return translators.get(Objects.checkIndex(layer, translators.size()));
  }

  @Override
  public LensSite site() {
    return config.site();
  }

  @Override
  public int layers() {
    return config.layers();
  }

  @Override
  public int width() {
    return config.width();
  }

  @Override
  public String kind() {
    return "tuned";
  }

  @Override
  public float[] transform(int layer, float[] rows) {
    return translator(layer).apply(rows);
  }
}
