package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeSet;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Patches to run, checked: one, or a sweep. Immutable; several threads may run it. Nothing is
 * computed before {@link #start}.
 *
 * <pre>{@code
 * Patch patch = Patch.of(
 *     Source.of(model, "The capital of Japan is").at(-1).layer(3),
 *     Target.of(model, "cat is cat; red is red; Rome is").at(-1).newTokens(1));
 * List<Layer> layers = Layer.blocks(model.config());
 * List<Cell> cells = Patchscope.of(Sweep.of(patch).grid(layers, layers)).run();
 * }</pre>
 */
public final class Patchscope {
  private static final int MOST_PROBLEMS = 10;

  private final List<Patch> patches;
  private final Readout readout;
  private final Limits limits;

  private Patchscope(List<Patch> patches, Readout readout, Limits limits) {
    this.patches = patches;
    this.readout = readout;
    this.limits = limits;
  }

  /** One patch. */
  public static Patchscope of(Patch patch) {
    return of(Sweep.of(patch));
  }

  /** A sweep. */
  public static Patchscope of(Sweep sweep) {
    return new Patchscope(sweep.patches(), Readout.DEFAULT, Limits.DEFAULT);
  }

  /** Patches in this order. */
  public static Patchscope of(List<Patch> patches) {
    return new Patchscope(List.copyOf(patches), Readout.DEFAULT, Limits.DEFAULT);
  }

  /** With another readout. */
  public Patchscope readout(Readout other) {
    return new Patchscope(patches, other, limits);
  }

  /** With other limits. */
  public Patchscope limits(Limits other) {
    return new Patchscope(patches, readout, other);
  }

  /** Its patches in declared order. */
  public List<Patch> patches() {
    return patches;
  }

  /** Everything that is wrong, one line each, at most ten; empty where it can run. */
  public List<String> problems() {
    Set<String> problems = new LinkedHashSet<>();
    resolve(problems);
    return List.copyOf(problems);
  }

  private List<Resolved> resolve(Set<String> problems) {
    List<Resolved> resolved = new ArrayList<>();
    if (patches.isEmpty()) {
      problems.add("expected at least one patch, got none");
    }
    for (Patch patch : patches) {
      try {
        resolved.add(Resolved.of(patch, readout));
      } catch (UsageException | ModelException e) {
        problems.add(String.valueOf(e.getMessage()));
      }
      if (problems.size() == MOST_PROBLEMS) {
        break;
      }
    }
    if (problems.isEmpty()) {
      budget(resolved, problems);
    }
    return resolved;
  }

  private void budget(List<Resolved> resolved, Set<String> problems) {
    long layers = counters(resolved).tokenLayers();
    if (layers > limits.tokenLayers()) {
      problems.add(
          "the budget is %d token-layers, this takes %d: sweep less, or allow more"
              .formatted(limits.tokenLayers(), layers));
    }
    long largest = resolved.stream().mapToLong(r -> Memory.bytes(r, readout)).max().orElse(0);
    if (largest > limits.memoryBytes()) {
      problems.add(
          "the budget is %d bytes of memory, one patch takes about %d: allow more"
              .formatted(limits.memoryBytes(), largest));
    }
  }

  /** The checked patches. */
  private List<Resolved> checked() {
    Set<String> problems = new LinkedHashSet<>();
    List<Resolved> resolved = resolve(problems);
    if (!problems.isEmpty()) {
      throw new UsageException(String.join("; ", problems));
    }
    return resolved;
  }

  /**
   * Fails where not one patch can change what is read. A cell of a sweep may be such a one, and
   * runs alone, too; who asks for nothing else has made a mistake.
   *
   * @throws UsageException then, and where it cannot run
   */
  public void requireChange() {
    List<Resolved> resolved = checked();
    if (resolved.stream().allMatch(r -> r.changesNothing(readout))) {
      throw new UsageException(resolved.getFirst().nothingChanges());
    }
  }

  private Counters counters(List<Resolved> resolved) {
    Counters sum = Counters.NONE;
    for (var source : sources(resolved).entrySet()) {
      Resolved.Reader reader = source.getKey();
      sum =
          sum.plus(
              (long) reader.input().length() * reader.model().config().layers(),
              source.getValue().size());
    }
    for (var target : targets(resolved).entrySet()) {
      Resolved.Reader reader = target.getKey();
      int length = reader.input().length();
      sum =
          sum.plus(
              (long) length * reader.model().config().layers(),
              readout.allRows() ? length : target.getValue().size());
    }
    for (Resolved patch : resolved) {
      sum = sum.plus(patch.tokenLayers(), patch.unembeddings(readout));
    }
    return sum;
  }

  /** The rows of logits that each source's clean pass gives; none where it gives vectors alone. */
  private static Map<Resolved.Reader, Set<Integer>> sources(List<Resolved> resolved) {
    Map<Resolved.Reader, Set<Integer>> rows = new HashMap<>();
    for (Resolved patch : resolved) {
      var _ = rows.computeIfAbsent(patch.source(), _ -> new TreeSet<>());
      rows.computeIfAbsent(patch.measure(), _ -> new TreeSet<>()).add(patch.measured());
    }
    return rows;
  }

  /** The rows of logits that each target's clean pass gives. */
  private static Map<Resolved.Reader, Set<Integer>> targets(List<Resolved> resolved) {
    Map<Resolved.Reader, Set<Integer>> rows = new HashMap<>();
    for (Resolved patch : resolved) {
      Set<Integer> own = rows.computeIfAbsent(patch.target(), _ -> new TreeSet<>());
      own.add(patch.read());
      if (!patch.onPrompt()) {
        own.add(patch.patch().target().input().length() - 1);
      }
    }
    return rows;
  }

  /**
   * What it will cost.
   *
   * @throws UsageException where it cannot run
   */
  public Estimate estimate() {
    List<Resolved> resolved = checked();
    Counters naive = Counters.NONE;
    boolean exact = true;
    for (Resolved patch : resolved) {
      Counters own = patch.naive();
      naive = naive.plus(own.tokenLayers(), own.unembeddings());
      exact &= patch.newTokens() <= 1 || patch.patch().target().ignoreEos();
    }
    int chunk = 0;
    long bytes = 0;
    for (int from = 0; from < resolved.size(); ) {
      int to = Memory.chunkEnd(resolved, from, readout, limits);
      chunk = Math.max(chunk, to - from);
      bytes =
          Math.max(
              bytes,
              resolved.subList(from, to).stream().mapToLong(r -> Memory.bytes(r, readout)).sum());
      from = to;
    }
    return new Estimate(
        resolved.size(),
        counters(resolved),
        exact,
        naive,
        products(resolved),
        chunk,
        bytes,
        Memory.cleanBytes(resolved),
        Memory.heldBytes(resolved, readout));
  }

  private long products(List<Resolved> resolved) {
    long sum = 0;
    for (var source : sources(resolved).entrySet()) {
      sum += cleanProducts(source.getKey(), source.getValue().size());
    }
    for (var target : targets(resolved).entrySet()) {
      sum += cleanProducts(target.getKey(), target.getValue().size());
    }
    ToLongFunction<Resolved> own =
        r -> {
          DecoderConfig config = r.patch().target().model().config();
          return r.tokenLayers() * Estimate.blockProducts(config)
              + r.unembeddings(readout) * Estimate.unembeddingProducts(config);
        };
    return sum + resolved.stream().mapToLong(own).sum();
  }

  private static long cleanProducts(Resolved.Reader reader, int rows) {
    DecoderConfig config = reader.model().config();
    return (long) reader.input().length() * config.layers() * Estimate.blockProducts(config)
        + rows * Estimate.unembeddingProducts(config);
  }

  /**
   * Starts to run; the work is done as cells are asked for.
   *
   * @throws UsageException where it cannot run; nothing was computed
   */
  public PatchRun start() {
    return start(0);
  }

  /** Starts to run behind the first cells, which are left out. */
  public PatchRun start(int from) {
    List<Resolved> resolved = checked();
    if (from < 0 || from > resolved.size()) {
      throw new UsageException(
          "start: expected a cell from 0 to %d, got %d".formatted(resolved.size(), from));
    }
    List<Resolved> left = resolved.subList(from, resolved.size());
    return new PatchRun(left, from, readout, limits, sources(left), targets(left));
  }

  /** The cells in declared order, computed as the stream goes on. */
  public Stream<Cell> stream() {
    PatchRun run = start();
    return StreamSupport.stream(
        Spliterators.spliterator(
            run, patches.size(), Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE),
        false);
  }

  /** All cells in declared order. */
  public List<Cell> run() {
    return stream().toList();
  }

  /** The one cell of one patch. */
  public static Cell run(Patch patch) {
    return of(patch).run().getFirst();
  }

  /** The readout. */
  public Readout readout() {
    return readout;
  }

  /** The limits. */
  public Limits limits() {
    return limits;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Patchscope p
        && patches.equals(p.patches)
        && readout.equals(p.readout)
        && limits.equals(p.limits);
  }

  @Override
  public int hashCode() {
    return patches.hashCode();
  }
}
