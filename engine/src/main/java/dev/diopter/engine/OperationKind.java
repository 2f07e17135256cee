package dev.diopter.engine;

import java.util.List;
import java.util.Locale;

/**
 * The operations that edits may do, as data: plan files, their reader and the documentation come
 * from this list. {@link Operation} holds their values.
 */
@SuppressWarnings("ImmutableEnumChecker") // the lists of keys are unmodifiable
public enum OperationKind {
  REPLACE(
      List.of("value", "broadcast"),
      "array of the selection's shape, or one vector of the last axis where one row is selected or `broadcast` is true",
      "the value takes the selection's place"),
  ADD(
      List.of("value", "broadcast"),
      "array of the selection's shape, or one vector for all selected rows, with or without `broadcast`",
      "x + v"),
  SCALE(List.of("value"), "number", "x times the number; a score of minus infinity stays"),
  ZERO(List.of(), "", "0"),
  MEAN(
      List.of("value"),
      "array whose last axes are one position's shape",
      "every selected position becomes the mean of the value over its axes in front; a saved mean is a value without such axes"),
  INTERPOLATE(
      List.of("value", "weight", "broadcast"),
      "array as for `add`, and the weight t",
      "(1 - t) x + t v"),
  PROJECT_OUT(
      List.of("value"),
      "vector of the last axis",
      "x - (x . u) u, with u the vector divided by its norm"),
  NOISE(
      List.of("standard_deviation", "seed"),
      "standard deviation, and a seed (0 unless given)",
      "x plus normal noise keyed by (seed, sequence, site, layer, position, head, index): the same for a row alone and in any batch"),
  KNOCKOUT(
      List.of(),
      "",
      "scores become minus infinity, patterns zero, at the selected queries and keys; what is left of a pattern row is not rescaled"),
  FUNCTION(
      List.of(),
      "Java only",
      "a function changes a writable copy of the selection of one sequence, whole");

  private final List<String> keys;
  private final String value;
  private final String meaning;

  OperationKind(List<String> keys, String value, String meaning) {
    this.keys = keys;
    this.value = value;
    this.meaning = meaning;
  }

  /** The name in plan files. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The keys that an edit of this kind has in plan files beside those of every edit. */
  public List<String> keys() {
    return keys;
  }

  /** What its value is. */
  public String value() {
    return value;
  }

  /** What becomes of x. */
  public String meaning() {
    return meaning;
  }

  /** The kind of an operation. */
  public static OperationKind of(Operation operation) {
    return switch (operation) {
      case Operation.Replace _ -> REPLACE;
      case Operation.Add _ -> ADD;
      case Operation.Scale _ -> SCALE;
      case Operation.Zero _ -> ZERO;
      case Operation.Mean _ -> MEAN;
      case Operation.Interpolate _ -> INTERPOLATE;
      case Operation.ProjectOut _ -> PROJECT_OUT;
      case Operation.Noise _ -> NOISE;
      case Operation.Knockout _ -> KNOCKOUT;
      case Operation.Function _ -> FUNCTION;
    };
  }
}
