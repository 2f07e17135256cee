package dev.diopter.engine;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reads plans from JSON values. Messages begin with the document and the place in it, such as
 * {@code plan.json: edits[2].value}.
 */
final class PlanParser {
  private static final List<String> SELECTION =
      List.of("hook", "sequences", "positions", "heads", "keys", "steps");
  private static final List<String> READ = with(SELECTION, List.of("when"));
  private static final List<String> EDIT = with(SELECTION, List.of("op", "allow_non_finite"));
  private static final List<String> PLAN = List.of("reads", "edits");
  private static final List<String> ARRAY_FILE = List.of("npz", "name");

  private final String source;
  private final @Nullable Path folder;

  PlanParser(String source, @Nullable Path folder) {
    this.source = source;
    this.folder = folder;
  }

  private static List<String> with(List<String> a, List<String> b) {
    List<String> all = new ArrayList<>(a);
    all.addAll(b);
    return List.copyOf(all);
  }

  HookPlan plan(JsonNode tree) {
    requireObject("", tree, PLAN);
    if (tree.isEmpty()) {
      throw fail("", "expected \"reads\" or \"edits\", found neither");
    }
    List<Read> reads = new ArrayList<>();
    for (JsonNode read : list("reads", tree.get("reads"))) {
      reads.add(read("reads[" + reads.size() + "]", read));
    }
    List<Edit> edits = new ArrayList<>();
    for (JsonNode edit : list("edits", tree.get("edits"))) {
      edits.add(edit("edits[" + edits.size() + "]", edit));
    }
    return new HookPlan(reads, edits);
  }

  private Read read(String place, JsonNode tree) {
    requireObject(place, tree, READ);
    Read.When when = Read.When.AFTER;
    JsonNode given = tree.get("when");
    if (given != null) {
      when =
          switch (text(place + ".when", given)) {
            case "before" -> Read.When.BEFORE;
            case "after" -> Read.When.AFTER;
            default ->
                throw fail(
                    place + ".when", "expected \"before\" or \"after\", found " + shown(given));
          };
    }
    return new Read(hook(place, tree), selection(place, tree), when);
  }

  private Edit edit(String place, JsonNode tree) {
    if (!tree.isObject()) {
      throw fail(place, "expected an object, found " + shown(tree));
    }
    OperationKind kind = kind(place, tree);
    for (String key : tree.propertyNames()) {
      boolean other = Arrays.stream(OperationKind.values()).anyMatch(k -> k.keys().contains(key));
      if (other && !kind.keys().contains(key)) {
        throw fail(
            place + "." + key,
            "op %s has no such key; it has %s"
                .formatted(
                    kind.label(),
                    kind.keys().isEmpty() ? "none of its own" : String.join(", ", kind.keys())));
      }
    }
    requireObject(place, tree, with(EDIT, kind.keys()));
    return new Edit(
        hook(place, tree),
        selection(place, tree),
        operation(place, tree, kind),
        flag(place, tree, "allow_non_finite"));
  }

  private OperationKind kind(String place, JsonNode tree) {
    String name = text(place + ".op", required(place, tree, "op"));
    for (OperationKind kind : OperationKind.values()) {
      if (kind.label().equals(name) && kind != OperationKind.FUNCTION) {
        return kind;
      }
    }
    String all =
        Arrays.stream(OperationKind.values())
            .filter(k -> k != OperationKind.FUNCTION)
            .map(OperationKind::label)
            .collect(Collectors.joining(", "));
    throw fail(
        place + ".op", "expected one of %s; found %s".formatted(all, HookSuggestions.quote(name)));
  }

  /**
   * An array that `broadcast` may say to be one vector for all rows, which it is anyway where it is
   * a vector.
   */
  private Operation.Value forAllRows(String place, JsonNode tree) {
    Operation.Value value = array(place, tree);
    if (flag(place, tree, "broadcast") && value.shape().length != 1) {
      throw fail(
          place + ".value",
          "expected one vector to broadcast, found shape " + Arrays.toString(value.shape()));
    }
    return value;
  }

  private Operation operation(String place, JsonNode tree, OperationKind kind) {
    return switch (kind) {
      case REPLACE -> new Operation.Replace(array(place, tree), flag(place, tree, "broadcast"));
      case ADD -> new Operation.Add(forAllRows(place, tree));
      case SCALE -> new Operation.Scale(number(place + ".value", required(place, tree, "value")));
      case ZERO -> new Operation.Zero();
      case MEAN -> new Operation.Mean(array(place, tree));
      case INTERPOLATE ->
          new Operation.Interpolate(
              forAllRows(place, tree), number(place + ".weight", required(place, tree, "weight")));
      case PROJECT_OUT -> new Operation.ProjectOut(array(place, tree));
      case NOISE ->
          new Operation.Noise(
              number(place + ".standard_deviation", required(place, tree, "standard_deviation")),
              seed(place, tree));
      case KNOCKOUT -> new Operation.Knockout();
      case FUNCTION -> throw new AssertionError("not a kind of plan files");
    };
  }

