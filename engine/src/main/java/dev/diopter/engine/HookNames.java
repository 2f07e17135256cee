package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The one reader of hook names. It takes
 *
 * <ul>
 *   <li>canonical names: {@code hook_embed}, {@code blocks.3.attn.hook_pattern}; the layer may
 *       count from the end ({@code blocks.-1...}) or be {@code *} for every layer;
 *   <li>short names with a layer: {@code pattern5}, {@code pattern:5}, {@code resid_pre:-1}, {@code
 *       resid_pre:*}; with a type where the name needs or wants one: {@code scale4ln1}, {@code
 *       scale:4:ln1}, {@code k6attn};
 *   <li>short names without a layer: {@code embed}, {@code pos_embed}, and {@code scale} and {@code
 *       normalized} of the final norm;
 *   <li>TransformerLens's other names: {@code attn} (pattern), {@code attn_logits}, {@code key},
 *       {@code query}, {@code value}, {@code mlp_pre}, {@code mlp_post};
 *   <li>{@code *} for every point of the model but the optional ones, and {@code optional:*} for
 *       those.
 * </ul>
 *
 * Anything else is an error that says what was expected; no name is guessed.
 */
public final class HookNames {
  private static final String BLOCKS = "blocks.";
  private static final Pattern CHARACTERS = Pattern.compile("[A-Za-z0-9_.:*-]+");
  private static final Pattern LAYER = Pattern.compile("\\*|-?[0-9]+");
  private static final Pattern COMPACT =
      Pattern.compile("([a-z_]*[a-z])(\\*|-?[0-9]+)([a-z][a-z0-9]*)?");
  private static final Pattern FULL_TAIL = Pattern.compile("(?:([a-z0-9_]+)\\.)?hook_([a-z_]+)");

  private static final Map<String, String> ALIASES =
      Map.of(
          "attn",
          "pattern",
          "attn_logits",
          "attn_scores",
          "key",
          "k",
          "query",
          "q",
          "value",
          "v",
          "mlp_pre",
          "pre",
          "mlp_post",
          "post",
          "mlp_mid",
          "mid");
  private static final Map<String, String> TYPES =
      Map.of(
          "attn",
          "attn",
          "a",
          "attn",
          "attention",
          "attn",
          "mlp",
          "mlp",
          "m",
          "mlp",
          "b",
          "",
          "block",
          "",
          "blocks",
          "");
  private static final Set<String> NORMS = Set.of("ln1", "ln2");

  private HookNames() {}

  /**
   * The points that a name or pattern means, in the order of the pass.
   *
   * @throws UsageException if it means none
   */
  public static List<HookPoint> resolve(String text, DecoderConfig config) {
    String name = text.strip();
    if (!CHARACTERS.matcher(name).matches()) {
      throw new UsageException(
          "hook %s: expected a name of letters, digits, '_', '.', ':', '-' and '*'"
              .formatted(HookSuggestions.quote(text)));
    }
    if (name.equals("*") || name.equals("optional:*")) {
      boolean optional = !name.equals("*");
      return HookRegistry.points(config).stream()
          .filter(p -> p.site().optional() == optional)
          .toList();
    }
    if (name.startsWith("optional")) {
      throw new UsageException(
          "hook %s: expected optional:* or the name of one point".formatted(name));
    }
    return name.contains(".") || name.startsWith("hook_")
        ? canonical(name, config)
        : shortName(name, config);
  }

  /**
   * The points that a list of names and patterns with commas means, each once, in the order of the
   * list.
   *
   * @throws UsageException if an entry means none
   */
  public static List<HookPoint> resolveAll(String list, DecoderConfig config) {
    Set<HookPoint> points = new LinkedHashSet<>();
    for (String entry : list.split(",", -1)) {
      if (entry.isBlank()) {
        throw new UsageException(
            "hooks %s: expected a name in front of and behind each comma"
                .formatted(HookSuggestions.quote(list)));
      }
      points.addAll(resolve(entry, config));
    }
    return List.copyOf(points);
  }

  private static List<HookPoint> canonical(String name, DecoderConfig config) {
    if (!name.startsWith(BLOCKS)) {
      for (Site site : Site.values()) {
        if (site.template().equals(name)) {
          return points(name, site, null, config);
        }
      }
      throw unknown(name, config);
    }
    int dot = name.indexOf('.', BLOCKS.length());
    if (dot < 0) {
      throw unknown(name, config);
    }
    String layer = name.substring(BLOCKS.length(), dot);
    String tail = name.substring(dot + 1);
    if (!LAYER.matcher(layer).matches()) {
      throw new UsageException(
          "hook %s: expected a layer number or * behind \"blocks.\", got \"%s\""
              .formatted(name, layer));
    }
    for (Site site : Site.values()) {
      if (site.inBlock() && site.template().endsWith("}." + tail)) {
        return points(name, site, layer, config);
      }
    }
    throw unknown(name, config);
  }

