package dev.diopter.lens.patterns;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzArray;
import dev.diopter.lens.pictures.Matrix;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** The stored patterns of a prompt, read layer by layer when asked for. Close it; thread safe. */
public final class StoredPatterns implements AutoCloseable {
  private final PatternPrompt prompt;
  private final Path file;
  private final Npz arrays;

  private StoredPatterns(PatternPrompt prompt, Path file, Npz arrays) {
    this.prompt = prompt;
    this.file = file;
    this.arrays = arrays;
  }

  static StoredPatterns open(PatternPrompt prompt, Path file) {
    return new StoredPatterns(prompt, file, Npz.open(file));
  }

  /** Name of a layer's patterns. */
  static String name(int layer) {
    return "blocks." + layer + ".attn.hook_pattern";
  }

  /** The prompt as it is stored. */
  public PatternPrompt prompt() {
    return prompt;
  }

  /** The file of the arrays. */
  public Path file() {
    return file;
  }

  /** Names of all arrays of the file, patterns and whatever else was recorded. */
  public Set<String> names() {
    return arrays.names();
  }

  /**
   * Any array of the file.
   *
   * @throws FormatException where there is none of that name, or it is broken
   */
  public NpzArray array(String name) {
    return arrays.read(name);
  }

  /**
   * The patterns of a layer's heads, rows queries and columns keys.
   *
   * @throws FormatException where they are missing, broken or of another shape
   */
  public List<Matrix> layer(int layer) {
    NpzArray array = arrays.read(name(layer));
    List<Integer> shape = array.shape();
    if (shape.size() != 4 || shape.get(0) != 1 || array.size() == 0) {
      throw new FormatException(
          "%s: %s: expected the shape [1, heads, queries, keys], found %s"
              .formatted(file, name(layer), shape));
    }
    float[] values = array.floats();
    int cells = shape.get(2) * shape.get(3);
    Matrix[] heads = new Matrix[shape.get(1)];
    for (int head = 0; head < heads.length; head++) {
      heads[head] =
          new Matrix(
              shape.get(2),
              shape.get(3),
              Arrays.copyOfRange(values, head * cells, (head + 1) * cells));
    }
    return List.of(heads);
  }

  @Override
  public void close() {
    arrays.close();
  }
}
