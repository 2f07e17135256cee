package dev.diopter.lens.patchscope;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.models.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Fits affine maps between layers of one model or of two, which may have tokenizers of their own:
 * vectors are paired where a token ends at the same character in both. Texts are read one at a time
 * and not kept. Not for several threads.
 */
public final class MapTrainer {
  private final Model source;
  private final Model target;
  private final List<Mapping.Route> routes;
  private final boolean bos;
  private final int holdEvery;
  private final boolean paperCompat;
  private final Map<Integer, List<Integer>> targetsBySource = new TreeMap<>();
  private final Map<Integer, AffineFit> fits = new TreeMap<>();
  private long texts;

  /**
   * A trainer.
   *
   * @param routes pairs of layers, by the block whose input each is
   * @param bos whether each text gets the models' BOS ids in front
   * @param holdEvery each text of this number is held out; 0 for none
   */
  public MapTrainer(
      Model source, Model target, List<Mapping.Route> routes, boolean bos, int holdEvery) {
    this(source, target, routes, bos, holdEvery, false);
  }

  /**
   * A trainer.
   *
   * @param paperCompat whether vectors of the last block are taken behind the final norm, as the
   *     paper's code does, which then writes them in front of it; the maps belong to the routes
   *     that {@link Patch#paperCompat} makes
   */
  public MapTrainer(
      Model source,
      Model target,
      List<Mapping.Route> routes,
      boolean bos,
      int holdEvery,
      boolean paperCompat) {
    this.paperCompat = paperCompat;
    this.source = source;
    this.target = target;
    this.routes = List.copyOf(routes);
    this.bos = bos;
    this.holdEvery = holdEvery;
    if (routes.isEmpty() || holdEvery < 0 || holdEvery == 1) {
      throw new UsageException(
          "map trainer: expected layers, and to hold out 0 or every 2 or more");
    }
    for (Mapping.Route route : routes) {
      requireEntry("source", route.sourceEntry(), source);
      requireEntry("target", route.targetEntry(), target);
      targetsBySource
          .computeIfAbsent(route.sourceEntry(), _ -> new ArrayList<>())
          .add(route.targetEntry());
    }
    targetsBySource.forEach((from, to) -> {
      int[] outs = new int[to.size()];
      Arrays.fill(outs, target.config().width());
      fits.put(from, new AffineFit(source.config().width(), outs));
    });
  }

  private static void requireEntry(String side, int entry, Model model) {
    if (entry != Mapping.Route.FINAL && (entry < 0 || entry > model.config().layers())) {
      throw new UsageException(
          "%s layer: expected an entry from 0 to %d, got %d"
              .formatted(side, model.config().layers(), entry));
    }
  }

  /** Takes a text; one that is longer than a model's context is left out, and false returned. */
  public boolean add(String text) {
    PromptOptions options = new PromptOptions(bos, true);
    Input own = Input.of(source.prompt(text, options));
    Input other = Input.of(target.prompt(text, options));
    if (own.length() > source.config().contextLength()
        || other.length() > target.config().contextLength()) {
      return false;
    }
    int[][] pairs = pairs(own, other);
    boolean hold = holdEvery > 0 && texts % holdEvery == holdEvery - 1;
    texts++;
    RunResult from = read(source, own, targetsBySource.keySet().stream().toList());
    List<Integer> entries =
        targetsBySource.values().stream().flatMap(List::stream).distinct().toList();
    RunResult to = read(target, other, entries);
    targetsBySource.forEach((entry, targets) -> {
      float[] xs = values(from, entry, source);
      float[][] ys = new float[targets.size()][];
      for (int t = 0; t < ys.length; t++) {
        ys[t] = values(to, targets.get(t), target);
      }
      for (int[] pair : pairs) {
        float[][] y = new float[ys.length][];
        for (int t = 0; t < ys.length; t++) {
          y[t] = row(ys[t], pair[1], target);
        }
        java.util.Objects.requireNonNull(fits.get(entry)).add(row(xs, pair[0], source), y, hold);
      }
    });
    return true;
  }

