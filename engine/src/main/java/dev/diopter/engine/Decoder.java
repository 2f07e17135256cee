package dev.diopter.engine;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.RotaryTable;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass, for every architecture and every backend: rows of residual stream from one
 * layer to another. At each hook point the value goes through the pass's taps, which costs a null
 * check where nobody asked. A method that returns true has reached the last point that is needed.
 */
final class Decoder {
  private final Backend backend;
  private final DecoderConfig config;
  private final ModelWeights weights;
  private final NormKind kind;

  Decoder(Backend backend, DecoderConfig config, ModelWeights weights) {
    this.backend = backend;
    this.config = config;
    this.weights = weights;
    this.kind = config.norm() == DecoderConfig.Norm.LAYER ? NormKind.LAYER : NormKind.RMS;
  }

  /** Token and position embeddings of the rows into the residual stream. */
  boolean embed(IndexBuffer ids, IndexBuffer positions, Rows rows, Scratch s, Taps taps) {
    Matrix x = s.residual;
    backend.embed(weights.tokenEmbedding(), ids, x);
    if (taps.rows(Site.EMBED, -1, x, rows.map())) {
      return true;
    }
    if (weights.positionEmbedding() != null) {
      backend.embed(weights.positionEmbedding(), positions, s.out);
      if (taps.rows(Site.POS_EMBED, -1, s.out, rows.map())) {
        return true;
      }
      backend.add(x, s.out, x);
    }
    return false;
  }

  /** The residual stream from block {@code from} to in front of block {@code to}. */
  boolean blocks(int from, int to, IndexBuffer positions, Rows rows, Scratch s, Taps taps) {
    for (int layer = from; layer < to; layer++) {
      if (block(layer, positions, rows, s, taps)) {
        return true;
      }
    }
    return false;
  }

  private boolean block(int layer, IndexBuffer positions, Rows rows, Scratch s, Taps taps) {
    return inFrontOfAttention(layer, positions, rows, s, taps)
        || attend(layer, rows, s, taps)
        || taps.rows(Site.Z, layer, s.z, rows.map())
        || behindAttention(layer, rows.map(), s, taps);
  }

  /**
   * The last block where some rows alone count behind it, and where no hook looks on.
   *
   * @param rows those that have entered
   * @param s of all rows of the pass; overwritten
   * @return the residual stream behind the block, a row for each of {@code counting}; null when
   *     nothing behind a hook is needed
   */
  @Nullable Matrix lastBlock(
      IndexBuffer positions, Rows rows, LastRows counting, Scratch s, Taps taps) {
    int layer = config.layers() - 1;
    if (inFrontOfAttention(layer, positions, rows, s.first(rows.count()), taps)) {
      return null;
    }
    int all = counting.rows().length;
    int in = counting.inBlock();
    Scratch behind = s.behindAttention(all);
    if (in < all) {
      int[] others = Arrays.copyOfRange(counting.rows(), in, all);
      gather(s.residual, others, behind.residual.rows(in, all));
    }
    if (in > 0) {
      List<AttentionSpan> spans = counting.spans(rows, layer);
      backend.attention(s.query, spans, config.heads(), attentionScale(layer), s.z);
      Scratch own = behind.first(in);
      IndexBuffer chosen = backend.indices(Arrays.copyOf(counting.rows(), in));
      try {
        backend.gather(s.residual, chosen, own.residual);
        backend.gather(s.z, chosen, own.z);
      } finally {
        backend.release(chosen);
      }
      behindAttention(layer, rows.map(), own, taps);
    }
    return behind.residual;
  }

  /** Chosen rows of a matrix. */
  void gather(Matrix from, int[] rows, Matrix to) {
    IndexBuffer indices = backend.indices(rows);
    try {
      backend.gather(from, indices, to);
    } finally {
      backend.release(indices);
    }
  }

  /** Queries, keys and values, which are stored. */
  private boolean inFrontOfAttention(
      int layer, IndexBuffer positions, Rows rows, Scratch s, Taps taps) {
    if (taps.rows(Site.RESID_PRE, layer, s.residual, rows.map())
        || queriesKeysValues(layer, weights.layers().get(layer), rows.map(), s, taps)
        || rotate(layer, positions, rows.map(), s, taps)) {
      return true;
    }
    for (int q : rows.map().present()) {
      int first = rows.map().firstRow()[q];
      int behind = first + rows.map().positions()[q].length;
      rows.stores().get(q).store(layer, s.key.rows(first, behind), s.value.rows(first, behind));
    }
    return false;
  }

