package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns a request into one pass: everything is checked before anything is computed. */
final class Runner {
  private final Backend backend;
  private final DecoderConfig config;
  private final Pass pass;

  Runner(Backend backend, DecoderConfig config, Decoder decoder) {
    this.backend = backend;
    this.config = config;
    this.pass = new Pass(backend, config, decoder);
  }

  /** Takes what else failed on the backend, so that the next run does not inherit it. */
  void abandon(Throwable failure) {
    try {
      backend.finish();
    } catch (RuntimeException e) {
      if (!e.equals(failure)) {
        failure.addSuppressed(e);
      }
    }
  }

  List<RunResult> run(RunRequest request) {
    int start = request.start() == null ? 0 : layer("start", request.start().layer());
    int stop = request.stopLayer() == null ? -1 : layer("stop", request.stopLayer());
    checkRange(request, start, stop);
    PromptSpan[] spans = spans(request.prompts(), request.prefixes(), 0);
    int[][] logitRows = logitRows(request, spans);
    ResolvedPlan plan = PlanResolver.resolve(request.plan(), config, spans);
    checkReached(plan, request.start() != null, start, stop);
    boolean endless = request.loss() || request.keepKeyValues() || stop >= 0 || anyRow(logitRows);
    CompiledPlan compiled = CompiledPlan.of(plan, config.layers(), 0, endless);
    int[] starts = new int[spans.length];
    Arrays.fill(starts, start);
    Pass.Task task =
        new Pass.Task(
            request.prompts().stream().map(Prompt::ids).toArray(int[][]::new),
            residuals(request),
            starts,
            stop,
            logitRows,
            request.loss());
    try (Taps taps = new Taps(compiled, backend, config, spans.length, 0)) {
      if (!endless && compiled.isEmpty()) {
        return results(request, spans, logitRows, nothing(spans.length), taps, null);
      }
      return run(request, task, spans, taps);
    }
  }

  private List<RunResult> run(RunRequest request, Pass.Task task, PromptSpan[] spans, Taps taps) {
    List<KeyValueStore> stores = stores(request);
    boolean kept = false;
    try {
      Rows rows = rows(request.prompts(), stores);
      try (Scratch scratch = new Scratch(backend, config, rows.count())) {
        List<Pass.Outcome> outcomes = pass.run(task, rows, scratch, taps);
        taps.finish();
        backend.finish();
        kept = request.keepKeyValues();
        return results(request, spans, task.logitRows(), outcomes, taps, kept ? stores : null);
      }
    } catch (RuntimeException | Error e) {
      abandon(e);
      throw e;
    } finally {
      if (!kept) {
        stores.forEach(KeyValueStore::release);
      }
    }
  }

  private int layer(String what, int asked) {
    int layer = asked < 0 ? asked + config.layers() : asked;
    if (layer < 0 || layer > config.layers()) {
      throw new UsageException(
          "%s layer: expected %d to %d, got %d"
              .formatted(what, -config.layers(), config.layers(), asked));
    }
    return layer;
  }

  private void checkRange(RunRequest request, int start, int stop) {
    if (stop >= 0 && stop < start) {
      throw new UsageException(
          "expected to stop behind the start layer %d, got %d".formatted(start, stop));
    }
    if (stop >= 0 && (request.loss() || !request.logits().isNone())) {
      throw new UsageException(
          "a run that stops in front of block %d has no logits and no loss: ask for one or the other"
              .formatted(stop));
    }
    boolean part = start > 0 || (stop >= 0 && stop < config.layers());
    if (request.keepKeyValues() && part) {
      throw new UsageException(
          "keys and values can be kept from whole passes only; this one runs blocks %d to %d"
              .formatted(start, stop < 0 ? config.layers() : stop));
    }
  }

  private static void checkReached(ResolvedPlan plan, boolean fromResidual, int start, int stop) {
    List<HookPoint> points = new ArrayList<>();
    plan.reads().forEach(r -> points.add(r.point()));
    plan.edits().forEach(e -> points.add(e.point()));
    for (HookPoint point : points) {
      boolean before =
          fromResidual
              && (point.site().inBlock()
                  ? point.layer() < start
                  : point.site().compareTo(Site.RESID_PRE) < 0);
      boolean behind =
          stop >= 0
              && (point.site().inBlock()
                  ? point.layer() >= stop
                  : point.site().compareTo(Site.RESID_PRE) > 0);
      if (before || behind) {
        throw new UsageException(
            "%s could not fire: this run %s"
                .formatted(
                    point,
                    before ? "starts at block " + start : "stops in front of block " + stop));
      }
    }
  }