  /** Positions whose tokens end at the same character. */
  private int[][] pairs(Input own, Input other) {
    Tokenizer.Encoding mine = own.spans(source);
    Tokenizer.Encoding theirs = other.spans(target);
    if (mine == null || theirs == null) {
      throw new UsageException("map trainer: expected models with tokenizers");
    }
    Map<Integer, Integer> ends = new LinkedHashMap<>();
    for (int i = 0; i < theirs.ids().length; i++) {
      if (theirs.ends()[i] > 0) {
        ends.put(theirs.ends()[i], i); // the last of the tokens that share a character
      }
    }
    List<int[]> pairs = new ArrayList<>();
    for (int i = 0; i < mine.ids().length; i++) {
      boolean lastOfCharacter = i + 1 == mine.ids().length || mine.ends()[i + 1] != mine.ends()[i];
      Integer there = ends.get(mine.ends()[i]);
      if (there != null && lastOfCharacter) {
        pairs.add(new int[] {i, there});
      }
    }
    return pairs.toArray(int[][]::new);
  }

  private RunResult read(Model model, Input input, List<Integer> entries) {
    String[] sites = entries.stream().map(e -> site(e, model)).distinct().toArray(String[]::new);
    return model
        .run(RunRequest.of(input.prompt()).plan(HookPlan.reading(sites)).logits(Logits.NONE))
        .getFirst();
  }

  private float[] values(RunResult run, int entry, Model model) {
    return run.activation(site(entry, model)).values();
  }

  private String site(int entry, Model model) {
    int layers = model.config().layers();
    boolean last = paperCompat && entry == layers;
    return Slots.residual(last ? Mapping.Route.FINAL : entry, layers);
  }

  /** The route of the patches that a map is for. */
  private Mapping.Route applied(Mapping.Route route) {
    if (!paperCompat || route.sourceEntry() != source.config().layers()) {
      return route;
    }
    boolean both = route.targetEntry() == target.config().layers();
    return new Mapping.Route(Mapping.Route.FINAL, both ? Mapping.Route.FINAL : route.targetEntry());
  }

  private static float[] row(float[] values, int row, Model model) {
    int width = model.config().width();
    return Arrays.copyOfRange(values, row * width, (row + 1) * width);
  }

  /**
   * What was fitted.
   *
   * @param map the maps
   * @param fits how each route fits
   */
  public record Result(AffineMap map, Map<Mapping.Route, AffineFit.Fitted> fits) {}

  /**
   * The maps of all texts up to now.
   *
   * @param ridge weight of the squared weights, for each pair of vectors
   */
  public Result solve(String name, double ridge) {
    Map<Mapping.Route, AffineFit.Fitted> fitted = new LinkedHashMap<>();
    fits.forEach((entry, fit) -> {
      List<AffineFit.Fitted> solved = fit.solve(ridge);
      List<Integer> targets = java.util.Objects.requireNonNull(targetsBySource.get(entry));
      for (int t = 0; t < solved.size(); t++) {
        fitted.put(new Mapping.Route(entry, targets.get(t)), solved.get(t));
      }
    });
    Map<Mapping.Route, AffineMap.Part> parts = new LinkedHashMap<>();
    Map<String, String> about = new TreeMap<>();
    about.put("source_model", source.name());
    about.put("target_model", target.name());
    about.put(
        "site",
        paperCompat
            ? "residual stream; the last block's behind the final norm"
            : "residual stream, before the final norm");
    about.put("ridge", Double.toString(ridge));
    about.put("texts", Long.toString(texts));
    for (Mapping.Route route : routes) {
      AffineFit.Fitted own = java.util.Objects.requireNonNull(fitted.get(route));
      Mapping.Route to = applied(route);
      parts.put(to, own.map());
      String key = Slots.label(to.sourceEntry()) + "." + Slots.label(to.targetEntry());
      about.put("samples." + key, Long.toString(own.samples()));
      about.put("held_out_r2." + key, Double.toString(own.heldOutR2()));
    }
    return new Result(AffineMap.of(name, parts, about), fitted);
  }
}
