package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzArray;
import dev.diopter.lens.patchscope.Heads;
import dev.diopter.lens.patchscope.Input;
import dev.diopter.lens.patchscope.Layer;
import dev.diopter.lens.patchscope.Positions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What the options of one side say. */
record ScopeSide(
    String side,
    @Nullable String text,
    @Nullable String ids,
    @Nullable Path soft,
    @Nullable String layerText,
    @Nullable String position,
    @Nullable String substring,
    @Nullable String occurrence,
    @Nullable String part,
    @Nullable String head) {
  private static final String SOFT = "soft_prompt";

  /** Fails where options contradict each other; before a model is loaded. */
  void validate(boolean inputNeeded) {
    int given = (text == null ? 0 : 1) + (ids == null ? 0 : 1) + (soft == null ? 0 : 1);
    if (given > 1 || (given == 0 && inputNeeded)) {
      throw new UsageException(
          "expected exactly one of --%1$s, --%1$s-token-ids and --%1$s-soft-prompt, got %2$d"
              .formatted(side, given));
    }
    if (position != null && substring != null) {
      throw new UsageException(
          "expected --%1$s-position or --%1$s-substring, got both".formatted(side));
    }
    if (substring == null && (occurrence != null || part != null)) {
      throw new UsageException(
          "--%1$s-occurrence and --%1$s-part: expected --%1$s-substring with them".formatted(side));
    }
    var _ = layer();
    var _ = positions();
    var _ = heads();
    if (ids != null) {
      var _ = TokenIds.parse(ids);
    }
  }

  boolean hasInput() {
    return text != null || ids != null || soft != null;
  }

  Layer layer() {
    return layerText == null ? Layer.LAST : Layer.parse(layerText);
  }

  Heads heads() {
    return head == null ? Heads.NONE : Heads.parse(head);
  }

  boolean hasPositions() {
    return position != null || substring != null;
  }

  Positions positions() {
    if (substring == null) {
      return position == null ? Positions.ALL : Positions.parse(position);
    }
    return new Positions.Substring(substring, which(), tokens());
  }

  private int which() {
    if (occurrence == null) {
      return 0;
    }
    if (occurrence.equals("every")) {
      return Positions.Substring.EVERY;
    }
    try {
      return Integer.parseInt(occurrence);
    } catch (NumberFormatException e) {
      throw new UsageException(
          "--%s-occurrence: expected a number or every, got '%s'".formatted(side, occurrence));
    }
  }

  private Positions.Part tokens() {
    return switch (part == null ? "all" : part) {
      case "all" -> Positions.Part.ALL;
      case "first" -> Positions.Part.FIRST;
      case "last" -> Positions.Part.LAST;
      default ->
          throw new UsageException(
              "--%s-part: expected all, first or last, got '%s'".formatted(side, part));
    };
  }

  /** The input for a model. */
  Input input(Model model, PromptOptions options) {
    if (text != null) {
      return Input.of(model.prompt(text, options));
    }
    if (ids != null) {
      Prompt given = Prompt.ofIds(TokenIds.parse(ids));
      return Input.of(options.bos() ? model.withBos(given) : given);
    }
    Path file = java.util.Objects.requireNonNull(soft);
    try (Npz npz = Npz.open(file)) {
      if (!npz.names().contains(SOFT)) {
        throw new FormatException(
            "%s: expected an array %s, found %s".formatted(file, SOFT, npz.names()));
      }
      NpzArray array = npz.read(SOFT);
      int[] shape = array.shape().stream().mapToInt(Integer::intValue).toArray();
      return Input.soft(shape, array.floats());
    }
  }
}
