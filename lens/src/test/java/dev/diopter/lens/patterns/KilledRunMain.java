package dev.diopter.lens.patterns;

import dev.diopter.engine.Model;
import java.nio.file.Path;

/** What {@link KilledRunTest} starts and kills: records and draws, a line for each step. */
final class KilledRunMain {
  static final int PROMPTS = 40;

  private KilledRunMain() {}

  public static void main(String[] arguments) {
    run(Path.of(arguments[0]), (done, total) -> System.out.println(done));
    System.out.println("end");
  }

  static void run(Path folder, RunListener listener) {
    PatternStore store = new PatternStore(folder);
    ModelFolder folderOfModel = store.model("m");
    RecorderOptions options = RecorderOptions.DEFAULT.bos(true).batch(4).threads(2);
    try (Model model = LensCase.open("demo-gpt2")) {
      new PatternRecorder(model, folderOfModel, options)
          .run(Prompts.numbered(PROMPTS), null, listener);
    }
    PatternIndex.prompts(folderOfModel);
    FigureOptions figures = FigureOptions.of(FigureFunctions.select("raw,log")).threads(2);
    new FigureRun(folderOfModel, figures).run(listener);
    PatternIndex.models(store);
    PatternIndex.figures(store, figures);
  }
}