  private String hook(String place, JsonNode tree) {
    return text(place + ".hook", required(place, tree, "hook"));
  }

  private Selection selection(String place, JsonNode tree) {
    Selection where = Selection.ALL;
    int[] sequences = numbers(place, tree, "sequences");
    int[] positions = numbers(place, tree, "positions");
    int[] heads = numbers(place, tree, "heads");
    int[] keys = numbers(place, tree, "keys");
    where = sequences == null ? where : where.sequences(sequences);
    where = positions == null ? where : where.positions(positions);
    where = heads == null ? where : where.heads(heads);
    where = keys == null ? where : where.keys(keys);
    JsonNode steps = tree.get("steps");
    return steps == null ? where : where.steps(steps(place, tree, steps));
  }

  private Steps steps(String place, JsonNode tree, JsonNode steps) {
    if (steps.isString()) {
      if (!steps.stringValue().equals("all")) {
        throw fail(
            place + ".steps", "expected \"all\" or a list of whole numbers, found " + shown(steps));
      }
      return Steps.ALL;
    }
    int[] numbers = numbers(place, tree, "steps");
    for (int step : numbers == null ? new int[0] : numbers) {
      if (step < 0) {
        throw fail(place + ".steps", "expected numbers from 0, found " + step);
      }
    }
    return numbers == null ? Steps.PROMPT : Steps.of(numbers);
  }

  private int @Nullable [] numbers(String place, JsonNode tree, String key) {
    JsonNode given = tree.get(key);
    if (given == null) {
      return null;
    }
    if (!given.isArray() || given.isEmpty()) {
      throw fail(place + "." + key, "expected a list of whole numbers, found " + shown(given));
    }
    int[] numbers = new int[given.size()];
    for (int i = 0; i < numbers.length; i++) {
      JsonNode number = given.get(i);
      if (!number.isInt()) {
        throw fail(
            "%s.%s[%d]".formatted(place, key, i),
            "expected a whole number, found " + shown(number));
      }
      numbers[i] = number.intValue();
    }
    return numbers;
  }

  private long seed(String place, JsonNode tree) {
    JsonNode given = tree.get("seed");
    if (given == null) {
      return 0;
    }
    if (!given.isInt() && !given.isLong()) {
      throw fail(place + ".seed", "expected a whole number of 64 bits, found " + shown(given));
    }
    return given.longValue();
  }

  private boolean flag(String place, JsonNode tree, String key) {
    JsonNode given = tree.get(key);
    if (given != null && !given.isBoolean()) {
      throw fail(place + "." + key, "expected true or false, found " + shown(given));
    }
    return given != null && given.booleanValue();
  }

  private float number(String place, JsonNode given) {
    Float number = number(given);
    if (number == null) {
      throw fail(place, "expected a number of 32-bit floating point, found " + shown(given));
    }
    return number;
  }

  /** The number rounded to float32; null for what is none, or a number beyond float32. */
  private static @Nullable Float number(JsonNode given) {
    Double number = Json.number(given);
    if (number == null || (given.isNumber() && Float.isInfinite(number.floatValue()))) {
      return null;
    }
    return number.floatValue();
  }

  private Operation.Value array(String place, JsonNode tree) {
    JsonNode given = required(place, tree, "value");
    String here = place + ".value";
    if (given.isObject()) {
      return arrayFile(here, given);
    }
    int[] shape = shape(here, given);
    long size = 1;
    for (int n : shape) {
      size = Math.min(size * n, Json.MAX_TOKENS + 1);
    }
    if (size > Json.MAX_TOKENS) {
      throw fail(here, "expected lists of equal lengths, found the first ones longer than all");
    }
    float[] data = new float[(int) size];
    fill(here, given, shape, new int[shape.length], 0, data, 0);
    return new Operation.Value(shape, data);
  }

