package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Generates token by token for one or more prompts at once, each with the same bits as alone. */
final class Generator {
  /** New tokens for which room is made at first: few generations use all that they may. */
  private static final int ROOM_AHEAD = 256;

  private final Backend backend;
  private final DecoderConfig config;
  private final Runner runner;
  private final Pass pass;

  Generator(Backend backend, DecoderConfig config, Decoder decoder, Runner runner) {
    this.backend = backend;
    this.config = config;
    this.runner = runner;
    this.pass = new Pass(backend, config, decoder);
  }

  /** One prompt on its way. */
  private static final class Sequence {
    final Prompt prompt;
    final KeyValueStore store;
    final Sampler sampler;
    final List<RunResult> steps = new ArrayList<>();
    int[] ids; // prompt and new ones
    int fed; // ids that went through the model
    GenerationResult.@Nullable Stop stopped;

    Sequence(Prompt prompt, KeyValueStore store, Sampler sampler) {
      this.prompt = prompt;
      this.store = store;
      this.sampler = sampler;
      this.ids = prompt.ids();
    }

    int[] pending() {
      return stopped == null ? Arrays.copyOfRange(ids, fed, ids.length) : new int[0];
    }

    void add(int id) {
      ids = Arrays.copyOf(ids, ids.length + 1);
      ids[ids.length - 1] = id;
    }

    int newIds() {
      return ids.length - prompt.length();
    }
  }

  /** What is done at every step. */
  private record Task(
      GenerationOptions options,
      ResolvedPlan plan,
      @Nullable EarlyExit exit,
      GenerationListener listener) {}

  List<GenerationResult> generate(
      List<Prompt> prompts, GenerationOptions options, HookPlan plan, GenerationListener listener) {
    return generate(prompts, null, options, plan, null, listener);
  }

  /** From a hook point on, by somebody else's head. */
  List<GenerationResult> generate(
      List<Prompt> prompts,
      EarlyExit exit,
      GenerationOptions options,
      HookPlan plan,
      GenerationListener listener) {
    Selection always = Selection.ALL.steps(Steps.ALL);
    HookPlan reading = HookPlan.builder().include(plan).read(exit.checked(config), always).build();
    return generate(prompts, null, options, reading, exit, listener);
  }

  /** Behind kept keys and values, if there are any, which are not changed. */
  List<GenerationResult> generate(
      List<Prompt> prompts,
      @Nullable List<KeyValueStore> prefixes,
      GenerationOptions options,
      HookPlan plan,
      @Nullable EarlyExit exit,
      GenerationListener listener) {
    if (prefixes != null && prefixes.size() != prompts.size()) {
      throw new UsageException(
          "key/value stores: expected one for each of %d prompts, got %d"
              .formatted(prompts.size(), prefixes.size()));
    }
    PromptSpan[] spans = runner.spans(prompts, prefixes, options.maxNewTokens() - 1);
    ResolvedPlan resolved = PlanResolver.resolve(plan, config, spans);
    Task task = new Task(options, resolved, exit, listener);
    List<Sequence> sequences = new ArrayList<>();
    for (int s = 0; s < prompts.size(); s++) {
      Prompt prompt = prompts.get(s);
      int most = Math.min(options.maxNewTokens(), ROOM_AHEAD);
      int room = Math.min(config.contextLength(), prompt.length() + most);
      KeyValueStore store =
          prefixes == null ? KeyValueStore.empty(backend, config, room) : prefixes.get(s).fork();
      sequences.add(new Sequence(prompt, store, new Sampler(options)));
    }
    Scratch scratch = null;
    try {
      for (int step = 0; sequences.stream().anyMatch(s -> s.stopped == null); step++) {
        int rows = sequences.stream().mapToInt(s -> s.pending().length).sum();
        if (scratch == null || scratch.rows() != rows) {
          if (scratch != null) {
            scratch.close();
          }
          scratch = new Scratch(backend, config, rows, true);
        }
        step(sequences, step, task, scratch);
      }
    } catch (RuntimeException | Error e) {
      runner.abandon(e);
      throw e;
    } finally {
      if (scratch != null) {
        scratch.close();
      }
      sequences.forEach(s -> s.store.release());
    }
    return sequences.stream().map(Generator::result).toList();
  }

