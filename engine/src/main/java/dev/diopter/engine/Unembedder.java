package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Matrix;
import dev.diopter.models.DecoderConfig;

/**
 * The model's final norm and head on rows from outside of any pass, by the same operations as in
 * one.
 */
final class Unembedder {
  private final Backend backend;
  private final DecoderConfig config;
  private final Decoder decoder;
  private final Runner runner;

  Unembedder(Backend backend, DecoderConfig config, Decoder decoder, Runner runner) {
    this.backend = backend;
    this.config = config;
    this.decoder = decoder;
    this.runner = runner;
  }

  void unembed(float[] residuals, int rows, float[] logits) {
    int in = Scratch.checked((long) rows * config.width());
    int out = Scratch.checked((long) rows * config.vocabulary());
    if (rows < 0 || residuals.length < in || logits.length < out) {
      throw new UsageException(
          "unembed: expected %d rows of %d numbers and room for as many of %d, got %d numbers and room for %d"
              .formatted(
                  rows, config.width(), config.vocabulary(), residuals.length, logits.length));
    }
    if (rows == 0) {
      return;
    }
    try (Decoder.Extra extra = new Decoder.Extra(backend)) {
      Matrix x = extra.matrix(rows, config.width());
      Matrix y = extra.matrix(rows, config.vocabulary());
      backend.upload(residuals, 0, x.buffer(), x.offset(), in);
      decoder.unembed(x, y);
      backend.download(y.buffer(), y.offset(), logits, 0, out);
      backend.finish();
    } catch (RuntimeException | Error e) {
      runner.abandon(e);
      throw e;
    }
  }
}
