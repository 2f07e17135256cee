package dev.diopter.lens.patterns;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.pictures.PictureFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The figure functions of this program: those that are always there ({@code raw}, {@code lower},
 * {@code bos_masked}, {@code log}, {@code row_normalized}), those that the class path offers as
 * services, and those that were registered. Thread safe.
 */
public final class FigureFunctions {
  /** Drawn unless others are asked for. */
  public static final String DEFAULT = Views.RAW;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,100}");
  private static final Map<String, FigureFunction> ALL = new LinkedHashMap<>();
  private static boolean loaded;

  private FigureFunctions() {}

  /**
   * Makes a function known, in place of one of the same name.
   *
   * @return the function
   * @throws IllegalArgumentException where its name or a part's cannot name a file
   */
  public static synchronized FigureFunction register(FigureFunction function) {
    load();
    add(function);
    return function;
  }

  private static void add(FigureFunction function) {
    List<String> names = new ArrayList<>(function.parts());
    names.add(function.name());
    for (String name : names) {
      if (!NAME.matcher(name).matches()) {
        throw new IllegalArgumentException(
            "expected a figure's name of letters, digits, - and _, got '" + name + "'");
      }
    }
    ALL.put(function.name(), function);
  }

  private static void load() {
    if (loaded) {
      return;
    }
    loaded = true;
    Views.all().forEach(FigureFunctions::add);
    try {
      ServiceLoader.load(FigureFunction.class)
          .forEach((Consumer<FigureFunction>) FigureFunctions::add);
    } catch (ServiceConfigurationError e) {
      throw new UsageException("figure functions of the class path: " + e.getMessage());
    }
  }

  /** All functions, in the order in which they became known. */
  public static synchronized List<FigureFunction> all() {
    load();
    return List.copyOf(ALL.values());
  }

  /** Names of all figures: of functions, or of their parts where they have some. */
  public static List<String> figureNames() {
    return all().stream().flatMap(f -> DrawnFigure.names(f).stream()).toList();
  }

  /**
   * Some functions: {@code all}, names with commas between them, or a pattern with {@code *} and
   * {@code ?}.
   *
   * @throws UsageException where a name is unknown or the pattern fits none
   */
  public static List<FigureFunction> select(String wanted) {
    List<FigureFunction> all = all();
    if (wanted.equals("all")) {
      return all;
    }
    List<FigureFunction> found = new ArrayList<>();
    for (String name : wanted.split(",", -1)) {
      List<FigureFunction> some =
          all.stream().filter(f -> glob(name.strip()).matcher(f.name()).matches()).toList();
      if (some.isEmpty()) {
        throw new UsageException(
            "figure functions: expected all, or some of %s, got '%s'"
                .formatted(all.stream().map(FigureFunction::name).toList(), name));
      }
      some.stream().filter(f -> !found.contains(f)).forEach(found::add);
    }
    return found;
  }

  private static Pattern glob(String wanted) {
    StringBuilder pattern = new StringBuilder();
    for (int i = 0; i < wanted.length(); i++) {
      char c = wanted.charAt(i);
      pattern.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
    }
    return Pattern.compile(pattern.toString());
  }

  /** A function of one figure that draws by a lambda. */
  public static FigureFunction drawing(
      String name, String description, PictureFormat format, Painter painter) {
    return new FigureFunction() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public String description() {
        return description;
      }

      @Override
      public PictureFormat format() {
        return format;
      }

      @Override
      public void draw(AttentionPattern pattern, Surfaces surfaces) throws Exception {
        painter.draw(pattern, surfaces);
      }
    };
  }

  /** Draws a pattern. */
  @FunctionalInterface
  public interface Painter {
    /** Draws on a surface that it asks for. */
    void draw(AttentionPattern pattern, FigureFunction.Surfaces surfaces) throws Exception;
  }
}
