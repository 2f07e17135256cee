package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import dev.diopter.models.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Puts a head into words: from counts alone, or by a language model that is shown evidence and then
 * tested on rows that it was not shown. The evidence is the same for the same options, and the
 * preview makes no call.
 *
 * @param samples rows of evidence
 * @param heldOut rows for the check
 * @param seed decides which rows
 * @param extra the user's own request in the prompt; null for none
 * @param budget most tokens of the prompt, by estimate; fewer rows are shown where it is short
 * @param answerTokens most tokens of an answer
 */
public record Describer(
    int samples, int heldOut, long seed, @Nullable String extra, long budget, int answerTokens) {

  public Describer {
    require("--samples", samples, 1);
    require("--held-out", heldOut, 0);
    require("--budget", budget, 1);
    require("--answer-tokens", answerTokens, 1);
  }

  private static void require(String name, long value, long least) {
    if (value < least) {
      throw new UsageException("%s: expected %d or more, got %d".formatted(name, least, value));
    }
  }

  /** The description from counts alone. */
  public Description local(AttentionData data, AttentionQuery query) {
    return describe(data, query, null, true);
  }

  /** The prompt and its size, with no description. */
  public Description preview(AttentionData data, AttentionQuery query) {
    return describe(data, query, null, false);
  }

  /**
   * The description of a language model, checked. Where the model answers the check's questions no
   * more, the description stays and says so: it was paid for.
   *
   * @throws EndpointException where the model gives no description
   */
  public Description by(LanguageModel model, AttentionData data, AttentionQuery query) {
    return describe(data, query, model, false);
  }

  private Description describe(
      AttentionData data, AttentionQuery query, @Nullable LanguageModel model, boolean local) {
    Tokenizer tokenizer = data.model().tokenizer();
    Samples drawn = new Samples(samples + heldOut, seed);
    Habits habits = new Habits(tokenizer, query.sinks().finder(data.model().config(), tokenizer));
    AttentionResult totals =
        data.totals(
            query,
            (window, q, multiples, row) -> {
              drawn.row(window, q, multiples, row);
              habits.row(window, q, multiples, row);
            });
    List<Sample> rows = drawn.drawn();
    Evidence all =
        new Evidence(query, rows.subList(0, Math.min(samples, rows.size())), tokenizer, seed);
    List<Sample> rest = rows.subList(all.size(), rows.size());
    if (rows.isEmpty() && !local) {
      throw new UsageException(
          "expected texts with rows above what is usual for %s, found none%s; give longer texts or another --mode"
              .formatted(query.head(), query.filter() == null ? "" : " " + query.filter().rows()));
    }
    Evidence evidence = all.within(budget, extra);
    String prompt = evidence.prompt(extra);
    String words = null;
    SelfCheck check = null;
    String failure = null;
    if (local) {
      words = LocalDescription.of(query.head(), habits, totals, tokenizer);
    } else if (model != null) {
      words = model.complete(prompt);
      try {
        check = SelfCheck.of(model, words, rest, tokenizer, seed);
      } catch (EndpointException e) {
        failure = e.getMessage();
      }
    }
    return new Description(
        query,
        prompt,
        evidence.rows(),
        words,
        Evidence.estimatedTokens(prompt)
            + SelfCheck.estimatedTokens(rest, tokenizer, seed, answerTokens),
        (long) answerTokens * (1 + rest.size()),
        check,
        failure,
        totals);
  }
}
