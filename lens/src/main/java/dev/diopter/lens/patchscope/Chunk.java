package dev.diopter.lens.patchscope;

import dev.diopter.engine.Branch;
import dev.diopter.engine.BranchRequest;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.KeyValueStore;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Patches of one clean target pass, advanced together. Run once. */
final class Chunk {
  private final List<Resolved> patches;
  private final int offset;
  private final Readout readout;
  private final Map<Resolved.Reader, CleanSource> sources;
  private final CleanTarget target;
  private final Vocabularies vocabularies;
  private final Model model;
  private final int layers;
  private final float[][][] vectors; // of each patch, mapped
  private Counters counters = Counters.NONE;

  Chunk(
      List<Resolved> patches,
      int offset,
      Readout readout,
      Map<Resolved.Reader, CleanSource> sources,
      CleanTarget target,
      Vocabularies vocabularies) {
    this.patches = patches;
    this.offset = offset;
    this.readout = readout;
    this.sources = sources;
    this.target = target;
    this.vocabularies = vocabularies;
    this.model = patches.getFirst().patch().target().model();
    this.layers = model.config().layers();
    this.vectors = new float[patches.size()][][];
  }

  Counters counters() {
    return counters;
  }

  List<Cell> run() {
    for (int i = 0; i < vectors.length; i++) {
      vectors[i] = mapped(patches.get(i));
    }
    RunResult[] branched = branches();
    float[][] last = new float[vectors.length][];
    List<KeyValueStore> stores = new ArrayList<>();
    Resolved first = patches.getFirst();
    int end = first.patch().target().input().length() - 1;
    boolean generates = first.newTokens() > 0;
    for (int i = 0; i < vectors.length; i++) {
      RunResult run = branched[i];
      if (generates) {
        last[i] = run == null ? target.logits(end) : Rows.row(run, end);
      }
      stores.add(run == null || run.keyValues() == null ? target.store() : run.keyValues());
    }
    Continuation continuation = new Continuation(model, patches, vectors, readout.allSteps());
    List<Continuation.Tokens> generated = generates ? continuation.run(stores, last) : List.of();
    counters = counters.plus(continuation.passes() * (long) layers, continuation.passes());
    List<Cell> cells = new ArrayList<>();
    for (int i = 0; i < vectors.length; i++) {
      Continuation.Tokens tokens = generates ? generated.get(i) : Continuation.Tokens.NONE;
      cells.add(cell(i, branched[i], tokens));
    }
    return cells;
  }

  private float[][] mapped(Resolved patch) {
    CleanSource source = Objects.requireNonNull(sources.get(patch.source()));
    Mapping mapping = patch.patch().mapping();
    float[][] out = new float[patch.from().count()][];
    for (int slot = 0; slot < out.length; slot++) {
      float[] vector = mapping.apply(source.vector(patch.from(), slot), patch.route());
      if (vector.length != patch.to().width()) {
        throw new UsageException(
            "mapping %s: expected %d numbers, got %d"
                .formatted(mapping.name(), patch.to().width(), vector.length));
      }
      for (float x : vector) {
        if (!Float.isFinite(x)) {
          throw new UsageException(
              "mapping %s: expected finite numbers for %s, got %s"
                  .formatted(mapping.name(), patch.route(), x));
        }
      }
      out[slot] = vector;
    }
    return out;
  }

  static float[] vector(float[][] own, int slot) {
    return own.length == 1 ? own[0] : own[slot];
  }

