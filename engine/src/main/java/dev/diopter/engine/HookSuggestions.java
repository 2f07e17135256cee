package dev.diopter.engine;

import dev.diopter.formats.EditDistance;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says why a hook name means nothing, and which names come near it. */
final class HookSuggestions {
  private static final int MOST = 3;
  private static final int LONGEST = 80;
  private static final int FAR = 1000;
  private static final Pattern CANONICAL_LAYER = Pattern.compile("^blocks?\\.([^.]*)");
  private static final Pattern SHORT_LAYER = Pattern.compile("(?<=[a-z_]):?(\\*|-?[0-9]+)");

  private record Candidate(Site site, int distance) {}

  private HookSuggestions() {}

  /** The sentence for a name that no model has. */
  static String unknown(String name, DecoderConfig config) {
    if (name.matches("(hook_)?tokens")) {
      return "hook %s: there is no point for the token ids; results hold them as ids"
          .formatted(name);
    }
    if (name.matches("blocks\\..*\\.mlp\\.hook_mid|(mlp_)?mid:?(\\*|-?[0-9]+).*|(mlp_)?mid")) {
      return "hook %s: there is no mlp.hook_mid; it belongs to MLPs with a norm inside, which no supported model has"
          .formatted(name);
    }
    List<String> near = near(name, config);
    return "unknown hook %s; %s"
        .formatted(
            quote(name),
            near.isEmpty()
                ? "expected a name such as blocks.0.hook_resid_pre; the list of hooks has all"
                : "did you mean " + String.join(" or ", near) + "?");
  }

  /** The sentence for a point that other models have. */
  static String absent(String name, Site site, DecoderConfig config) {
    String why =
        switch (site) {
          case POS_EMBED -> "this model has rotary positions and no position embedding";
          case ROT_Q, ROT_K -> "this model has learned positions and no rotation";
          case PRE_LINEAR -> "this model's MLP has no gate";
          default -> "another kind of model has it";
        };
    return "hook %s: this model (%s) has no %s: %s"
        .formatted(name, config.architecture(), HookNames.at(site, "*"), why);
  }

  /** The text in quotes, on one line and not too long. */
  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    text.codePoints()
        .limit(LONGEST)
        .forEach(c -> {
          if (hidden(c)) {
            quoted.append("\\u%04x".formatted(c));
          } else {
            quoted.appendCodePoint(c);
          }
        });
    return quoted
        .append(text.codePointCount(0, text.length()) > LONGEST ? "...\"" : "\"")
        .toString();
  }

  /** Characters that would break a line or not be seen. */
  private static boolean hidden(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> false;
    };
  }

  private static List<String> near(String name, DecoderConfig config) {
    String text = name.toLowerCase(Locale.ROOT);
    text = text.length() > LONGEST ? text.substring(0, LONGEST) : text;
    String layer = "*";
    Matcher matcher = CANONICAL_LAYER.matcher(text);
    boolean found = matcher.find();
    if (!found) {
      matcher = SHORT_LAYER.matcher(text);
      found = matcher.find();
    }
    if (found) {
      layer = usable(matcher.group(1), config) ? matcher.group(1) : "*";
      text =
          found && text.startsWith("block")
              ? "blocks.{l}" + text.substring(matcher.end())
              : text.substring(0, matcher.start()) + text.substring(matcher.end());
    }
    List<Candidate> candidates = new ArrayList<>();
    for (Site site : HookRegistry.sites(config)) {
      candidates.add(new Candidate(site, distance(text, site)));
    }
    candidates.sort(Comparator.comparingInt(Candidate::distance));
    int best = candidates.getFirst().distance();
    if (best > Math.max(2, text.length() / 3)) {
      return List.of();
    }
    String shown = layer;
    return candidates.stream()
        .filter(c -> c.distance() <= best + 1)
        .limit(MOST)
        .map(c -> HookNames.at(c.site(), shown))
        .toList();
  }

  private static boolean usable(String layer, DecoderConfig config) {
    return layer.matches("-?[0-9]{1,6}")
        && Integer.parseInt(layer) < config.layers()
        && Integer.parseInt(layer) >= -config.layers();
  }

  /** Of the ways to write a site the one nearest to the text. */
  private static int distance(String text, Site site) {
    String group = HookNames.group(site);
    String word = HookNames.shortName(site);
    String tail = site.template().replace("blocks.{l}.", "");
    int best = FAR;
    for (String form :
        List.of(site.template(), tail, "hook_" + word, word, word + group, group + "." + word)) {
      best = Math.min(best, near(text, form));
    }
    // The right name in the wrong place is nearer than a wrong name.
    String last = text.substring(text.lastIndexOf('.') + 1);
    return Math.min(best, Math.min(near(last, "hook_" + word), near(last, word)) + 1);
  }

  /** The distance to a form of which at least half is right. */
  private static int near(String text, String form) {
    int distance = EditDistance.between(text, form);
    return 2 * distance <= form.length() ? distance : FAR;
  }
}
