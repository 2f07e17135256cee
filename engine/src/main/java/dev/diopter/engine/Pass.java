package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Drives the decoder over one set of rows: from ids or a residual stream to logits, loss or a
 * residual stream.
 */
final class Pass {
  /**
   * Rows that are unembedded at a time where no hook needs them together: with {@link
   * #UNEMBEDDED_FLOATS} it bounds the memory of logits.
   */
  private static final int UNEMBEDDED_ROWS = 132;

  /** Logits that are computed at a time, if that is a row at all. */
  private static final int UNEMBEDDED_FLOATS = 1 << 24;

  /** Logits that are downloaded at a time, if that is a row at all. */
  private static final int DOWNLOADED_FLOATS = 1 << 22;

  private final Backend backend;
  private final DecoderConfig config;
  private final Decoder decoder;

  Pass(Backend backend, DecoderConfig config, Decoder decoder) {
    this.backend = backend;
    this.config = config;
    this.decoder = decoder;
  }

  /**
   * What a pass is to do.
   *
   * @param ids ids of each sequence's rows
   * @param residuals residual rows of each sequence to start from; null to start from the embedding
   * @param startLayers for each sequence the block that its rows enter; rows lie in ascending order
   *     of it
   * @param stopLayer block in front of which the residual stream is returned; -1 to go on to the
   *     logits
   * @param logitRows for each sequence the rows of the pass, ascending, whose logits are returned
   * @param loss whether the mean loss of the next ids is returned
   */
  record Task(
      int[][] ids,
      @Nullable List<float[]> residuals,
      int[] startLayers,
      int stopLayer,
      int[][] logitRows,
      boolean loss) {}

  /** What came of one sequence. */
  static final class Outcome {
    float[] logits = {};
    @Nullable Double loss;
    float @Nullable [] residual;
  }

  List<Outcome> run(Task task, Rows rows, Scratch scratch, Taps taps) {
    FinalRows wanted = FinalRows.of(task, rows, taps.plan());
    wanted.requireActing(taps.plan());
    List<Outcome> outcomes = new ArrayList<>();
    for (int s = 0; s < rows.sequences(); s++) {
      outcomes.add(new Outcome());
    }
    LastRows last = LastRows.of(task, wanted, rows, taps.plan(), config.layers());
    boolean done;
    @Nullable Matrix stream = scratch.residual;
    IndexBuffer positions = backend.indices(rows.map().flat());
    try {
      done = start(task, positions, rows, scratch, taps);
      done = done || blocks(task, last != null, positions, rows, scratch, taps);
      if (!done && last != null) {
        stream = lastBlock(task, last, positions, rows, scratch, taps);
      }
    } finally {
      backend.release(positions);
    }
    if (task.stopLayer >= 0) {
      residuals(rows, scratch, outcomes);
    } else if (!done && stream != null) {
      finish(task, wanted, new Stream(stream, last), scratch, taps, outcomes);
    }
    for (int s = 0; s < rows.sequences(); s++) {
      rows.stores().get(s).advance(rows.map().positions()[s].length);
    }
    return outcomes;
  }

  /**
   * Rows behind the last block.
   *
   * @param last the rows of the pass that they are; null for all
   */
  private record Stream(Matrix rows, @Nullable LastRows last) {
    /** Chosen rows, to be overwritten; nobody asks for a row twice. */
    Matrix take(FinalRows.Picked picked, Decoder decoder, Decoder.Extra extra) {
      int n = picked.count();
      int[] at = last == null ? picked.rows() : last.indicesOf(picked.rows());
      if (last != null && IntStream.range(1, n).allMatch(i -> at[i] == at[0] + i)) {
        return rows.rows(at[0], at[0] + n);
      }
      Matrix own = extra.matrix(n, rows.columns());
      decoder.gather(rows, at, own);
      return own;
    }
  }

  private @Nullable Matrix lastBlock(
      Task task, LastRows last, IndexBuffer all, Rows rows, Scratch scratch, Taps taps) {
    Rows entered = rows.entered(before(task, config.layers() - 1));
    if (entered.count() == rows.count()) {
      return decoder.lastBlock(all, rows, last, scratch, taps);
    }
    IndexBuffer positions = backend.indices(entered.map().flat());
    try {
      return decoder.lastBlock(positions, entered, last, scratch, taps);
    } finally {
      backend.release(positions);
    }
  }

  /**
   * From one layer at which rows enter to the next, with all rows that have entered.
   *
   * @param butLast whether to end in front of the last block
   */
  private boolean blocks(
      Task task, boolean butLast, IndexBuffer positions, Rows rows, Scratch scratch, Taps taps) {
    int all = butLast ? config.layers() - 1 : config.layers();
    int to = task.stopLayer < 0 ? all : task.stopLayer;
    int[] entries = Arrays.stream(task.startLayers).sorted().distinct().toArray();
    boolean done = false;
    for (int e = 0; e < entries.length && !done; e++) {
      int until = e + 1 < entries.length ? Math.min(to, entries[e + 1]) : to;
      if (entries[e] < until) {
        done =
            e + 1 == entries.length
                ? decoder.blocks(entries[e], until, positions, rows, scratch, taps)
                : blocks(entries[e], until, rows.entered(before(task, entries[e])), scratch, taps);
      }
    }
    return done;
  }