  /** The lengths of the first list, of the first list in it, and so on. */
  private int[] shape(String place, JsonNode given) {
    List<Integer> shape = new ArrayList<>();
    for (JsonNode level = given; level.isArray(); level = level.get(0)) {
      if (level.isEmpty()) {
        throw fail(place, "expected numbers, found an empty list");
      }
      shape.add(level.size());
    }
    if (shape.isEmpty()) {
      throw fail(
          place,
          "expected a list of numbers or {\"npz\": ..., \"name\": ...}, found " + shown(given));
    }
    return shape.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Copies the numbers of the lists from an axis on, and returns where the next go. */
  private int fill(
      String place, JsonNode given, int[] shape, int[] index, int axis, float[] data, int at) {
    if (axis == shape.length) {
      Float number = number(given);
      if (number == null) {
        throw fail(
            at(place, index, axis),
            "expected a number of 32-bit floating point, found " + shown(given));
      }
      data[at] = number;
      return at + 1;
    }
    if (!given.isArray() || given.size() != shape[axis]) {
      throw fail(
          at(place, index, axis),
          "expected a list of %d as in the first, found %s".formatted(shape[axis], shown(given)));
    }
    int next = at;
    for (int i = 0; i < shape[axis]; i++) {
      index[axis] = i;
      next = fill(place, given.get(i), shape, index, axis + 1, data, next);
    }
    return next;
  }

  private static String at(String place, int[] index, int axes) {
    return place
        + Arrays.stream(index, 0, axes).mapToObj(i -> "[" + i + "]").collect(Collectors.joining());
  }

  private Operation.Value arrayFile(String place, JsonNode given) {
    requireObject(place, given, ARRAY_FILE);
    String file = text(place + ".npz", required(place, given, "npz"));
    String name = text(place + ".name", required(place, given, "name"));
    try (Npz npz = Npz.open(inFolder(place + ".npz", file))) {
      NpzArray array = npz.read(name);
      if (array.size() == 0 || array.shape().isEmpty()) {
        throw fail(place, "expected an array of numbers, found shape %s".formatted(array.shape()));
      }
      return new Operation.Value(
          array.shape().stream().mapToInt(Integer::intValue).toArray(), array.floats());
    } catch (FormatException e) {
      String message = String.valueOf(e.getMessage());
      throw message.startsWith(source + ": ")
          ? e
          : new FormatException("%s: %s: %s".formatted(source, place, message), e);
    }
  }

  /**
   * The file of a name, which lies in the plan's folder or below it, links followed: a plan from
   * somebody else cannot make Diopter open other files.
   */
  private Path inFolder(String place, String name) {
    Path base = folder;
    if (base == null) {
      throw fail(place, "expected numbers here; only plan files can name array files");
    }
    String rule =
        "expected a file in the folder of the plan file or below it, found "
            + HookSuggestions.quote(name);
    try {
      Path relative = Path.of(name);
      Path path = base.resolve(relative).normalize();
      if (relative.isAbsolute() || !path.startsWith(base.normalize())) {
        throw fail(place, rule);
      }
      if (!Files.exists(path)) {
        throw fail(place, "expected an .npz file, found none named " + HookSuggestions.quote(name));
      }
      if (!path.toRealPath().startsWith(base.toRealPath()) || !Files.isRegularFile(path)) {
        throw fail(place, rule);
      }
      return path;
    } catch (InvalidPathException | IOException e) {
      throw new FormatException("%s: %s: %s".formatted(source, place, rule), e);
    }
  }

  private JsonNode list(String place, @Nullable JsonNode given) {
    if (given == null) {
      return Json.array();
    }
    if (!given.isArray()) {
      throw fail(place, "expected a list, found " + shown(given));
    }
    return given;
  }

  private JsonNode required(String place, JsonNode tree, String key) {
    JsonNode given = tree.get(key);
    if (given == null) {
      throw fail(place, "expected a key \"%s\", found none".formatted(key));
    }
    return given;
  }

  private String text(String place, JsonNode given) {
    if (!given.isString() || given.stringValue().isBlank()) {
      throw fail(place, "expected a text, found " + shown(given));
    }
    return given.stringValue();
  }

  private void requireObject(String place, JsonNode tree, List<String> keys) {
    if (!tree.isObject()) {
      throw fail(place, "expected an object, found " + shown(tree));
    }
    for (String key : tree.propertyNames()) {
      if (!keys.contains(key)) {
        throw fail(
            place,
            "unknown key %s; expected %s"
                .formatted(HookSuggestions.quote(key), String.join(", ", keys)));
      }
    }
  }

  /** A value in a few words. */
  private static String shown(JsonNode value) {
    return switch (value.getNodeType()) {
      case OBJECT -> "an object";
      case ARRAY -> value.isEmpty() ? "an empty list" : "a list of " + value.size();
      case STRING -> HookSuggestions.quote(value.stringValue());
      default -> {
        String text = Json.compact(value);
        yield text.length() <= 40 ? text : text.substring(0, 40) + "...";
      }
    };
  }

  private FormatException fail(String place, String message) {
    return new FormatException(source + ": " + (place.isEmpty() ? "" : place + ": ") + message);
  }
}