  private boolean behindAttention(int layer, RowMap map, Scratch s, Taps taps) {
    ModelWeights.Layer w = weights.layers().get(layer);
    Matrix x = s.residual;
    if (project(layer, w, map, s, taps) || taps.rows(Site.ATTN_OUT, layer, s.out, map)) {
      return true;
    }
    backend.add(x, s.out, x);
    if (taps.rows(Site.RESID_MID, layer, x, map)
        || mlp(layer, w, map, s, taps)
        || taps.rows(Site.MLP_OUT, layer, s.out, map)) {
      return true;
    }
    backend.add(x, s.out, x);
    return taps.rows(Site.RESID_POST, layer, x, map);
  }

  private boolean queriesKeysValues(
      int layer, ModelWeights.Layer w, RowMap map, Scratch s, Taps taps) {
    try (SplitInputs split = new SplitInputs(backend, config, kind, layer, s, taps.plan())) {
      if (split.take(map, taps)
          || norm(
              Site.LN1_SCALE,
              Site.LN1_NORMALIZED,
              layer,
              s.residual,
              w.norm1(),
              s.normed,
              s.scale,
              map,
              taps)) {
        return true;
      }
      backend.multiply(s.normed, w.queryKeyValue().all(), w.queryKeyValueBias(), s.queryKeyValue);
      split.project(w, map);
    }
    return taps.rows(Site.Q, layer, s.query, map)
        || taps.rows(Site.K, layer, s.key, map)
        || taps.rows(Site.V, layer, s.value, map);
  }

  private boolean rotate(int layer, IndexBuffer positions, RowMap map, Scratch s, Taps taps) {
    RotaryTable rotary = weights.rotary();
    if (rotary == null) {
      return false;
    }
    backend.rotate(s.query, config.heads(), rotary, positions, s.query);
    if (taps.rows(Site.ROT_Q, layer, s.query, map)) {
      return true;
    }
    backend.rotate(s.key, config.keyValueHeads(), rotary, positions, s.key);
    return taps.rows(Site.ROT_K, layer, s.key, map);
  }

  /** Scores and patterns are materialised for those sequences only for which somebody asked. */
  private boolean attend(int layer, Rows rows, Scratch s, Taps taps) {
    float scale = attentionScale(layer);
    List<AttentionSpan> unseen = new ArrayList<>();
    boolean last = false;
    for (int q : rows.map().present()) {
      AttentionSpan span = rows.span(q, layer);
      if (taps.covers(Site.ATTN_SCORES, layer, q) || taps.covers(Site.PATTERN, layer, q)) {
        last |= attendInSight(layer, span, scale, rows.map(), q, s, taps);
      } else {
        unseen.add(span);
      }
    }
    if (!last && !unseen.isEmpty()) {
      backend.attention(s.query, unseen, config.heads(), scale, s.z);
    }
    return last;
  }

  private boolean attendInSight(
      int layer, AttentionSpan span, float scale, RowMap map, int sequence, Scratch s, Taps taps) {
    int heads = config.heads();
    int keys = span.keyCount();
    Buffer scores = backend.allocate(Scratch.checked((long) heads * span.rows() * keys));
    try {
      backend.scores(s.query, span, heads, scale, scores);
      if (taps.scores(Site.ATTN_SCORES, layer, scores, keys, map, sequence)) {
        return true;
      }
      backend.softmax(scores, span, heads, scores);
      if (taps.scores(Site.PATTERN, layer, scores, keys, map, sequence)) {
        return true;
      }
      backend.mix(scores, span, heads, s.z);
      return false;
    } finally {
      backend.release(scores);
    }
  }

  private float attentionScale(int layer) {
    return config.scaleByLayer() ? config.attentionScale() / (layer + 1) : config.attentionScale();
  }

