package dev.diopter.lens.patterns;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookNames;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.HookPoint;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.models.ModelException;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.Tokenizer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs a model over prompts and stores their attention patterns. Passes and writing go on side by
 * side; memory holds a few prompts' patterns at a time, and the hashes of a run. Belongs to one
 * thread; the model is the caller's and stays open.
 */
public final class PatternRecorder {
  /** Numbers that one pass may give at most, unless it has one prompt alone: 64 MB. */
  private static final long BATCH_VALUES = 16L << 20;

  private final Model model;
  private final ModelFolder folder;
  private final RecorderOptions options;
  private final boolean bos;
  private final HookPlan plan;
  private final List<String> hooks;
  private final FolderOwner owner;

  /** A prompt that is to be run. */
  private record Waiting(PatternPrompt prompt, Prompt ids) {}

  /**
   * Prepares to record.
   *
   * @throws UsageException where the hooks are unknown or lack the attention patterns
   * @throws ModelException where BOS is asked for and the model has none, or it has no tokenizer
   */
  public PatternRecorder(Model model, ModelFolder folder, RecorderOptions options) {
    this.model = model;
    this.folder = folder;
    this.options = options;
    hooks =
        HookNames.resolveAll(options.hooks(), model.config()).stream()
            .map(HookPoint::name)
            .toList();
    for (int layer = 0; layer < model.config().layers(); layer++) {
      if (!hooks.contains(StoredPatterns.name(layer))) {
        throw new UsageException(
            "hooks: expected %s among them, got %s"
                .formatted(StoredPatterns.name(layer), options.hooks()));
      }
    }
    plan = HookPlan.reading(options.hooks());
    Integer id = model.config().bosId();
    if (options.bos() && id == null) {
      throw new ModelException("%s has no BOS id: leave --bos out".formatted(model.name()));
    }
    int[] ofTemplate = model.tokenizer().encode("a", true).ids();
    boolean template = id != null && ofTemplate.length > 0 && ofTemplate[0] == id;
    bos = options.bos() || (options.template() && template);
    owner =
        new FolderOwner(
            ModelDescription.of(model.config(), folder.name(), bos, template), fingerprint());
  }

  /**
   * The stored weights are open no more when a model runs, so they are looked at again; empty where
   * its name is none that can be opened, as of a model put together by a program.
   */
  private String fingerprint() {
    try (OpenModel stored = ModelStore.system().open(model.name())) {
      return stored.fingerprint();
    } catch (ModelException e) {
      return "";
    }
  }

  /** Whether prompts get BOS in front. */
  public boolean prependsBos() {
    return bos;
  }

  /**
   * Writes {@code model_cfg.json}, unless it is there.
   *
   * @throws FormatException where the folder was written by another model or with other settings
   */
  public void begin() {
    if (Files.isRegularFile(folder.configFile())) {
      owner.check(folder);
    } else {
      PatternStore.create(folder.folder().resolve("prompts"));
      owner.write(folder);
    }
  }

  /** The patterns of a prompt: those that are stored, or new ones, stored first. Close them. */
  public StoredPatterns get(PatternPrompt prompt) {
    begin();
    if (options.force() || !folder.has(prompt, hooks)) {
      record(prompt);
    }
    return folder.load(prompt);
  }

  /** Runs one prompt and stores it, whatever is there. */
  public void record(PatternPrompt prompt) {
    begin();
    Waiting ready = prepare(prompt);
    store(ready, run(List.of(ready)).getFirst());
  }

  /**
   * Runs all rows that a file's reader gives and stores what is not there yet; what fails is told
   * at the end. A row whose hash came before is passed over; with another text it counts as failed.
   *
   * @param source gives the rows
   * @param most take only the first so many; null for all
   */
  public RunSummary run(Source source, @Nullable Long most, RunListener listener) {
    begin();
    Tally tally = new Tally(listener);
    Map<String, String> seen = new HashMap<>();
    List<Waiting> batch = new ArrayList<>();
    try (Workers workers = new Workers(options.threads())) {
      source.read(
          row -> {
            if (most != null && seen.size() >= most) {
              return false;
            }
            Waiting next = next(row, seen, tally);
            if (next != null) {
              if (!batch.isEmpty() && !fits(batch, next)) {
                runBatch(batch, workers, tally);
              }
              batch.add(next);
            }
            return true;
          },
          broken -> tally.failed("a line", broken));
      if (!batch.isEmpty()) {
        runBatch(batch, workers, tally);
      }
      workers.drain();
    }
    return tally.summary();
  }

