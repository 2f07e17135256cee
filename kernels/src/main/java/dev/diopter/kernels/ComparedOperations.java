package dev.diopter.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** The operations that are compared, each with what it needs on a backend. */
final class ComparedOperations {
  private static final float EPS = 1e-5f;
  private static final int VOCABULARY = 1000;
  private static final int FIRST = 3; // entries that every row sees

  private final int rows;
  private final int heads;
  private final int kvHeads;
  private final int headDim;
  private final int width;

  /** An operation that was made ready on a backend, and where its result will be. */
  record Ready(Runnable operation, Matrix result) {}

  /** An operation under its name. */
  record Named(String name, Function<ComparisonOperands, Ready> make) {}

  private interface Elementwise {
    void run(Matrix x, Matrix out);
  }

  ComparedOperations(int rows, int heads, int headDim) {
    this.rows = rows;
    this.heads = heads;
    this.kvHeads = Math.max(1, heads / 2);
    this.headDim = headDim;
    this.width = heads * headDim;
  }

  /** All operations, and the sizes at which a device goes another way. */
  List<Named> all() {
    List<Named> all = new ArrayList<>(byRow());
    all.addAll(products());
    all.addAll(attentions());
    all.addAll(elements());
    return all;
  }

  /** Those that weights take part in. */
  List<Named> products() {
    return List.of(
        new Named("multiply f32", o -> product(o, StorageType.F32, true)),
        new Named("multiply f32 by inputs", o -> product(o, StorageType.F32, false)),
        new Named("multiply bf16", o -> product(o, StorageType.BF16, false)),
        new Named("multiply bf16 by outputs", o -> product(o, StorageType.BF16, true)),
        new Named("multiply a part", this::part),
        new Named("multiply_by_head", this::byHead),
        new Named("embed", o -> embed(o, true)),
        new Named("embed by inputs", o -> embed(o, false)));
  }

  private List<Named> byRow() {
    return List.of(
        new Named("norm_scale layer", o -> normScale(o, NormKind.LAYER)),
        new Named("norm_scale rms", o -> normScale(o, NormKind.RMS)),
        new Named("normalize layer", o -> normalize(o, NormKind.LAYER)),
        new Named("normalize rms", o -> normalize(o, NormKind.RMS)),
        new Named("affine", this::affine),
        new Named("norm layer", o -> norm(o, NormKind.LAYER)),
        new Named("norm rms", o -> norm(o, NormKind.RMS)),
        new Named("sum_heads", this::sumHeads),
        new Named("rotate", this::rotate),
        new Named("multiply f16", o -> product(o, StorageType.F16, true)));
  }

  private List<Named> elements() {
    return List.of(
        new Named("gelu", o -> on(o, o.backend()::gelu)),
        new Named("silu_times", this::siluTimes),
        new Named("add", this::add),
        new Named("add, rows with gaps", this::addInside),
        new Named("copy", o -> on(o, o.backend()::copy)),
        new Named("gather", this::gather),
        new Named("repeat", this::repeat),
        new Named("upload, download", this::moves));
  }

  private List<Named> attentions() {
    return List.of(
        new Named("store, attention", o -> attention(o, 1)),
        new Named("attention, 3 parts", o -> attention(o, 3)),
        new Named("attention, 70 parts", o -> attention(o, 70)),
        new Named("attention, 40 spans", this::manySpans),
        new Named("attention, 13,000 keys", this::longAttention),
        new Named("scores, softmax, mix", o -> inSight(o, 1)),
        new Named("scores, softmax, mix, 70 parts", o -> inSight(o, 70)));
  }

  private Ready on(ComparisonOperands o, Elementwise operation) {
    Matrix x = o.matrix(rows, width);
    Matrix out = o.empty(rows, width);
    return new Ready(() -> operation.run(x, out), out);
  }

  // ---- rows

  private Ready normScale(ComparisonOperands o, NormKind kind) {
    Matrix x = o.matrix(rows, width);
    Matrix out = o.empty(rows, 1);
    return new Ready(() -> o.backend().normScale(kind, x, EPS, out), out);
  }

  private Ready normalize(ComparisonOperands o, NormKind kind) {
    Matrix x = o.matrix(rows, width);
    Matrix scale = o.empty(rows, 1);
    Matrix out = o.empty(rows, width);
    o.backend().normScale(kind, x, EPS, scale);
    return new Ready(() -> o.backend().normalize(kind, x, scale, out), out);
  }

  private Ready affine(ComparisonOperands o) {
    Buffer gain = o.row(width);
    Buffer bias = o.row(width);
    return on(o, (x, out) -> o.backend().affine(x, gain, bias, out));
  }

  private Ready norm(ComparisonOperands o, NormKind kind) {
    Buffer gain = o.row(width);
    Buffer bias = kind == NormKind.LAYER ? o.row(width) : null;
    return on(o, (x, out) -> o.backend().norm(kind, x, EPS, gain, bias, out));
  }

  private Ready sumHeads(ComparisonOperands o) {
    Matrix x = o.matrix(rows, heads * width);
    Buffer bias = o.row(width);
    Matrix out = o.empty(rows, width);
    return new Ready(() -> o.backend().sumHeads(x, heads, bias, out), out);
  }

