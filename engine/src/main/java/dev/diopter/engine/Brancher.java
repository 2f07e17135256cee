package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs branches of a clean run as one batch of rows. Rows lie in the order in which their branches
 * enter, so that those which are on their way are always the first rows.
 */
final class Brancher {
  private final Backend backend;
  private final DecoderConfig config;
  private final Runner runner;
  private final Pass pass;

  Brancher(Backend backend, DecoderConfig config, Decoder decoder, Runner runner) {
    this.backend = backend;
    this.config = config;
    this.runner = runner;
    this.pass = new Pass(backend, config, decoder);
  }

  List<RunResult> run(BranchRequest request) {
    PromptSpan[] spans = spans(request);
    ResolvedPlan plan = PlanResolver.resolve(request.plan(), config, spans);
    checkReached(plan, request.branches());
    int[][] logitRows = new int[spans.length][];
    boolean endless = request.keepKeyValues();
    for (int s = 0; s < spans.length; s++) {
      int first = spans[s].first();
      logitRows[s] =
          Arrays.stream(request.logits().resolve(first, spans[s].end()))
              .map(p -> p - first)
              .toArray();
      endless |= logitRows[s].length > 0;
    }
    CompiledPlan compiled = CompiledPlan.of(plan, config.layers(), 0, endless);
    if (!endless && compiled.isEmpty()) {
      throw new UsageException("branches that return no logits and read nothing do nothing");
    }
    Pass.Task task =
        new Pass.Task(
            IntStream.range(0, spans.length)
                .mapToObj(s -> ids(request.prompt(), spans[s]))
                .toArray(int[][]::new),
            request.branches().stream().map(Branch::residual).toList(),
            request.branches().stream().mapToInt(Branch::layer).toArray(),
            -1,
            logitRows,
            false);
    try (Taps taps = new Taps(compiled, backend, config, spans.length, 0)) {
      return run(request, task, spans, taps);
    }
  }

  private List<RunResult> run(
      BranchRequest request, Pass.Task task, PromptSpan[] spans, Taps taps) {
    List<KeyValueStore> stores = new ArrayList<>();
    boolean kept = false;
    try {
      for (int s = 0; s < spans.length; s++) {
        int layer = request.branches().get(s).layer();
        int rows = spans[s].end() - spans[s].first();
        stores.add(
            KeyValueStore.leaving(
                request.clean(), layer, spans[s].first(), rows, request.keepKeyValues()));
      }
      Rows rows = new Rows(map(request, spans), List.copyOf(stores));
      try (Scratch scratch = new Scratch(backend, config, rows.count())) {
        List<Pass.Outcome> outcomes = pass.run(task, rows, scratch, taps);
        taps.finish();
        backend.finish();
        kept = request.keepKeyValues();
        return results(task, spans, outcomes, taps, kept ? stores : null);
      }
    } catch (RuntimeException | Error e) {
      runner.abandon(e);
      throw e;
    } finally {
      if (!kept) {
        stores.forEach(KeyValueStore::release);
      }
    }
  }

  /** Checks the request; where each branch's rows stand. */
  private PromptSpan[] spans(BranchRequest request) {
    Prompt prompt = request.prompt();
    runner.spans(List.of(prompt), null, 0);
    request.clean().requireWhole(backend, prompt.length());
    PromptSpan[] spans = new PromptSpan[request.branches().size()];
    for (int s = 0; s < spans.length; s++) {
      Branch branch = request.branches().get(s);
      if (branch.layer() < 0 || branch.layer() > config.layers()) {
        throw new UsageException(
            "branch %d: expected a layer from 0 to %d, got %d"
                .formatted(s, config.layers(), branch.layer()));
      }
      int rows = branch.residual().length / config.width();
      if (rows == 0 || branch.residual().length % config.width() != 0) {
        throw new UsageException(
            "branch %d: expected rows of %d numbers, got %d numbers"
                .formatted(s, config.width(), branch.residual().length));
      }
      int most = prompt.length() - rows;
      if (branch.position() < 0 || branch.position() > most) {
        throw new UsageException(
            "branch %d: expected a position from 0 to %d for %d rows of a prompt of %d tokens, got %d"
                .formatted(s, most, rows, prompt.length(), branch.position()));
      }
      if (request.keepKeyValues() && branch.position() != most) {
        throw new UsageException(
            "branch %d: keys and values can be kept where rows reach the end of the prompt, position %d; these end at %d"
                .formatted(s, prompt.length() - 1, branch.position() + rows - 1));
      }
      spans[s] = new PromptSpan(branch.position(), branch.position() + rows, 0);
    }
    return spans;
  }

  /** A hook in front of every branch that it names could not fire. */
  private void checkReached(ResolvedPlan plan, List<Branch> branches) {
    plan.reads().forEach(r -> checkReached(r.point(), r.where(), branches));
    plan.edits().forEach(e -> checkReached(e.point(), e.where(), branches));
  }

  private static void checkReached(
      HookPoint point, ResolvedSelection where, List<Branch> branches) {
    for (int s = 0; s < branches.size(); s++) {
      int entry = branches.get(s).layer();
      boolean before =
          point.site().inBlock()
              ? point.layer() < entry
              : point.site().compareTo(Site.RESID_PRE) < 0;
      if (before && where.covers(s, 0)) {
        throw new UsageException(
            "%s could not fire: branch %d starts at block %d".formatted(point, s, entry));
      }
    }
  }

  private static int[] ids(Prompt prompt, PromptSpan span) {
    return Arrays.copyOfRange(prompt.ids(), span.first(), span.end());
  }

  private static RowMap map(BranchRequest request, PromptSpan[] spans) {
    int[][] positions = new int[spans.length][];
    long[] keys = new long[spans.length];
    int[] first = new int[spans.length];
    for (int s = 0; s < spans.length; s++) {
      positions[s] = IntStream.range(spans[s].first(), spans[s].end()).toArray();
      keys[s] = request.prompt().key();
    }
    List<Integer> order =
        IntStream.range(0, spans.length)
            .boxed()
            .sorted(Comparator.comparingInt(s -> request.branches().get(s).layer()))
            .toList();
    int at = 0;
    for (int s : order) {
      first[s] = at;
      at += positions[s].length;
    }
    return new RowMap(first, positions, keys);
  }

  private static List<RunResult> results(
      Pass.Task task,
      PromptSpan[] spans,
      List<Pass.Outcome> outcomes,
      Taps taps,
      @Nullable List<KeyValueStore> stores) {
    List<RunResult> results = new ArrayList<>();
    for (int s = 0; s < spans.length; s++) {
      int first = spans[s].first();
      results.add(
          new RunResult(
              task.ids()[s],
              Arrays.stream(task.logitRows()[s]).map(r -> r + first).toArray(),
              outcomes.get(s).logits,
              null,
              Collections.unmodifiableMap(taps.after(s)),
              Collections.unmodifiableMap(taps.before(s)),
              null,
              stores == null ? null : stores.get(s)));
    }
    return List.copyOf(results);
  }
}