  /** Gives rows to a run: {@link PromptTexts#read} on a file, or any other. */
  @FunctionalInterface
  public interface Source {
    /**
     * Gives each row in turn.
     *
     * @param sink takes a row and says whether it wants more
     * @param broken takes what is wrong with a line
     */
    void read(Predicate<ObjectNode> sink, Consumer<FormatException> broken);
  }

  private @Nullable Waiting next(ObjectNode row, Map<String, String> seen, Tally tally) {
    String source = row.path("source_fname").asString();
    String what = source.isEmpty() ? "a row" : source;
    try {
      PatternPrompt prompt = PatternPrompt.of(what, row);
      what = prompt.hash();
      String text = PatternPrompt.hash(prompt.text());
      String before = seen.putIfAbsent(prompt.hash(), text);
      if (before != null) {
        if (before.equals(text)) {
          tally.skipped(1);
        } else {
          tally.failed(
              what,
              "expected one text for each hash, found another one before; give this row another hash");
        }
        return null;
      }
      if (!options.force() && folder.has(prompt, hooks)) {
        tally.skipped(1);
        return null;
      }
      return prepare(prompt);
    } catch (FormatException | ModelException e) {
      tally.failed(what, e);
      return null;
    }
  }

  private Waiting prepare(PatternPrompt prompt) {
    Tokenizer tokenizer = model.tokenizer();
    int[] ids = tokenizer.encode(prompt.text(), false).ids();
    List<String> tokens = new ArrayList<>(ids.length);
    for (int id : ids) {
      String token = tokenizer.token(id);
      tokens.add(token == null ? tokenizer.label(id) : token);
    }
    Prompt run = Prompt.ofIds(bos ? withBos(ids) : ids);
    if (run.length() > model.config().contextLength()) {
      throw new ModelException(
          "expected at most %d tokens, BOS included, found %d; cut the text, for example with --max-chars"
              .formatted(model.config().contextLength(), run.length()));
    }
    return new Waiting(prompt.withTokens(tokens), run);
  }

  /**
   * With BOS in front even where the text itself begins with it, so that tokens keep their rows.
   */
  private int[] withBos(int[] ids) {
    int[] all = new int[ids.length + 1];
    all[0] = Objects.requireNonNull(model.config().bosId());
    System.arraycopy(ids, 0, all, 1, ids.length);
    return all;
  }

  private boolean fits(List<Waiting> batch, Waiting next) {
    long values = values(next);
    for (Waiting waiting : batch) {
      values += values(waiting);
    }
    return batch.size() < options.batch() && values <= BATCH_VALUES;
  }

  private long values(Waiting waiting) {
    long length = waiting.ids.length();
    return length * length * model.config().heads() * model.config().layers();
  }

  private void runBatch(List<Waiting> batch, Workers workers, Tally tally) {
    List<Waiting> all = List.copyOf(batch);
    batch.clear();
    List<RunResult> results;
    try {
      results = run(all);
    } catch (RuntimeException e) {
      if (all.size() == 1) {
        tally.failed(all.getFirst().prompt.hash(), e);
        return;
      }
      // One of them is to blame: each alone, so that the others are done.
      for (Waiting one : all) {
        runBatch(new ArrayList<>(List.of(one)), workers, tally);
      }
      return;
    }
    for (int i = 0; i < all.size(); i++) {
      Waiting waiting = all.get(i);
      RunResult result = results.get(i);
      workers.run(() -> {
        try {
          store(waiting, result);
          tally.done(1);
        } catch (FormatException e) {
          tally.failed(waiting.prompt.hash(), e);
        }
      });
    }
  }

  private List<RunResult> run(List<Waiting> batch) {
    return model.run(
        RunRequest.of(batch.stream().map(Waiting::ids).toList()).plan(plan).logits(Logits.NONE));
  }

  private void store(Waiting waiting, RunResult result) {
    folder.write(
        waiting.prompt,
        options.level(),
        npz -> {
          for (Map.Entry<String, Activation> entry : result.activations().entrySet()) {
            Activation value = entry.getValue();
            List<Integer> shape = new ArrayList<>(List.of(1));
            for (int size : value.shape()) {
              shape.add(size);
            }
            npz.floats(entry.getKey(), shape, value.values());
          }
        });
  }
}
