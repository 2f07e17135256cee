package dev.diopter.lens.trajectory;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.models.ModelException;

/**
 * What a trajectory is computed of.
 *
 * @param model the model, which stays the caller's
 * @param lens a lens of its size and, if it is a tuned one, of its processing
 * @param prompt the prompt
 * @param options edits, targets and the like
 */
public record TrajectorySource(Model model, Lens lens, Prompt prompt, TrajectoryOptions options) {

  public TrajectorySource {
    int layers = model.config().layers();
    int width = model.config().width();
    if (lens.layers() != layers || lens.width() != width) {
      throw new ModelException(
          "expected a lens of %d layers of width %d for %s, got one of %d layers of width %d"
              .formatted(layers, width, model.name(), lens.layers(), lens.width()));
    }
    LensFit.requireProcessing(lens, model);
  }

  /** With the default options. */
  public static TrajectorySource of(Model model, Lens lens, Prompt prompt) {
    return new TrajectorySource(model, lens, prompt, TrajectoryOptions.DEFAULT);
  }

  /** With these options. */
  public TrajectorySource options(TrajectoryOptions other) {
    return new TrajectorySource(model, lens, prompt, other);
  }
}
