package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.LogitLens;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which lens a command reads with. */
final class LensOption {
  private static final String LOGIT = "logit";

  /** Stands for the tuned lens that comes with a demo model. */
  static final String TUNED = "tuned";

  @Option(
      names = "--lens",
      paramLabel = "DIR",
      description =
          "A folder with a tuned lens (config.json and params.pt), 'tuned' for the one that comes with"
              + " a demo model, or 'logit' (default) for the logit lens.")
  private String lens = LOGIT;

  @Option(
      names = "--site",
      paramLabel = "SITE",
      description = "For the logit lens: resid_pre (default), resid_mid or resid_post.")
  private @Nullable String site;

  @Option(
      names = "--any-model",
      description = "Take a lens of another model of the same size, too.")
  private boolean anyModel;

  private LensFiles.@Nullable Loaded loaded;

  /**
   * A tuned lens: a folder, or {@code tuned} for the one that comes with a model.
   *
   * @param model the model's name
   */
  static LensFiles.Loaded load(String lens, String model) {
    return lens.equals(TUNED) ? LensFiles.bundled(model) : LensFiles.load(Path.of(lens));
  }

  /** Reads the lens for a model of this name; before that is loaded. */
  void read(String model) {
    if (lens.equals(LOGIT)) {
      LensSite.of(site == null ? LensSite.RESID_PRE.label() : site);
    } else if (site != null) {
      throw new UsageException(
          "--site: expected it with the logit lens alone; a tuned lens says itself what it reads");
    } else {
      loaded = load(lens, model);
    }
  }

  /**
   * The lens for a model.
   *
   * @throws FormatException where its files are broken
   * @throws dev.diopter.models.ModelException where it belongs to another model
   */
  Lens of(Model model, OutputOptions output) {
    LensFiles.Loaded tuned = loaded;
    if (tuned == null) {
      return LogitLens.of(model.config(), site == null ? LensSite.RESID_PRE : LensSite.of(site));
    }
    LensFit fit = LensFit.of(model, ProcessOption.unembedHash(model));
    fit.check(tuned.lens(), anyModel).forEach(output::note);
    tuned.notes().forEach(note -> output.note("note: " + note));
    return tuned.lens();
  }
}