  /** The heads' results and their sum. */
  private boolean project(int layer, ModelWeights.Layer w, RowMap map, Scratch s, Taps taps) {
    int heads = config.heads();
    if (!taps.plan().asks(Site.RESULT, layer)) {
      backend.multiplyByHead(s.z, w.output(), heads, w.outputBias(), s.out);
      return false;
    }
    int d = config.headDim();
    int width = config.width();
    try (Extra extra = new Extra(backend)) {
      Matrix results = extra.matrix(s.rows(), heads * width);
      for (int h = 0; h < heads; h++) {
        backend.multiply(
            s.z.columns(h * d, (h + 1) * d),
            w.output().all().inputs(h * d, (h + 1) * d),
            null,
            results.columns(h * width, (h + 1) * width));
      }
      if (taps.rows(Site.RESULT, layer, results, map)) {
        return true;
      }
      backend.sumHeads(results, heads, w.outputBias(), s.out);
      return false;
    }
  }

  private boolean mlp(int layer, ModelWeights.Layer w, RowMap map, Scratch s, Taps taps) {
    Matrix in = s.residual;
    if (taps.plan().asks(Site.MLP_IN, layer)) {
      backend.copy(in, s.normed);
      in = s.normed;
      if (taps.rows(Site.MLP_IN, layer, in, map)) {
        return true;
      }
    }
    if (norm(
        Site.LN2_SCALE, Site.LN2_NORMALIZED, layer, in, w.norm2(), s.normed, s.scale, map, taps)) {
      return true;
    }
    backend.multiply(s.normed, w.input().all(), w.inputBias(), s.hidden);
    if (taps.rows(Site.PRE, layer, s.pre, map)) {
      return true;
    }
    if (config.mlp() == DecoderConfig.Mlp.SILU_GATED) {
      if (taps.rows(Site.PRE_LINEAR, layer, s.preLinear, map)) {
        return true;
      }
      backend.siluTimes(s.pre, s.preLinear, s.pre);
    } else {
      backend.gelu(s.pre, s.pre);
    }
    if (taps.rows(Site.POST, layer, s.pre, map)) {
      return true;
    }
    backend.multiply(s.pre, w.down().all(), w.downBias(), s.out);
    return false;
  }

  /** The final norm of some rows; {@code x} is overwritten by the unembedding's input. */
  boolean finalNorm(Matrix x, Matrix scale, RowMap map, Taps taps) {
    return norm(
            Site.LN_FINAL_SCALE,
            Site.LN_FINAL_NORMALIZED,
            -1,
            x,
            weights.finalNorm(),
            x,
            scale,
            map,
            taps)
        || taps.rows(Site.UNEMBED_IN, -1, x, map);
  }

  /** Logits of normed rows. */
  boolean unembed(Matrix x, Matrix logits, RowMap map, Taps taps) {
    backend.multiply(x, weights.head().all(), weights.headBias(), logits);
    return taps.rows(Site.UNEMBED_OUT, -1, logits, map);
  }

  /** Final norm and logits of rows that no hook sees; {@code x} is overwritten. */
  void unembed(Matrix x, Matrix logits) {
    ModelWeights.Norm w = weights.finalNorm();
    backend.norm(kind, x, config.normEpsilon(), w.gain(), w.bias(), x);
    backend.multiply(x, weights.head().all(), weights.headBias(), logits);
  }

  private boolean norm(
      Site scaleSite,
      Site normalizedSite,
      int layer,
      Matrix x,
      ModelWeights.Norm w,
      Matrix out,
      Matrix scale,
      RowMap map,
      Taps taps) {
    if (!taps.plan().asks(scaleSite, layer) && !taps.plan().asks(normalizedSite, layer)) {
      backend.norm(kind, x, config.normEpsilon(), w.gain(), w.bias(), out);
      return false;
    }
    backend.normScale(kind, x, config.normEpsilon(), scale);
    if (taps.rows(scaleSite, layer, scale, map)) {
      return true;
    }
    backend.normalize(kind, x, scale, out);
    if (taps.rows(normalizedSite, layer, out, map)) {
      return true;
    }
    backend.affine(out, w.gain(), w.bias(), out);
    return false;
  }

  /** Buffers that live for one block only. */
  record Extra(Backend backend, List<Buffer> owned) implements AutoCloseable {
    Extra(Backend backend) {
      this(backend, new ArrayList<>());
    }

    Matrix matrix(int rows, int columns) {
      Buffer buffer = backend.allocate(Scratch.checked((long) rows * columns));
      owned.add(buffer);
      return Matrix.of(buffer, rows, columns);
    }

    @Override
    public void close() {
      owned.forEach(backend::release);
    }
  }
}
