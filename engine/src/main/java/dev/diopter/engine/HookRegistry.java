package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * All hook points of a model, in the order in which a pass reaches them, known before any pass.
 * Immutable.
 */
public final class HookRegistry {

  /**
   * One hook point.
   *
   * @param point where
   * @param name its canonical name
   * @param shape what its value for one prompt looks like, for example {@code [pos, head 4,
   *     head_dim 32]}
   * @param optional true where {@code *} leaves it out
   * @param meaning what the value is
   */
  public record Entry(
      HookPoint point, String name, String shape, boolean optional, String meaning) {}

  private final DecoderConfig config;
  private final List<Entry> entries;

  private HookRegistry(DecoderConfig config) {
    this.config = config;
    this.entries =
        points(config).stream()
            .map(p ->
                new Entry(
                    p, p.name(), shape(p.site(), config), p.site().optional(), p.site().meaning()))
            .toList();
  }

  /** The points of a model of this configuration. */
  public static HookRegistry of(DecoderConfig config) {
    return new HookRegistry(config);
  }

  /** All points, the optional ones too. */
  public List<Entry> entries() {
    return entries;
  }

  /**
   * The points that a name, a pattern or a list of them with commas means.
   *
   * @throws UsageException if it means none
   */
  public List<HookPoint> resolve(String names) {
    return HookNames.resolveAll(names, config);
  }

  /** The kinds of points that a model of this configuration has. */
  public static List<Site> sites(DecoderConfig config) {
    return List.of(Site.values()).stream().filter(site -> site.existsIn(config)).toList();
  }

  /** The axes of a site with the sizes that the model decides. */
  public static String shape(Site site, DecoderConfig config) {
    return site.axes().stream()
        .map(axis ->
            axis == Axis.ONE || axis.size(config) < 0
                ? axis.label()
                : axis.label() + " " + axis.size(config))
        .collect(Collectors.joining(", ", "[", "]"));
  }

  /** The axes of a site without sizes. */
  public static String shape(Site site) {
    return site.axes().stream().map(Axis::label).collect(Collectors.joining(", ", "[", "]"));
  }

  static List<HookPoint> points(DecoderConfig config) {
    List<HookPoint> points = new ArrayList<>();
    List<Site> sites = sites(config);
    List<Site> blocks = sites.stream().filter(Site::inBlock).toList();
    for (Site site : sites) {
      if (!site.inBlock()) {
        points.add(HookPoint.of(site));
      } else if (site == blocks.getFirst()) {
        for (int layer = 0; layer < config.layers(); layer++) {
          for (Site each : blocks) {
            points.add(new HookPoint(each, layer));
          }
        }
      }
    }
    return points;
  }
}
