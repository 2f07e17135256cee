package dev.diopter.lens.patchscope;

import dev.diopter.engine.Logits;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeSet;

/**
 * A sweep under way: cells in declared order. Clean passes are run when the first patch needs them
 * and dropped behind the last. For one thread.
 */
public final class PatchRun implements Iterator<Cell> {
  private final List<Resolved> patches;
  private final int offset;
  private final Readout readout;
  private final Limits limits;
  private final Map<Resolved.Reader, Set<Integer>> sourceRows;
  private final Map<Resolved.Reader, Set<Integer>> targetRows;
  private final Map<Resolved.Reader, Set<String>> sourceSites = new HashMap<>();
  private final Map<Resolved.Reader, Set<String>> targetSites = new HashMap<>();
  private final Map<Resolved.Reader, Integer> sourceEnd = new HashMap<>();
  private final Map<Resolved.Reader, Integer> targetEnd = new HashMap<>();
  private final Map<Resolved.Reader, CleanSource> sources = new HashMap<>();
  private final Map<Resolved.Reader, CleanTarget> targets = new HashMap<>();
  private final Vocabularies vocabularies = new Vocabularies();
  private final Deque<Cell> ready = new ArrayDeque<>();
  private int done;
  private Counters counters = Counters.NONE;

  PatchRun(
      List<Resolved> patches,
      int offset,
      Readout readout,
      Limits limits,
      Map<Resolved.Reader, Set<Integer>> sourceRows,
      Map<Resolved.Reader, Set<Integer>> targetRows) {
    this.patches = patches;
    this.offset = offset;
    this.readout = readout;
    this.limits = limits;
    this.sourceRows = sourceRows;
    this.targetRows = targetRows;
    for (int i = 0; i < patches.size(); i++) {
      Resolved patch = patches.get(i);
      int ownLayers = patch.patch().source().model().config().layers();
      sites(sourceSites, patch.source()).add(patch.from().site(ownLayers));
      var _ = sites(sourceSites, patch.measure());
      int layers = patch.patch().target().model().config().layers();
      Set<String> sites = sites(targetSites, patch.target());
      if (patch.onPrompt() && !patch.overwritesAll()) {
        sites.add(Slots.residual(patch.to().branchEntry(), layers));
      }
      sourceEnd.put(patch.source(), i + 1);
      sourceEnd.put(patch.measure(), i + 1);
      targetEnd.put(patch.target(), i + 1);
    }
  }

  private static Set<String> sites(
      Map<Resolved.Reader, Set<String>> sites, Resolved.Reader reader) {
    return sites.computeIfAbsent(reader, _ -> new TreeSet<>());
  }

  /** How many cells there are in all, those in front of the start included. */
  public int size() {
    return offset + patches.size();
  }

  /** What was computed up to now. */
  public Counters counters() {
    return counters;
  }

  @Override
  public boolean hasNext() {
    return !ready.isEmpty() || done < patches.size();
  }

  @Override
  public Cell next() {
    if (ready.isEmpty()) {
      if (done == patches.size()) {
        throw new NoSuchElementException("all cells were taken");
      }
      advance();
    }
    return ready.removeFirst();
  }

  private void advance() {
    int to = Memory.chunkEnd(patches, done, readout, limits);
    List<Resolved> chunk = patches.subList(done, to);
    for (Resolved patch : chunk) {
      for (Resolved.Reader reader : List.of(patch.source(), patch.measure())) {
        if (!sources.containsKey(reader)) {
          sources.put(reader, source(reader));
        }
      }
    }
    Resolved.Reader reader = chunk.getFirst().target();
    CleanTarget target = targets.get(reader);
    if (target == null) {
      target = target(reader);
      targets.put(reader, target);
    }
    Chunk work = new Chunk(chunk, offset + done, readout, sources, target, vocabularies);
    ready.addAll(work.run());
    counters = counters.plus(work.counters().tokenLayers(), work.counters().unembeddings());
    done = to;
    sources.keySet().removeIf(key -> sourceEnd.getOrDefault(key, 0) <= done);
    targets.keySet().removeIf(key -> targetEnd.getOrDefault(key, 0) <= done);
  }

  private CleanSource source(Resolved.Reader reader) {
    Set<Integer> rows = sourceRows.getOrDefault(reader, Set.of());
    CleanSource clean = CleanSource.run(reader, sites(sourceSites, reader), rows);
    count(reader, rows.size());
    return clean;
  }

  private CleanTarget target(Resolved.Reader reader) {
    Set<Integer> rows = targetRows.getOrDefault(reader, Set.of());
    int[] positions = rows.stream().mapToInt(Integer::intValue).toArray();
    Logits logits = readout.allRows() ? Logits.ALL : Logits.at(positions);
    CleanTarget clean = CleanTarget.run(reader, sites(targetSites, reader), logits);
    count(reader, readout.allRows() ? reader.input().length() : positions.length);
    return clean;
  }

  private void count(Resolved.Reader reader, int logitRows) {
    int layers = reader.model().config().layers();
    counters = counters.plus((long) reader.input().length() * layers, logitRows);
  }
}