  /** Results of the patched prompt passes; null for patches that leave that pass alone. */
  private RunResult[] branches() {
    List<Branch> branches = new ArrayList<>();
    int[] owner = new int[vectors.length];
    HookPlan.Builder hooks = HookPlan.builder();
    for (int i = 0; i < vectors.length; i++) {
      Resolved patch = patches.get(i);
      if (patch.onPrompt()) {
        owner[branches.size()] = i;
        edits(hooks, branches.size(), patch, vectors[i]);
        branches.add(branch(patch, vectors[i]));
      }
    }
    RunResult[] results = new RunResult[vectors.length];
    if (branches.isEmpty()) {
      return results;
    }
    Resolved first = patches.getFirst();
    Input input = first.patch().target().input();
    BranchRequest request =
        BranchRequest.of(input.prompt(), target.store(), branches)
            .plan(hooks.build())
            .logits(logits(first));
    if (first.newTokens() > 1) {
      request = request.keepingKeyValues();
    }
    List<RunResult> runs = model.run(request);
    long rows = 0;
    for (int b = 0; b < runs.size(); b++) {
      results[owner[b]] = runs.get(b);
      rows += runs.get(b).logitPositions().length;
    }
    counters = counters.plus(request.tokenLayers(layers, model.config().width()), rows);
    return results;
  }

  private Logits logits(Resolved first) {
    if (readout.allRows()) {
      return Logits.ALL;
    }
    int read = first.read() - first.end(); // from the end of the rows, the same for the chunk
    return first.logitRows().length > 1 ? Logits.at(read, -1) : Logits.at(read);
  }

  private Branch branch(Resolved patch, float[][] own) {
    Slots to = patch.to();
    float[] rows =
        patch.overwritesAll()
            ? new float[(patch.end() - patch.first()) * to.width()]
            : target.rows(to.branchEntry(), patch.first(), patch.end());
    if (to.inStream()) {
      for (int slot = 0; slot < to.count(); slot++) {
        int at = (to.positions()[slot] - patch.first()) * to.width();
        System.arraycopy(vector(own, slot), 0, rows, at, to.width());
      }
    }
    return new Branch(to.branchEntry(), patch.first(), rows);
  }

  private void edits(HookPlan.Builder hooks, int sequence, Resolved patch, float[][] own) {
    Slots to = patch.to();
    if (!to.inStream()) {
      for (int slot = 0; slot < to.count(); slot++) {
        if (to.isFinal() && !patch.isRead(to.positions()[slot], readout)) {
          continue; // Behind the final norm a row is its own logits and nothing else.
        }
        Selection where = Selection.ALL.sequences(sequence).positions(to.positions()[slot]);
        where = to.onHeads() ? where.heads(to.heads()[slot]) : where;
        hooks.replace(to.site(layers), where, vector(own, slot));
      }
    }
  }

  private Cell cell(int i, RunResult run, Continuation.Tokens tokens) {
    Resolved patch = patches.get(i);
    float[] row = run == null ? target.logits(patch.read()) : Rows.row(run, patch.read());
    CleanSource measure = Objects.requireNonNull(sources.get(patch.measure()));
    boolean comparable = vocabularies.areSame(patch.measure().model(), model);
    Reading reading =
        Reading.of(
            patch.read(),
            new Distribution(row),
            comparable ? measure.said(patch.measured()) : null,
            target.said(patch.read()),
            readout);
    return new Cell(
        offset + i,
        patch.patch(),
        patch.route(),
        patch.from().positions().clone(),
        patch.to().positions().clone(),
        reading,
        readout.allRows() ? all(patch, run) : readout.logits() ? row : new float[0],
        tokens.ids(),
        tokens.logits());
  }

  /** The logits of every position: the clean pass's, and the patched ones behind them. */
  private float[] all(Resolved patch, RunResult run) {
    int length = patch.patch().target().input().length();
    int vocabulary = model.config().vocabulary();
    float[] all = new float[length * vocabulary];
    int patched = run == null ? length : patch.first();
    for (int p = 0; p < patched; p++) {
      System.arraycopy(target.logits(p), 0, all, p * vocabulary, vocabulary);
    }
    if (run != null) {
      float[] own = Arrays.copyOf(run.logits(), (length - patched) * vocabulary);
      System.arraycopy(own, 0, all, patched * vocabulary, own.length);
    }
    return all;
  }
}
