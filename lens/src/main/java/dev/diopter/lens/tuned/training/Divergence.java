package dev.diopter.lens.tuned.training;

import java.util.List;

/**
 * A training whose numbers grew out of float32.
 *
 * @param checkpoints whether it writes checkpoints: they would lead there again, and those of one
 *     rate are not resumed with another, so the way out needs more words
 */
record Divergence(boolean checkpoints) {

  /**
   * Says the way out.
   *
   * @param step counted from 0
   */
  TrainingException at(int step, String what) {
    return new TrainingException(
        "%s in step %d: lower the learning rate (--lr-scale)%s"
            .formatted(
                what,
                step + 1,
                checkpoints
                    ? " and train into another folder; --start there takes a checkpoint of this one, from before the losses grew (log.csv)"
                    : ""));
  }

  /** Fails where training would start with numbers that are none. */
  static void requireFinite(List<LayerTrainer> layers) {
    for (int layer = 0; layer < layers.size(); layer++) {
      if (!layers.get(layer).isFinite()) {
        throw new TrainingException(
            "layer %d starts with parameters that are no numbers: try another --start, and see what the model makes of the texts (diopter run)"
                .formatted(layer));
      }
    }
  }
}
