package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.WeightSlice;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The per-head inputs of a block's attention: {@code hook_attn_in}, {@code hook_q_input}, {@code
 * hook_k_input}, {@code hook_v_input}. They are laid out only where somebody asked. Where one was
 * edited, its heads are normed and projected from their own input; the norm and the products run
 * the same chains as the shared ones, so an edit that changes nothing changes no bit. Rows of
 * sequences without such an edit keep what the shared norm gave, which an edit of {@code ln1} of
 * theirs may have changed.
 */
final class SplitInputs implements AutoCloseable {
  private final Backend backend;
  private final DecoderConfig config;
  private final NormKind kind;
  private final int layer;
  private final Scratch scratch;
  private final CompiledPlan plan;
  private final @Nullable Matrix[] edited =
      new @Nullable Matrix[3]; // q, k, v: [rows, heads * width]

  SplitInputs(
      Backend backend,
      DecoderConfig config,
      NormKind kind,
      int layer,
      Scratch scratch,
      CompiledPlan plan) {
    this.backend = backend;
    this.config = config;
    this.kind = kind;
    this.layer = layer;
    this.scratch = scratch;
    this.plan = plan;
  }

  /**
   * Lays out what was asked for, with its reads and edits. Returns true when nothing behind it is
   * needed.
   */
  boolean take(RowMap map, Taps taps) {
    Matrix shared = null;
    try {
      if (plan.asks(Site.ATTN_IN, layer)) {
        shared = allocate(config.heads());
        backend.repeat(scratch.residual, config.heads(), shared);
        if (taps.rows(Site.ATTN_IN, layer, shared, map)) {
          return true;
        }
      }
      return takeOwn(0, Site.Q_INPUT, config.heads(), shared, map, taps)
          || takeOwn(1, Site.K_INPUT, config.keyValueHeads(), shared, map, taps)
          || takeOwn(2, Site.V_INPUT, config.keyValueHeads(), shared, map, taps);
    } finally {
      if (shared != null) {
        backend.release(shared.buffer());
      }
    }
  }

  private boolean takeOwn(
      int which, Site site, int heads, @Nullable Matrix shared, RowMap map, Taps taps) {
    boolean differs = plan.edits(Site.ATTN_IN, layer) || plan.edits(site, layer);
    if (!differs && !plan.asks(site, layer)) {
      return false;
    }
    Matrix own = allocate(heads);
    edited[which] = own;
    fill(own, heads, shared);
    boolean last = taps.rows(site, layer, own, map);
    if (!differs) {
      backend.release(own.buffer());
      edited[which] = null;
    }
    return last;
  }

  /** From the shared input of the group's first query head, or from the residual stream. */
  private void fill(Matrix own, int heads, @Nullable Matrix shared) {
    if (shared == null) {
      backend.repeat(scratch.residual, heads, own);
      return;
    }
    int group = config.heads() / heads;
    int width = config.width();
    for (int h = 0; h < heads; h++) {
      int from = h * group * width;
      backend.copy(shared.columns(from, from + width), own.columns(h * width, (h + 1) * width));
    }
  }

  /** Overwrites the queries, keys and values of edited inputs. */
  void project(ModelWeights.Layer w, RowMap map) {
    int queries = config.heads();
    int keys = config.keyValueHeads();
    project(0, Site.Q_INPUT, w, map, queries, 0, scratch.query);
    project(1, Site.K_INPUT, w, map, keys, queries, scratch.key);
    project(2, Site.V_INPUT, w, map, keys, queries + keys, scratch.value);
  }

  private void project(
      int which,
      Site site,
      ModelWeights.Layer w,
      RowMap map,
      int heads,
      int firstHead,
      Matrix out) {
    Matrix own = edited[which];
    if (own == null) {
      return;
    }
    for (int[] run : editedRows(site, map)) {
      project(own.rows(run[0], run[1]), w, heads, firstHead, out.rows(run[0], run[1]));
    }
  }

  /** The rows of sequences whose input is edited, as ranges: from (inclusive) to (exclusive). */
  private List<int[]> editedRows(Site site, RowMap map) {
    boolean[] chosen = new boolean[scratch.rows()];
    for (int s : map.present()) {
      if (plan.edits(Site.ATTN_IN, layer, s) || plan.edits(site, layer, s)) {
        int first = map.firstRow()[s];
        Arrays.fill(chosen, first, first + map.positions()[s].length, true);
      }
    }
    List<int[]> runs = new ArrayList<>();
    for (int row = 0; row < chosen.length; row++) {
      if (chosen[row] && row > 0 && chosen[row - 1]) {
        runs.getLast()[1]++;
      } else if (chosen[row]) {
        runs.add(new int[] {row, row + 1});
      }
    }
    return runs;
  }

  private void project(Matrix own, ModelWeights.Layer w, int heads, int firstHead, Matrix out) {
    int d = config.headDim();
    int width = config.width();
    Matrix each = own.split(heads);
    backend.norm(kind, each, config.normEpsilon(), w.norm1().gain(), w.norm1().bias(), each);
    for (int h = 0; h < heads; h++) {
      WeightSlice slice =
          w.queryKeyValue().all().outputs((firstHead + h) * d, (firstHead + h + 1) * d);
      backend.multiply(
          own.columns(h * width, (h + 1) * width),
          slice,
          w.queryKeyValueBias(),
          out.columns(h * d, (h + 1) * d));
    }
  }

  /** Gives back what the edited inputs hold. */
  @Override
  public void close() {
    for (Matrix own : edited) {
      if (own != null) {
        backend.release(own.buffer());
      }
    }
  }

  private Matrix allocate(int heads) {
    long floats = (long) scratch.rows() * heads * config.width();
    Buffer buffer = backend.allocate(Scratch.checked(floats));
    return Matrix.of(buffer, scratch.rows(), heads * config.width());
  }
}
