package dev.diopter.lens.attention;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.models.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Whether a description predicts rows that it was not made from: a language model sees the
 * description and a row without its numbers, and rates some keys; the ratings are compared with the
 * multiples.
 *
 * @param asked rows that were asked
 * @param failed rows whose answer was no list of ratings; left out
 * @param correlation Pearson's, over all rated keys; null where there is none (too few, or all
 *     equal)
 * @param rankCorrelation Spearman's
 */
public record SelfCheck(
    int asked, int failed, @Nullable Double correlation, @Nullable Double rankCorrelation) {
  /** Keys of a row that are rated: half of them its highest. */
  private static final int KEYS = 6;

  static SelfCheck of(
      LanguageModel model,
      String description,
      List<Sample> heldOut,
      Tokenizer tokenizer,
      long seed) {
    List<Double> predicted = new ArrayList<>();
    List<Double> measured = new ArrayList<>();
    int failed = 0;
    for (Sample sample : heldOut) {
      List<Integer> keys = keys(sample, seed);
      double[] ratings = ratings(model.complete(prompt(description, sample, keys, tokenizer)));
      if (ratings.length != keys.size()) {
        failed++;
        continue;
      }
      for (int i = 0; i < ratings.length; i++) {
        predicted.add(ratings[i]);
        measured.add(sample.multiples()[keys.get(i)]);
      }
    }
    double[] x = predicted.stream().mapToDouble(d -> d).toArray();
    double[] y = measured.stream().mapToDouble(d -> d).toArray();
    return new SelfCheck(
        heldOut.size(), failed, correlation(x, y), correlation(ranks(x), ranks(y)));
  }

  /** The keys to rate, by position: where they stand must not tell. */
  static List<Integer> keys(Sample sample, long seed) {
    List<Integer> order = Evidence.order(sample);
    int high = Math.min(KEYS / 2, order.size());
    List<Integer> keys = new ArrayList<>(order.subList(0, high));
    order.subList(high, order.size()).stream()
        .sorted(
            Comparator.comparingLong(
                k -> Draw.number(~seed, sample.text(), sample.start(), sample.query(), k)))
        .limit(KEYS - high)
        .forEach(keys::add);
    keys.sort(Comparator.naturalOrder());
    return keys;
  }

  static String prompt(String description, Sample sample, List<Integer> keys, Tokenizer tokenizer) {
    ObjectNode row = Json.object();
    row.put("passage", tokenizer.decode(Arrays.copyOf(sample.ids(), sample.query() + 1)));
    ObjectNode query = row.putObject("query");
    query.put("position", sample.query());
    query.put("token", tokenizer.label(sample.ids()[sample.query()]));
    ArrayNode rated = row.putArray("keys");
    for (int k : keys) {
      ObjectNode key = rated.addObject();
      key.put("position", k);
      key.put("token", tokenizer.label(sample.ids()[k]));
    }
    return """
    An attention head of a language model was described like this:
    %s

    Here is a passage that ends with a query token, and some keys in it (positions count from 0):
    %s

    How strongly does the head attend from the query to each key, if the description is right?
    Answer with a JSON array of %d numbers from 0 to 10, in the order of the keys, and nothing else.
    """
        .formatted(description, Json.compact(row), keys.size());
  }

  /** The first JSON array of an answer; empty where it has none of plain numbers. */
  static double[] ratings(String answer) {
    int from = answer.indexOf('[');
    int to = answer.indexOf(']', Math.max(0, from));
    if (from < 0 || to < 0) {
      return new double[0];
    }
    try {
      JsonNode list = Json.read("ratings", answer.substring(from, to + 1));
      double[] out = new double[list.size()];
      for (int i = 0; i < out.length; i++) {
        if (!list.get(i).isNumber()) {
          return new double[0];
        }
        out[i] = list.get(i).doubleValue();
      }
      return out;
    } catch (FormatException e) {
      return new double[0];
    }
  }

  static @Nullable Double correlation(double[] x, double[] y) {
    double meanX = Arrays.stream(x).average().orElse(0);
    double meanY = Arrays.stream(y).average().orElse(0);
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (x[i] - meanX) * (y[i] - meanY);
      xx += (x[i] - meanX) * (x[i] - meanX);
      yy += (y[i] - meanY) * (y[i] - meanY);
    }
    return x.length < 3 || xx == 0 || yy == 0 ? null : xy / Math.sqrt(xx * yy);
  }

  /** Ranks from 0; equal values share the mean of theirs. */
  static double[] ranks(double[] values) {
    double[] ranks = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      double value = values[i];
      long lower = Arrays.stream(values).filter(v -> v < value).count();
      long equal = Arrays.stream(values).filter(v -> v == value).count();
      ranks[i] = lower + (equal - 1) / 2.0;
    }
    return ranks;
  }

  /** The rows as texts that nobody has seen, for a preview. */
  static long estimatedTokens(
      List<Sample> heldOut, Tokenizer tokenizer, long seed, long descriptionTokens) {
    return IntStream.range(0, heldOut.size())
        .mapToLong(i ->
            descriptionTokens
                + Evidence.estimatedTokens(
                    prompt("", heldOut.get(i), keys(heldOut.get(i), seed), tokenizer)))
        .sum();
  }
}
