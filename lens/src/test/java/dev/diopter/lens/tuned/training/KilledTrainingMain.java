package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.lens.tuned.TunedLens;
import java.nio.file.Path;

/** What {@link KilledTrainingTest} starts and kills: trains, a line for each step. */
final class KilledTrainingMain {
  static final int STEPS = 24;

  private KilledTrainingMain() {}

  public static void main(String[] arguments) {
    run(Path.of(arguments[0]), step -> System.out.println(step.step()));
    System.out.println("end");
  }

  static TunedLens run(Path folder, TrainingListener listener) {
    TrainingOptions options =
        TrainingOptions.DEFAULT
            .work(2, 4)
            .ridge(1000, 1e-3)
            .budget(STEPS, 2 * Demo.LENGTH)
            .optimizer(Optimizer.ADAM, 1, .9, 1e-3, null)
            .checkpoints(3);
    try (Model model = Demo.open("demo-gpt2")) {
      LensData data = Demo.texts(model, "train", Demo.LENGTH);
      return new LensTraining(model, data, options, Demo.config(model), folder)
          .run(listener)
          .lens();
    }
  }
}
