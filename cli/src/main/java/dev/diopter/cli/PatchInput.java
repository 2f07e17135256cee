package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.patching.PatchMetric;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The two prompts of a patching, and what is asked of them. */
final class PatchInput {
  private static final List<String> METRICS =
      List.of("normalized", "logit_diff", "probability", "log_probability", "rank", "kl");

  private static final List<String> DIFFERENCES = METRICS.subList(0, 2);

  @Option(names = "--clean", paramLabel = "TEXT", description = "The prompt that has the answer.")
  private @Nullable String clean;

  @Option(
      names = "--corrupt",
      paramLabel = "TEXT",
      description = "The prompt of as many tokens that has it not.")
  private @Nullable String corrupt;

  @Option(names = "--clean-ids", paramLabel = "1,2,3", description = "Token ids instead of a text.")
  private @Nullable String cleanIds;

  @Option(
      names = "--corrupt-ids",
      paramLabel = "1,2,3",
      description = "Token ids instead of a text.")
  private @Nullable String corruptIds;

  @Option(
      names = "--answer",
      paramLabel = "TOKEN",
      description = "The clean prompt's next token, as written: a blank in front matters.")
  private @Nullable String answer;

  @Option(
      names = "--wrong",
      paramLabel = "TOKEN",
      description = "The corrupt prompt's; not needed for a metric that is no logit difference.")
  private @Nullable String wrong;

  @Option(names = "--answer-id", paramLabel = "ID", description = "An id instead of a token.")
  private @Nullable Integer answerId;

  @Option(names = "--wrong-id", paramLabel = "ID", description = "An id instead of a token.")
  private @Nullable Integer wrongId;

  @Option(
      names = "--metric",
      paramLabel = "NAME",
      description =
          "normalized (default; of the logit difference: 0 is the corrupt run, 1 the clean one),"
              + " logit_diff, probability, log_probability, rank (of the answer), or kl.")
  private String metric = METRICS.getFirst();

  @Option(
      names = "--bos",
      description = "Put the model's BOS id in front of both unless it is there already.")
  private boolean bos;

  @Option(
      names = "--no-special",
      description = "Leave out the special tokens of the tokenizer's template.")
  private boolean noSpecial;

  /**
   * Fails where the options contradict each other; before a model is loaded.
   *
   * @param attribution whether the logit difference is asked for beside the metric
   */
  void validate(boolean attribution) {
    requireOne("--clean", "--clean-ids", clean, cleanIds);
    requireOne("--corrupt", "--corrupt-ids", corrupt, corruptIds);
    requireOne("--answer", "--answer-id", answer, answerId);
    if (!METRICS.contains(metric)) {
      throw new UsageException(
          "--metric: expected one of %s, got '%s'".formatted(String.join(", ", METRICS), metric));
    }
    // Other metrics are of the answer alone, or of the whole distribution.
    if (wrong != null || wrongId != null || attribution || DIFFERENCES.contains(metric)) {
      requireOne("--wrong", "--wrong-id", wrong, wrongId);
    }
    if (cleanIds != null) {
      TokenIds.parse("--clean-ids", cleanIds);
    }
    if (corruptIds != null) {
      TokenIds.parse("--corrupt-ids", corruptIds);
    }
  }

  private static void requireOne(
      String text, String id, @Nullable Object first, @Nullable Object second) {
    if ((first == null) == (second == null)) {
      throw new UsageException(
          "expected one of %s and %s, got %s".formatted(text, id, first == null ? "none" : "both"));
    }
  }

  /** The metric's name. */
  String metricName() {
    return metric;
  }

  Prompt clean(Model model) {
    return prompt(model, clean, cleanIds);
  }

  Prompt corrupt(Model model) {
    return prompt(model, corrupt, corruptIds);
  }

  private Prompt prompt(Model model, @Nullable String text, @Nullable String ids) {
    if (ids != null) {
      Prompt given = Prompt.ofIds(TokenIds.parse(ids));
      return bos ? model.withBos(given) : given;
    }
    return model.prompt(text == null ? "" : text, new PromptOptions(bos, !noSpecial));
  }

  int answer(Model model) {
    return token(model, "--answer", answer, answerId);
  }

  /** Null where none is needed and none was given. */
  @Nullable Integer wrong(Model model) {
    return wrong == null && wrongId == null ? null : token(model, "--wrong", wrong, wrongId);
  }

  private static int token(
      Model model, String option, @Nullable String text, @Nullable Integer id) {
    if (text == null) {
      int vocabulary = model.config().vocabulary();
      int given = id == null ? 0 : id;
      if (given < 0 || given >= vocabulary) {
        throw new UsageException(
            "%s-id: expected 0 to %d, got %d".formatted(option, vocabulary - 1, given));
      }
      return given;
    }
    Integer single = model.tokenizer().singleToken(text);
    if (single == null) {
      int[] ids = model.tokenizer().encode(text, false).ids();
      Tokens tokens = Tokens.of(model);
      List<String> parts = Arrays.stream(ids).mapToObj(tokens::shown).toList();
      throw new UsageException(
          "%s: expected one token, got %d in \"%s\" (%s); a blank in front matters"
              .formatted(option, ids.length, text, String.join(" ", parts)));
    }
    return single;
  }

  /** What is measured. */
  PatchMetric metric(int answerToken, @Nullable Integer wrongToken) {
    int other = wrongToken == null ? answerToken : wrongToken; // Read where there is one.
    return switch (metric) {
      case "logit_diff" -> PatchMetric.logitDifference(answerToken, other);
      case "probability" -> PatchMetric.probability(answerToken);
      case "log_probability" -> PatchMetric.logProbability(answerToken);
      case "rank" -> PatchMetric.rank(answerToken);
      case "kl" -> PatchMetric.klFromClean();
      default -> PatchMetric.normalizedLogitDifference(answerToken, other);
    };
  }
}
