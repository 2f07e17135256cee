package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.AttentionQuery;
import dev.diopter.lens.attention.TokenFilter;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which tokens a command about one head looks at. */
final class TokenFilterOptions {
  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "Only entries with this token; a blank in front matters.")
  private @Nullable String token;

  @Option(
      names = "--match",
      paramLabel = "HOW",
      description = "How --token is compared: exact (default), trimmed, regex or id.")
  private String match = "exact";

  @Option(
      names = "--on",
      paramLabel = "SIDE",
      description = "Whose token --token is: key (default) or query.")
  private String on = "key";

  /** The question about these tokens alone; fails where a value cannot be. */
  AttentionQuery on(AttentionQuery query) {
    TokenFilter.Match how = choice("--match", match, TokenFilter.Match.values());
    TokenFilter.Side side = choice("--on", on, TokenFilter.Side.values());
    return token == null ? query : query.filter(new TokenFilter(side, how, token));
  }

  /** The value that an option names. */
  static <E extends Enum<E>> E choice(String option, String value, E[] all) {
    for (E each : all) {
      if (each.name().toLowerCase(Locale.ROOT).equals(value)) {
        return each;
      }
    }
    throw new UsageException(
        "%s: expected one of %s, got '%s'"
            .formatted(option, Arrays.toString(all).toLowerCase(Locale.ROOT), value));
  }
}
