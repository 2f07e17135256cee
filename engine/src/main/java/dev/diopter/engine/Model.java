package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendException;
import dev.diopter.kernels.Backends;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.Tokenizer;
import dev.diopter.models.WeightProcessing;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model ready to run: its configuration, its weights on a backend, its tokenizer. Immutable and
 * shared by threads; runs leave nothing behind. Close it when no run uses it: closing earlier is
 * refused, using it afterwards too.
 *
 * <p>Values equal Hugging Face's: weights are used as they are, without folding or centring, unless
 * its {@link #processing} says otherwise.
 */
public final class Model implements AutoCloseable {
  private final String name;
  private final DecoderConfig config;
  private final WeightProcessing processing;
  private final Backend backend;
  private final ModelWeights weights;
  private final @Nullable OpeningTokenizer tokenizer;
  private final Runner runner;
  private final Generator generator;
  private final Unembedder unembedder;
  private final Brancher brancher;
  private final Lease lease;

  private Model(
      String name,
      DecoderConfig config,
      WeightProcessing processing,
      Backend backend,
      ModelWeights weights,
      @Nullable OpeningTokenizer tokenizer) {
    this.name = name;
    this.config = config;
    this.processing = processing;
    this.backend = backend;
    this.weights = weights;
    this.tokenizer = tokenizer;
    Decoder decoder = new Decoder(backend, config, weights);
    this.runner = new Runner(backend, config, decoder);
    this.generator = new Generator(backend, config, decoder, runner);
    this.unembedder = new Unembedder(backend, config, decoder, runner);
    this.brancher = new Brancher(backend, config, decoder, runner);
    this.lease = new Lease(name);
  }

  /** Opens a model on the fastest backend that works here. */
  public static Model open(String nameOrFolder) {
    return open(nameOrFolder, ModelOptions.DEFAULT);
  }

  /**
   * Opens a model.
   *
   * @param nameOrFolder a checkpoint folder, a bundled model's name, or a hub id in the local
   *     Hugging Face cache
   */
  public static Model open(String nameOrFolder, ModelOptions options) {
    try (OpenModel stored = ModelStore.system().open(nameOrFolder, options.processing())) {
      return opened(stored, options);
    }
  }

  /**
   * Opens a model from its stored weights, such as one whose blocks were changed.
   *
   * @param stored stays the caller's, who may close it afterwards
   * @throws UsageException where the options ask for a processing: the weights have theirs
   */
  public static Model open(OpenModel stored, ModelOptions options) {
    if (!options.processing().equals(WeightProcessing.NONE)) {
      throw new UsageException(
          "processing: expected none with weights that are open already; process them where they are opened, by ModelStore.open(name, processing)");
    }
    return opened(stored, options);
  }

  private static Model opened(OpenModel stored, ModelOptions options) {
    Backend backend = backend(options);
    try {
      return on(backend, stored);
    } catch (BackendException e) {
      if (!options.backend().equals("auto") || backend.name().equals("cpu")) {
        throw e;
      }
      String reason = String.valueOf(e.getMessage());
      return on(Backends.cpuBecause(reason, options.threads()), stored);
    }
  }

  private static Backend backend(ModelOptions options) {
    try {
      return Backends.open(options.backend(), options.threads());
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new ModelException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Packs a stored model on a backend, which the model then owns. */
  static Model on(Backend backend, OpenModel stored) {
    // The tokenizer opens beside the packing of the weights.
    OpeningTokenizer tokenizer =
        stored.hasTokenizer() ? OpeningTokenizer.start(stored::openTokenizer) : null;
    try {
      ModelWeights weights = ModelWeights.pack(backend, stored.config(), stored.weights());
      return new Model(
          stored.displayName(), stored.config(), stored.processing(), backend, weights, tokenizer);
    } catch (RuntimeException | Error e) {
      backend.close();
      if (tokenizer != null) {
        tokenizer.close();
      }
      throw e;
    }
  }

  /** The name it was opened by. */
  public String name() {
    return name;
  }

  /** What it computes. */
  public DecoderConfig config() {
    return config;
  }

  /** How its weights were processed: those of the steps asked for that change something in it. */
  public WeightProcessing processing() {
    return processing;
  }

  /** The backend's name and how it computes, in one line. */
  public String backend() {
    return backend.describe();
  }

  /** Every hook point of this model, in the order of a pass. */
  public List<HookPoint> hookPoints() {
    return HookRegistry.points(config);
  }

  /** Whether text can be given; ids always can. */
  public boolean hasTokenizer() {
    return tokenizer != null;
  }

  /**
   * Its tokenizer.
   *
   * @throws ModelException if the checkpoint has none
   */
  public Tokenizer tokenizer() {
    lease.requireOpen();
    if (tokenizer == null) {
      throw new ModelException(
          "%s has no tokenizer.json: give token ids instead of text, or put a tokenizer.json beside its config.json"
              .formatted(name));
    }
    return tokenizer.get();
  }

  /**
   * The ids of a text, with the special tokens that the tokenizer's own template says and no
   * others.
   */
  public Prompt prompt(String text) {
    return prompt(text, PromptOptions.DEFAULT);
  }

  /** The ids of a text. */
  public Prompt prompt(String text, PromptOptions options) {
    int[] ids = tokenizer().encode(text, options.template()).ids();
    return options.bos() ? withBos(text, ids) : Prompt.of(text, ids);
  }

  /** Ids, with the model's BOS id in front unless it is there. */
  public Prompt withBos(Prompt prompt) {
    return withBos(prompt.text(), prompt.ids());
  }

  private Prompt withBos(@Nullable String text, int[] ids) {
    Integer bos = config.bosId();
    if (bos == null) {
      throw new ModelException("%s has no BOS id: leave --bos out".formatted(name));
    }
    int[] all = ids;
    if (ids.length == 0 || ids[0] != bos) {
      all = new int[ids.length + 1];
      all[0] = bos;
      System.arraycopy(ids, 0, all, 1, ids.length);
    }
    return text == null ? Prompt.ofIds(all) : Prompt.of(text, all);
  }

  /** One pass over a prompt: its last row of logits. */
  public RunResult run(Prompt prompt) {
    return run(prompt, HookPlan.NONE);
  }

  /** One pass over a prompt with reads and edits: its last row of logits and what was read. */
  public RunResult run(Prompt prompt, HookPlan plan) {
    return run(RunRequest.of(prompt).plan(plan)).getFirst();
  }

  /**
   * One pass as asked.
   *
   * @return a result for each prompt
   * @throws UsageException if the request does not fit the model; nothing was computed
   * @throws ModelException if a prompt does not fit the model, or the model is closed
   */
  public List<RunResult> run(RunRequest request) {
    try (Lease.Use _ = lease.take()) {
      return runner.run(request);
    }
  }

  /**
   * Final norm and unembedding of any residual vectors, to the same bits as at the end of a pass.
   * No hook sees them.
   *
   * @param residuals rows of the residual stream, [rows, width]
   * @param rows how many
   * @param logits where the logits go, [rows, vocabulary]
   * @throws UsageException if an array is too small
   */
  public void unembed(float[] residuals, int rows, float[] logits) {
    try (Lease.Use _ = lease.take()) {
      unembedder.unembed(residuals, rows, logits);
    }
  }

  /**
   * Variations of a clean run, computed together from where they leave it.
   *
   * @return a result for each branch, the same to the bit as that of a run of its own
   * @throws UsageException if a branch does not fit the model or the prompt; nothing was computed
   * @throws ModelException if the prompt does not fit the model, or the model is closed
   */
  public List<RunResult> run(BranchRequest request) {
    try (Lease.Use _ = lease.take()) {
      return brancher.run(request);
    }
  }

  /** The numbers of the norm in front of the head; copies. */
  public FinalNorm finalNorm() {
    try (Lease.Use _ = lease.take()) {
      return FinalNorm.of(backend, config, weights);
    }
  }

  /** Products with matrices of one's own, on what this model computes with. */
  public Products products() {
    return new Products(backend, config, weights, runner, lease);
  }

  /** Generates from one prompt. */
  public GenerationResult generate(Prompt prompt, GenerationOptions options) {
    return generate(prompt, options, HookPlan.NONE, GenerationListener.NONE);
  }

  /** Generates from one prompt with reads and edits at the steps that they name. */
  public GenerationResult generate(
      Prompt prompt, GenerationOptions options, HookPlan plan, GenerationListener listener) {
    return generate(List.of(prompt), options, plan, listener).getFirst();
  }

  /** Generates from several prompts at once, each with the same bits as alone. */
  public List<GenerationResult> generate(
      List<Prompt> prompts, GenerationOptions options, HookPlan plan, GenerationListener listener) {
    try (Lease.Use _ = lease.take()) {
      return generator.generate(prompts, options, plan, listener);
    }
  }

  /**
   * Generates with the tokens decoded from a hook point: nothing behind it is run, unless the plan
   * reads there. Each sequence has the same bits as alone.
   *
   * @return results whose steps hold what was read at the point, too
   */
  public List<GenerationResult> generate(
      List<Prompt> prompts,
      EarlyExit exit,
      GenerationOptions options,
      HookPlan plan,
      GenerationListener listener) {
    try (Lease.Use _ = lease.take()) {
      return generator.generate(prompts, exit, options, plan, listener);
    }
  }

  /**
   * Generates behind kept keys and values, several sequences at once.
   *
   * @param next for each store the ids that follow what it holds, at least one; positions of the
   *     plan count from the start of what the store holds
   * @param after what earlier runs kept; not changed
   */
  public List<GenerationResult> generateAfter(
      List<KeyValueStore> after,
      List<Prompt> next,
      GenerationOptions options,
      HookPlan plan,
      GenerationListener listener) {
    try (Lease.Use _ = lease.take()) {
      return generator.generate(next, after, options, plan, null, listener);
    }
  }

  /**
   * Gives memory and threads back. Idempotent.
   *
   * @throws ModelException if a run is using the model
   */
  @Override
  public void close() {
    if (lease.close()) {
      weights.release(backend);
      backend.close();
      if (tokenizer != null) {
        tokenizer.close();
      }
    }
  }
}