  private boolean blocks(int from, int to, Rows rows, Scratch scratch, Taps taps) {
    IndexBuffer positions = backend.indices(rows.map().flat());
    try {
      return decoder.blocks(from, to, positions, rows, scratch.first(rows.count()), taps);
    } finally {
      backend.release(positions);
    }
  }

  private static boolean[] before(Task task, int layer) {
    boolean[] entered = new boolean[task.startLayers.length];
    for (int s = 0; s < entered.length; s++) {
      entered[s] = task.startLayers[s] <= layer;
    }
    return entered;
  }

  private boolean start(Task task, IndexBuffer positions, Rows rows, Scratch scratch, Taps taps) {
    RowMap map = rows.map();
    if (task.residuals != null) {
      for (int s = 0; s < map.sequences(); s++) {
        float[] from = task.residuals.get(s);
        int at = scratch.residual.offset() + map.firstRow()[s] * config.width();
        backend.upload(from, 0, scratch.residual.buffer(), at, from.length);
      }
      return false;
    }
    int[] flat = new int[rows.count()];
    for (int s = 0; s < map.sequences(); s++) {
      System.arraycopy(task.ids[s], 0, flat, map.firstRow()[s], map.positions()[s].length);
    }
    IndexBuffer ids = backend.indices(flat);
    try {
      return decoder.embed(ids, positions, rows, scratch, taps);
    } finally {
      backend.release(ids);
    }
  }

  private void residuals(Rows rows, Scratch scratch, List<Outcome> outcomes) {
    RowMap map = rows.map();
    for (int s = 0; s < map.sequences(); s++) {
      float[] out = new float[map.positions()[s].length * config.width()];
      int from = scratch.residual.offset() + map.firstRow()[s] * config.width();
      backend.download(scratch.residual.buffer(), from, out, 0, out.length);
      outcomes.get(s).residual = out;
    }
  }

  /** Final norm and unembedding of exactly those rows that somebody wants. */
  private void finish(
      Task task,
      FinalRows wanted,
      Stream stream,
      Scratch scratch,
      Taps taps,
      List<Outcome> outcomes) {
    Readout readout = new Readout(task, config.vocabulary(), scratch, outcomes);
    if (taps.plan().asksAfterBlocks()) {
      normAndUnembed(wanted.normed(), wanted.unembedded(), stream, scratch, taps, readout);
    } else {
      FinalRows.Picked all = wanted.unembedded();
      int most = Math.clamp(UNEMBEDDED_FLOATS / config.vocabulary(), 1, UNEMBEDDED_ROWS);
      for (int at = 0; at < all.count(); at += most) {
        FinalRows.Picked part = all.part(at, Math.min(all.count(), at + most));
        normAndUnembed(part, part, stream, scratch, taps, readout);
      }
    }
    readout.close();
  }

  private void normAndUnembed(
      FinalRows.Picked normed,
      FinalRows.Picked unembedded,
      Stream stream,
      Scratch scratch,
      Taps taps,
      Readout readout) {
    if (normed.count() == 0) {
      return;
    }
    try (Decoder.Extra extra = new Decoder.Extra(backend)) {
      Matrix x = stream.take(normed, decoder, extra);
      Matrix scale = extra.matrix(normed.count(), 1);
      if (decoder.finalNorm(x, scale, normed.map(), taps) || unembedded.count() == 0) {
        return;
      }
      Matrix in = x;
      if (unembedded.count() < normed.count()) {
        in = extra.matrix(unembedded.count(), config.width());
        decoder.gather(x, unembedded.within(normed), in);
      }
      Matrix logits = extra.matrix(unembedded.count(), config.vocabulary());
      decoder.unembed(in, logits, unembedded.map(), taps);
      if (readout.wantsAnything()) {
        read(logits, unembedded, scratch, readout);
      }
    }
  }

  /** Some rows at a time: a device is better asked seldom, and the host need not hold them all. */
  private void read(Matrix logits, FinalRows.Picked rows, Scratch scratch, Readout readout) {
    int vocabulary = config.vocabulary();
    if (readout.takesAll(rows)) {
      readout.download(backend, logits.buffer(), rows);
      return;
    }
    int most = Math.clamp(DOWNLOADED_FLOATS / vocabulary, 1, rows.count());
    float[] some = scratch.downloaded(most * vocabulary);
    for (int from = 0; from < rows.count(); from += most) {
      int n = Math.min(most, rows.count() - from);
      backend.download(logits.buffer(), from * vocabulary, some, 0, n * vocabulary);
      for (int i = 0; i < n; i++) {
        readout.row(rows.sequence(from + i), rows.row(from + i), some, i * vocabulary);
      }
    }
  }
}