  /** Where each prompt stands, once its ids and length are known to be right. */
  PromptSpan[] spans(List<Prompt> prompts, @Nullable List<KeyValueStore> prefixes, int newTokens) {
    PromptSpan[] spans = new PromptSpan[prompts.size()];
    for (int s = 0; s < spans.length; s++) {
      int first = 0;
      if (prefixes != null) {
        KeyValueStore store = prefixes.get(s);
        if (!store.belongsTo(backend)) {
          throw new UsageException("expected keys and values of this model, got those of another");
        }
        first = store.length();
      }
      int end = first + prompts.get(s).length();
      if (end > config.contextLength()) {
        throw new ModelException(
            "the prompt has %d tokens, the model's context %d: shorten the prompt"
                .formatted(end, config.contextLength()));
      }
      for (int id : prompts.get(s).ids()) {
        if (id < 0 || id >= config.vocabulary()) {
          throw new ModelException(
              "token id %d is outside the vocabulary: expected 0 to %d"
                  .formatted(id, config.vocabulary() - 1));
        }
      }
      // Of new tokens only those are fed that the context has room for.
      int fed = Math.min(newTokens, config.contextLength() - end);
      spans[s] = new PromptSpan(first, end, fed);
    }
    return spans;
  }

  private static int[][] logitRows(RunRequest request, PromptSpan[] spans) {
    int[][] rows = new int[spans.length][];
    for (int s = 0; s < rows.length; s++) {
      rows[s] = request.logits().resolve(spans[s].first(), spans[s].end());
      for (int i = 0; i < rows[s].length; i++) {
        rows[s][i] -= spans[s].first();
      }
    }
    return rows;
  }

  private static boolean anyRow(int[][] rows) {
    for (int[] own : rows) {
      if (own.length > 0) {
        return true;
      }
    }
    return false;
  }

  private @Nullable List<float[]> residuals(RunRequest request) {
    RunRequest.Start start = request.start();
    if (start == null) {
      return null;
    }
    for (int s = 0; s < start.residuals().size(); s++) {
      int expected = request.prompts().get(s).length() * config.width();
      int found = start.residuals().get(s).length;
      if (found != expected) {
        throw new UsageException(
            "residual of prompt %d: expected %d x %d = %d numbers, got %d"
                .formatted(s, request.prompts().get(s).length(), config.width(), expected, found));
      }
    }
    return start.residuals();
  }

  private List<KeyValueStore> stores(RunRequest request) {
    List<KeyValueStore> stores = new ArrayList<>();
    for (int s = 0; s < request.prompts().size(); s++) {
      int rows = request.prompts().get(s).length();
      if (request.prefixes() != null) {
        stores.add(request.prefixes().get(s).fork());
      } else if (request.keepKeyValues()) {
        stores.add(KeyValueStore.empty(backend, config, rows));
      } else {
        stores.add(KeyValueStore.passing(backend, config, rows));
      }
    }
    return stores;
  }

  private static Rows rows(List<Prompt> prompts, List<KeyValueStore> stores) {
    int[] counts = new int[prompts.size()];
    for (int s = 0; s < counts.length; s++) {
      counts[s] = prompts.get(s).length();
      stores.get(s).reserve(counts[s]);
    }
    return Rows.behind(stores, counts, noiseKeys(prompts));
  }

  static long[] noiseKeys(List<Prompt> prompts) {
    return prompts.stream().mapToLong(Prompt::key).toArray();
  }

  private static List<Pass.Outcome> nothing(int sequences) {
    List<Pass.Outcome> outcomes = new ArrayList<>();
    for (int s = 0; s < sequences; s++) {
      outcomes.add(new Pass.Outcome());
    }
    return outcomes;
  }

  private static List<RunResult> results(
      RunRequest request,
      PromptSpan[] spans,
      int[][] logitRows,
      List<Pass.Outcome> outcomes,
      Taps taps,
      @Nullable List<KeyValueStore> stores) {
    List<RunResult> results = new ArrayList<>();
    for (int s = 0; s < outcomes.size(); s++) {
      int first = spans[s].first();
      Pass.Outcome outcome = outcomes.get(s);
      results.add(
          new RunResult(
              request.prompts().get(s).ids(),
              Arrays.stream(logitRows[s]).map(r -> r + first).toArray(),
              outcome.logits,
              outcome.loss,
              Collections.unmodifiableMap(taps.after(s)),
              Collections.unmodifiableMap(taps.before(s)),
              outcome.residual,
              stores == null ? null : stores.get(s)));
    }
    return List.copyOf(results);
  }
}
