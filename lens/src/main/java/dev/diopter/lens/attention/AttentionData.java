package dev.diopter.lens.attention;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What a head attends to over a corpus. Every call streams over the corpus, holds what it was asked
 * for and no more, and changes nothing; the same call gives the same result. Not for several
 * threads at once; the model may be shared.
 */
public final class AttentionData {
  private final Model model;
  private final Corpus corpus;
  private final int batchTokens;
  private final IntConsumer progress;

  private AttentionData(Model model, Corpus corpus, int batchTokens, IntConsumer progress) {
    this.model = model;
    this.corpus = corpus;
    this.batchTokens = batchTokens;
    this.progress = progress;
  }

  /** A model with a tokenizer, and texts. The model stays the caller's. */
  public static AttentionData of(Model model, Corpus corpus) {
    return new AttentionData(model, corpus, PatternRuns.BATCH_TOKENS, _ -> {});
  }

  /** Tells a listener how many texts were read. */
  public AttentionData onText(IntConsumer listener) {
    return new AttentionData(model, corpus, batchTokens, listener);
  }

  /** With other batches; results do not depend on it. */
  AttentionData batches(int tokens) {
    return new AttentionData(model, corpus, tokens, progress);
  }

  /**
   * The entries with the highest multiples, or the lowest.
   *
   * @param limit at most so many; more than there are gives all
   * @param reverse the lowest
   */
  public AttentionResult ranked(AttentionQuery query, int limit, boolean reverse) {
    requireLimit(limit);
    Chosen<Entry> chosen = new Chosen<>(limit, query.order().wanted(reverse));
    return collect(query, chosen::offer, () -> chosen.sorted(query.order().shown(reverse)));
  }

  /**
   * A uniform random choice of distinct entries, in random order. The seed decides it.
   *
   * @param limit at most so many; more than there are gives all
   */
  public AttentionResult random(AttentionQuery query, int limit, long seed) {
    requireLimit(limit);
    Comparator<Entry> order =
        Comparator.comparingLong(
                (Entry e) -> Draw.number(seed, e.text(), e.start(), e.query(), e.key()))
            .thenComparing(EntryOrder.place());
    Chosen<Entry> chosen = new Chosen<>(limit, order);
    return collect(query, chosen::offer, () -> chosen.sorted(order));
  }

  private static void requireLimit(int limit) {
    if (limit < 0) {
      throw new UsageException("--limit: expected 0 or more, got " + limit);
    }
  }

  private AttentionResult collect(
      AttentionQuery query, Consumer<Entry> taker, Supplier<List<Entry>> rows) {
    TokenFilter filter = query.filter();
    Entries entries =
        filter == null
            ? new Entries(null, new BitSet(), taker)
            : new Entries(filter.side(), filter.ids(model.tokenizer()), taker);
    return summarise(query, UnaryOperator.identity(), entries, () -> entries.matching, rows);
  }

  /**
   * The counts of a scan that somebody else looks at too. Where there is a filter, both see only
   * the rows that it leaves.
   */
  AttentionResult totals(AttentionQuery query, RowListener also) {
    TokenFilter filter = query.filter();
    return summarise(
        query,
        both ->
            filter == null
                ? both
                : new FilteredRows(filter.side(), filter.ids(model.tokenizer()), both),
        also,
        () -> 0L,
        List::of);
  }

  private AttentionResult summarise(
      AttentionQuery query,
      UnaryOperator<RowListener> seen,
      RowListener listener,
      LongSupplier matching,
      Supplier<List<Entry>> rows) {
    Totals totals = new Totals(query.sinks().finder(model.config(), model.tokenizer()));
    int texts =
        scan(
            query,
            seen.apply((window, q, multiples, row) -> {
              totals.row(window, q, multiples, row);
              listener.row(window, q, multiples, row);
            }));
    return new AttentionResult(
        query,
        texts,
        totals.samples,
        totals.sinkOnly,
        totals.entries,
        matching.getAsLong(),
        totals.sumOfMultiples,
        totals.sinkShare(),
        totals.meanDistance(),
        totals.topKeys(),
        rows.get());
  }

  Model model() {
    return model;
  }

  /**
   * Walks over every sampled row.
   *
   * @return texts that were read
   */
  private int scan(AttentionQuery query, RowListener listener) {
    DecoderConfig config = model.config();
    HeadId head = query.head().in(config);
    Sampling sampling = query.sampling();
    sampling.requireFits(model.name(), config);
    SinkSet.Finder sinks = query.sinks().finder(config, model.tokenizer());
    String hook = "blocks.%d.attn.hook_pattern".formatted(head.layer());
    HookPlan plan = HookPlan.builder().read(hook, Selection.ALL.heads(head.head())).build();
    int[] texts = new int[1];
    IntConsumer counting =
        done -> {
          texts[0] = done;
          progress.accept(done);
        };
    try (Windows windows = windows(query, counting)) {
      new PatternRuns(model, plan, batchTokens)
          .run(
              windows,
              (window, run) -> {
                int size = window.ids().length;
                Multiples multiples =
                    Multiples.of(
                        query.mode(),
                        run.activation(hook).values(),
                        size,
                        window.length(),
                        sinks.of(window.ids()));
                for (int q = sampling.minLength();
                    q < window.length();
                    q += sampling.queryStride()) {
                  listener.row(window, q, multiples, multiples.row(q));
                }
              });
    }
    return texts[0];
  }

  private Windows windows(AttentionQuery query, IntConsumer counting) {
    Sampling sampling = query.sampling();
    if (query.mode() != ScoreMode.COMPAT) {
      return Windows.of(model, corpus, sampling, counting);
    }
    if (sampling.stride() > 0) {
      throw new UsageException(
          "--stride: expected 0 with --mode compat, whose original reads the beginning of a text alone, got "
              + sampling.stride());
    }
    return Windows.padded(model, corpus, sampling, padId(query.padId()), counting);
  }

  private int padId(@Nullable Integer asked) {
    if (asked != null) {
      return asked;
    }
    DecoderConfig config = model.config();
    if (!config.eosIds().isEmpty()) {
      return Collections.min(config.eosIds());
    }
    Integer bos = config.bosId();
    return bos == null ? 0 : bos;
  }
}