  private static List<HookPoint> shortName(String name, DecoderConfig config) {
    String word = name;
    String layer = null;
    String type = null;
    if (name.contains(":")) {
      String[] parts = name.split(":", -1);
      if (parts.length > 3 || !LAYER.matcher(parts[1]).matches()) {
        throw new UsageException(
            "hook %s: expected NAME:LAYER or NAME:LAYER:TYPE, as in resid_pre:3 and scale:4:ln1"
                .formatted(name));
      }
      word = parts[0];
      layer = parts[1];
      type = parts.length == 3 ? parts[2] : null;
    } else {
      Matcher compact = COMPACT.matcher(name);
      if (compact.matches()) {
        word = compact.group(1);
        layer = compact.group(2);
        type = compact.group(3);
      }
    }
    word = ALIASES.getOrDefault(word, word);
    if (layer == null) {
      return withoutLayer(name, word, config);
    }
    List<Site> sites = named(word, true);
    if (sites.isEmpty()) {
      if (!named(word, false).isEmpty()) {
        throw new UsageException(
            "hook %s: %s has no layer; expected %s"
                .formatted(name, word, named(word, false).getFirst().template()));
      }
      throw unknown(name, config);
    }
    return points(name, choose(name, word, layer, type, sites), layer, config);
  }

  /** Among the sites of a short name the one of the type, which must not contradict the name. */
  private static Site choose(
      String name, String word, String layer, @Nullable String type, List<Site> sites) {
    if (type == null) {
      if (sites.size() == 1) {
        return sites.getFirst();
      }
      throw new UsageException(
          "hook %s: expected ln1 or ln2 behind it, as in %s:%s:ln1".formatted(name, word, layer));
    }
    String group = NORMS.contains(type) ? type : TYPES.get(type);
    for (Site site : sites) {
      if (group != null && group.equals(group(site))) {
        return site;
      }
    }
    throw new UsageException(
        "hook %s: %s has no type %s; expected %s"
            .formatted(
                name,
                word,
                type,
                String.join(" or ", sites.stream().map(s -> at(s, layer)).toList())));
  }

  private static List<HookPoint> withoutLayer(String name, String word, DecoderConfig config) {
    List<Site> outside = named(word, false);
    if (!outside.isEmpty()) {
      return points(name, outside.getFirst(), null, config);
    }
    List<Site> inside = named(word, true);
    if (!inside.isEmpty()) {
      throw new UsageException(
          "hook %s: expected a layer, as in %s:0 or %s"
              .formatted(name, word, at(inside.getFirst(), "*")));
    }
    throw unknown(name, config);
  }

  /**
   * The points of a site for a layer text: a number, a negative number, {@code *}, or null outside
   * the blocks.
   */
  private static List<HookPoint> points(
      String name, Site site, @Nullable String layer, DecoderConfig config) {
    if (!site.existsIn(config)) {
      throw new UsageException(HookSuggestions.absent(name, site, config));
    }
    if (layer == null) {
      return List.of(HookPoint.of(site));
    }
    if (layer.equals("*")) {
      List<HookPoint> points = new ArrayList<>();
      for (int l = 0; l < config.layers(); l++) {
        points.add(new HookPoint(site, l));
      }
      return points;
    }
    return List.of(new HookPoint(site, layerNumber(name, layer, config)));
  }

  private static int layerNumber(String name, String text, DecoderConfig config) {
    // Longer numbers than any model has layers would overflow.
    int number = text.length() > 9 ? Integer.MAX_VALUE : Integer.parseInt(text);
    int layer = number < 0 ? number + config.layers() : number;
    if (layer < 0 || layer >= config.layers()) {
      throw new UsageException(
          "hook %s: expected a layer 0..%d (or -%d..-1 from the end), got %s"
              .formatted(name, config.layers() - 1, config.layers(), text));
    }
    return layer;
  }

  /**
   * Sites of a short name inside or outside the blocks; {@code in} and {@code out} of the
   * unembedding have none.
   */
  private static List<Site> named(String word, boolean inBlock) {
    List<Site> sites = new ArrayList<>();
    for (Site site : Site.values()) {
      if (site.inBlock() == inBlock
          && site != Site.UNEMBED_IN
          && site != Site.UNEMBED_OUT
          && shortName(site).equals(word)) {
        sites.add(site);
      }
    }
    return sites;
  }

  /** The name without its place and without {@code hook_}. */
  static String shortName(Site site) {
    return tail(site).group(2);
  }

  /**
   * What the site belongs to within its block: {@code attn}, {@code mlp}, {@code ln1}, {@code ln2}
   * or nothing.
   */
  static String group(Site site) {
    String group = tail(site).group(1);
    return group == null ? "" : group;
  }

  private static Matcher tail(Site site) {
    String template = site.template();
    Matcher matcher =
        FULL_TAIL.matcher(
            template.substring(template.indexOf("}.") < 0 ? 0 : template.indexOf("}.") + 2));
    if (!matcher.matches()) {
      throw new AssertionError(template);
    }
    return matcher;
  }

  static String at(Site site, String layer) {
    return site.template().replace("{l}", layer);
  }

  private static UsageException unknown(String name, DecoderConfig config) {
    return new UsageException(HookSuggestions.unknown(name, config));
  }
}