  private Ready rotate(ComparisonOperands o) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = Math.pow(10_000, -2.0 * i / headDim);
    }
    RotaryTable table = o.backend().rotary(frequencies);
    IndexBuffer positions = o.indices(rows, 2000);
    return on(o, (x, out) -> o.backend().rotate(x, heads, table, positions, out));
  }

  // ---- weights

  private Ready embed(ComparisonOperands o, boolean byOutput) {
    PackedMatrix table = o.weights(StorageType.F32, width, VOCABULARY, byOutput);
    IndexBuffer ids = o.indices(rows, VOCABULARY);
    Matrix out = o.empty(rows, width);
    return new Ready(() -> o.backend().embed(table, ids, out), out);
  }

  private Ready product(ComparisonOperands o, StorageType type, boolean byOutput) {
    PackedMatrix w = o.weights(type, width, 3 * width, byOutput);
    Matrix x = o.matrix(rows, width);
    Buffer bias = o.row(3 * width);
    Matrix out = o.empty(rows, 3 * width);
    return new Ready(() -> o.backend().multiply(x, w.all(), bias, out), out);
  }

  /** Some inputs and outputs, between rows with gaps, and no bias. */
  private Ready part(ComparisonOperands o) {
    PackedMatrix w = o.weights(StorageType.F32, 2 * width, 2 * width, false);
    WeightSlice slice = w.all().inputs(headDim, headDim + width).outputs(width, 2 * width);
    Matrix x = o.inside(rows, width);
    Matrix out = o.emptyInside(rows, width);
    return new Ready(() -> o.backend().multiply(x, slice, null, out), out);
  }

  private Ready byHead(ComparisonOperands o) {
    PackedMatrix w = o.weights(StorageType.F32, width, width, false);
    Buffer bias = o.row(width);
    return on(o, (x, out) -> o.backend().multiplyByHead(x, w, heads, bias, out));
  }

  // ---- attention

  private AttentionSpan span(ComparisonOperands o, int parts) {
    return new AttentionSpan(0, rows, FIRST, o.keys(kvHeads, headDim, rows + FIRST, parts));
  }

  private Ready attention(ComparisonOperands o, int parts) {
    AttentionSpan span = span(o, parts);
    return on(o, (q, z) -> o.backend().attention(q, List.of(span), heads, 0.125f, z));
  }

  /** A row each of more sequences than a launch may name. */
  private Ready manySpans(ComparisonOperands o) {
    KeyValueView[] views = {o.keys(heads, headDim, 9, 2), o.keys(heads, headDim, 5, 1)};
    List<AttentionSpan> spans = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      KeyValueView view = views[i % views.length];
      spans.add(new AttentionSpan(i, 1, view.length() - 1, view));
    }
    Matrix q = o.matrix(spans.size(), width);
    Matrix z = o.empty(spans.size(), width);
    return new Ready(() -> o.backend().attention(q, spans, heads, 0.125f, z), z);
  }

  /** Rows that see more keys than a block of a GPU has shared memory for. */
  private Ready longAttention(ComparisonOperands o) {
    int keys = 13_000;
    AttentionSpan span = new AttentionSpan(0, 3, keys - 3, o.keys(1, headDim, keys, 1));
    Matrix q = o.matrix(span.rows(), 2 * headDim);
    Matrix z = o.empty(span.rows(), 2 * headDim);
    return new Ready(() -> o.backend().attention(q, List.of(span), 2, 0.125f, z), z);
  }

  private Ready inSight(ComparisonOperands o, int parts) {
    AttentionSpan span = span(o, parts);
    Buffer cells = o.buffer(heads * rows * span.keyCount());
    return on(
        o,
        (q, z) -> {
          o.backend().scores(q, span, heads, 0.125f, cells);
          o.backend().softmax(cells, span, heads, cells);
          o.backend().mix(cells, span, heads, z);
        });
  }

  // ---- elements

  private Ready siluTimes(ComparisonOperands o) {
    Matrix up = o.matrix(rows, width);
    return on(o, (x, out) -> o.backend().siluTimes(x, up, out));
  }

  private Ready add(ComparisonOperands o) {
    Matrix other = o.matrix(rows, width);
    return on(o, (x, out) -> o.backend().add(x, other, out));
  }

  private Ready addInside(ComparisonOperands o) {
    Matrix x = o.inside(rows, width);
    Matrix other = o.inside(rows, width);
    Matrix out = o.emptyInside(rows, width);
    return new Ready(() -> o.backend().add(x, other, out), out);
  }

  private Ready gather(ComparisonOperands o) {
    IndexBuffer chosen = o.indices(rows, rows);
    return on(o, (x, out) -> o.backend().gather(x, chosen, out));
  }

  private Ready repeat(ComparisonOperands o) {
    Matrix x = o.matrix(rows, width);
    Matrix out = o.empty(rows, 3 * width);
    return new Ready(() -> o.backend().repeat(x, 3, out), out);
  }

  /** More floats than page-locked memory takes at once, up in several calls and down in one. */
  private Ready moves(ComparisonOperands o) {
    float[] piece = o.floats(2_500_003);
    int times = 7;
    Buffer target = o.buffer(times * piece.length);
    return new Ready(
        () -> {
          for (int i = 0; i < times; i++) {
            o.backend().upload(piece, 0, target, i * piece.length, piece.length);
          }
        },
        Matrix.of(target, times, piece.length));
  }
}
