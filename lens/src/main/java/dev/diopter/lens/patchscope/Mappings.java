package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Npz;
import java.nio.file.Path;
import java.util.List;

/** Mappings as users write them. */
public final class Mappings {
  private Mappings() {}

  /**
   * Reads {@code identity}, {@code scale:2}, {@code add:F.npz} (its array {@code vector}), {@code
   * affine:F.safetensors}, {@code shuffle} or {@code shuffle:SEED}.
   */
  public static Mapping parse(String text) {
    int colon = text.indexOf(':');
    String kind = colon < 0 ? text : text.substring(0, colon);
    String value = colon < 0 ? "" : text.substring(colon + 1);
    return switch (kind) {
      case "identity" -> Mapping.IDENTITY;
      case "scale" -> Mapping.scale((float) Numbers.real("scale", value));
      case "add" -> add(Path.of(value));
      case "affine" -> AffineMap.read(Path.of(value));
      case "shuffle" ->
          Controls.shuffle(value.isEmpty() ? 0 : Numbers.whole("shuffle", "a seed", value));
      default ->
          throw new UsageException(
              "map: expected identity, scale:NUMBER, add:FILE.npz, affine:FILE.safetensors or shuffle:SEED, got '%s'"
                  .formatted(text));
    };
  }

  /** Several, one after the other. */
  public static Mapping parse(List<String> texts) {
    Mapping all = Mapping.IDENTITY;
    for (int i = 0; i < texts.size(); i++) {
      Mapping next = parse(texts.get(i));
      all = i == 0 ? next : all.then(next);
    }
    return all;
  }

  private static Mapping add(Path file) {
    try (Npz npz = Npz.open(file)) {
      if (!npz.names().contains("vector")) {
        throw new FormatException(
            "%s: expected an array 'vector', found %s".formatted(file, npz.names()));
      }
      return Mapping.add("add:" + file.getFileName(), npz.read("vector").floats());
    }
  }
}