  private void step(List<Sequence> sequences, int step, Task task, Scratch scratch) {
    int[][] ids = sequences.stream().map(Sequence::pending).toArray(int[][]::new);
    for (int s = 0; s < ids.length; s++) {
      sequences.get(s).store.reserve(ids[s].length);
    }
    CompiledPlan compiled = CompiledPlan.of(task.plan, config.layers(), step, task.exit == null);
    try (Taps taps = new Taps(compiled, backend, config, ids.length, step)) {
      step(sequences, step, task, ids, taps, scratch);
    }
  }

  private void step(
      List<Sequence> sequences, int step, Task task, int[][] ids, Taps taps, Scratch scratch) {
    Rows rows =
        Rows.behind(
            sequences.stream().map(s -> s.store).toList(),
            Arrays.stream(ids).mapToInt(own -> own.length).toArray(),
            sequences.stream().mapToLong(s -> s.prompt.key()).toArray());
    Pass.Task pass =
        new Pass.Task(ids, null, new int[ids.length], -1, logitRows(ids, task.exit), false);
    List<Pass.Outcome> outcomes = this.pass.run(pass, rows, scratch, taps);
    taps.finish();
    backend.finish();
    for (int s = 0; s < ids.length; s++) {
      if (ids[s].length > 0) {
        Sequence sequence = sequences.get(s);
        sequence.fed += ids[s].length;
        sequence.steps.add(stepResult(ids[s], taps.after(s), taps.before(s)));
        float[] logits =
            task.exit == null
                ? outcomes.get(s).logits
                : task.exit.logits(sequence.steps.getLast(), config);
        choose(sequence, s, step, logits, task);
      }
    }
  }

  /** The last row of each sequence that goes on, unless its logits are made elsewhere. */
  private static int[][] logitRows(int[][] ids, @Nullable EarlyExit exit) {
    int[][] last = new int[ids.length][];
    for (int s = 0; s < ids.length; s++) {
      boolean none = exit != null || ids[s].length == 0;
      last[s] = none ? new int[0] : new int[] {ids[s].length - 1};
    }
    return last;
  }

  private void choose(Sequence sequence, int index, int step, float[] logits, Task task) {
    for (float logit : logits) {
      if (Float.isNaN(logit)) {
        throw new ModelException(
            "the logits of step %d are NaN, so no token can be chosen: look at the edits and the weights"
                .formatted(step));
      }
    }
    int id = sequence.sampler.next(logits, sequence.ids);
    sequence.add(id);
    if (config.eosIds().contains(id) && !task.options.ignoreEos()) {
      sequence.stopped = GenerationResult.Stop.EOS;
    } else if (sequence.newIds() >= task.options.maxNewTokens()) {
      sequence.stopped = GenerationResult.Stop.LENGTH;
    } else if (sequence.store.length() >= config.contextLength()) {
      sequence.stopped = GenerationResult.Stop.CONTEXT;
    }
    task.listener.token(index, step, id);
  }

  private static RunResult stepResult(
      int[] ids, Map<String, Activation> after, Map<String, Activation> before) {
    return new RunResult(
        ids,
        new int[0],
        new float[0],
        null,
        Collections.unmodifiableMap(after),
        Collections.unmodifiableMap(before),
        null,
        null);
  }

  private static GenerationResult result(Sequence s) {
    return new GenerationResult(
        s.prompt.ids(),
        Arrays.copyOfRange(s.ids, s.prompt.length(), s.ids.length),
        Objects.requireNonNull(s.stopped),
        List.copyOf(s.steps));
  }
}
