package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.models.Tokenizer;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a describer is shown: numbered rows as one JSON object each, tokens quoted, highest
 * multiples first, and keys of the same rows for contrast. The same samples give the same text.
 */
final class Evidence {
  /** Keys of a row that are shown as most attended. */
  private static final int MOST = 5;

  /** Keys of a row that are shown for contrast. */
  private static final int CONTRAST = 3;

  private final AttentionQuery query;
  private final List<Sample> samples;
  private final Tokenizer tokenizer;
  private final long seed;

  Evidence(AttentionQuery query, List<Sample> samples, Tokenizer tokenizer, long seed) {
    this.query = query;
    this.samples = List.copyOf(samples);
    this.tokenizer = tokenizer;
    this.seed = seed;
  }

  /** A text as a JSON string. */
  static String quoted(String text) {
    return Json.compact(JsonNodeFactory.instance.stringNode(text));
  }

  int size() {
    return samples.size();
  }

  /** The first few rows. */
  Evidence first(int rows) {
    return new Evidence(query, samples.subList(0, rows), tokenizer, seed);
  }

  /** The rows as objects. */
  ArrayNode rows() {
    ArrayNode rows = Json.array();
    int number = 1;
    for (Sample sample : samples) {
      rows.add(row(number++, sample));
    }
    return rows;
  }

  private ObjectNode row(int number, Sample sample) {
    ObjectNode row = Json.object();
    row.put("row", number);
    row.set("query", token(sample, sample.query()));
    row.put("passage", tokenizer.decode(java.util.Arrays.copyOf(sample.ids(), sample.query() + 1)));
    List<Integer> order = order(sample);
    int most = Math.min(MOST, order.size());
    row.set("most", keys(sample, order.subList(0, most)));
    List<Integer> rest = order.subList(most, order.size());
    row.set("contrast", keys(sample, contrast(sample, rest)));
    return row;
  }

  /** Keys by falling multiple, ties by position; sinks that are left out, and NaN, are no keys. */
  static List<Integer> order(Sample sample) {
    double[] multiples = sample.multiples();
    return IntStream.range(0, multiples.length)
        .filter(k -> !Double.isNaN(multiples[k]) && (multiples[k] > 0 || sample.weights()[k] == 0))
        .boxed()
        .sorted(
            Comparator.comparingDouble((Integer k) -> -multiples[k])
                .thenComparing(Comparator.naturalOrder()))
        .toList();
  }

  /** The lowest of the others, and some at random. */
  private List<Integer> contrast(Sample sample, List<Integer> rest) {
    List<Integer> chosen = new ArrayList<>();
    if (!rest.isEmpty()) {
      chosen.add(rest.getLast());
      rest.subList(0, rest.size() - 1).stream()
          .sorted(
              Comparator.comparingLong(
                  k -> Draw.number(seed, sample.text(), sample.start(), sample.query(), k)))
          .limit(CONTRAST - 1L)
          .forEach(chosen::add);
    }
    chosen.sort(Comparator.comparingDouble((Integer k) -> -sample.multiples()[k]));
    return chosen;
  }

  private ArrayNode keys(Sample sample, List<Integer> positions) {
    ArrayNode keys = Json.array();
    for (int k : positions) {
      ObjectNode key = token(sample, k);
      double multiple = sample.multiples()[k];
      key.put(
          "multiple",
          multiple == 0 ? 0 : new BigDecimal(multiple).round(new MathContext(3)).doubleValue());
      keys.add(key);
    }
    return keys;
  }

  private ObjectNode token(Sample sample, int position) {
    ObjectNode token = Json.object();
    token.put("position", position);
    token.put("token", tokenizer.label(sample.ids()[position]));
    return token;
  }

  /**
   * What a language model is asked.
   *
   * @param extra the user's own request; null for none
   */
  String prompt(@Nullable String extra) {
    StringBuilder text = new StringBuilder();
    text.append(
            "Below are measurements of one attention head, layer %d head %d of a decoder-only model.\n"
                .formatted(query.head().layer(), query.head().head()))
        .append(
            "Each line is a JSON object for one query token, the last token of its passage. Positions count from 0.\n")
        .append(
            "\"most\" lists the keys with the highest multiples, highest first. \"contrast\" lists keys of the\n")
        .append(
            "same row for comparison: the lowest one and some at random, highest first. With p[q,k] the\n")
        .append("attention of query q on key k, the multiple is\n  ")
        .append(query.mode().formula())
        .append("\nso 1 is the usual amount for that comparison. ")
        .append(meaning(query.mode()))
        .append(
            query.filter() == null
                ? ""
                : "\nOnly rows %s are shown.".formatted(query.filter().rows()))
        .append("\n\n");
    for (tools.jackson.databind.JsonNode row : rows()) {
      text.append(Json.compact(row)).append('\n');
    }
    text.append('\n');
    if (extra != null) {
      text.append(extra.strip()).append("\n\n");
    }
    return text.append(
            """
            Write one paragraph that would let a reader predict where this head looks in a new passage.
            Say which property decides it: what the key is, where it stands, how it relates to the query,
            or several of these together. Be as specific as the rows support, name what the contrast keys
            rule out, and say so if the rows show no clear rule. The reader knows what attention is.
            """)
        .toString();
  }

  private static String meaning(ScoreMode mode) {
    return switch (mode) {
      case RAW -> "It compares with an even spread over the row.";
      case NO_SINK ->
          "It compares with an even spread over the row without the attention sinks, which are left out.";
      case COLUMN -> "It compares with what the same key gets from other queries of its passage.";
      case COMPAT ->
          "It compares with a mean over all rows of the key's column, and so grows towards the end of a passage whatever the head does.";
    };
  }

  /** Tokens of a text, estimated from above for prices and limits. */
  static long estimatedTokens(String text) {
    long bytes = text.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
    return (bytes + 2) / 3;
  }

  /**
   * The most rows whose prompt stays within a budget.
   *
   * @throws UsageException where one row is too many
   */
  Evidence within(long budget, @Nullable String extra) {
    int low = 0;
    int high = samples.size();
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (estimatedTokens(first(middle).prompt(extra)) <= budget) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    if (low == 0 && !samples.isEmpty()) {
      throw new UsageException(
          "--budget: expected at least %d tokens for one row, got %d"
              .formatted(estimatedTokens(first(1).prompt(extra)), budget));
    }
    return first(low);
  }
}
