package dev.diopter.lens.tuned;

import dev.diopter.models.DecoderConfig;
import java.util.Objects;

/**
 * The lens that changes nothing: every layer's stream goes to the final norm and head as it is.
 *
 * @param site which stream of each block
 * @param layers number of blocks
 * @param width size of the residual stream
 */
public record LogitLens(LensSite site, int layers, int width) implements Lens {

  /** For a model, on the stream that enters each block. */
  public static LogitLens of(DecoderConfig model) {
    return of(model, LensSite.RESID_PRE);
  }

  /** For a model. */
  public static LogitLens of(DecoderConfig model, LensSite site) {
    return new LogitLens(site, model.layers(), model.width());
  }

  @Override
  public String kind() {
    return "logit";
  }

  @Override
  public float[] transform(int layer, float[] rows) {
    Objects.checkIndex(layer, layers);
    if (rows.length % width != 0) {
      throw new IllegalArgumentException(
          "expected rows of %d numbers, got %d numbers".formatted(width, rows.length));
    }
    return rows.clone();
  }
}
