package dev.diopter.models;

import dev.diopter.formats.FormatException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds models by the names that users give: the bundled demo models, a folder, or an id of the
 * Hugging Face hub whose files lie in the local cache. Nothing is fetched. Immutable and thread
 * safe.
 */
public final class ModelStore {
  /** Names of the bundled models. */
  public static final List<String> BUNDLED = List.of("demo-gpt2", "demo-llama");

  private static final Pattern HUB_ID =
      Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?");

  private final HubCache cache;

  private ModelStore(HubCache cache) {
    this.cache = cache;
  }

  /**
   * The store of this process: the hub cache is where {@code HF_HUB_CACHE}, {@code HF_HOME} or
   * {@code XDG_CACHE_HOME} say, else {@code ~/.cache/huggingface/hub}.
   */
  public static ModelStore system() {
    return of(System.getenv(), System.getProperty("user.home", ""));
  }

  /** A store for another environment and home. */
  public static ModelStore of(Map<String, String> environment, String home) {
    return new ModelStore(HubCache.of(environment, home));
  }

  /** Where hub ids are looked for; null where the environment names no place. */
  public @Nullable Path cacheFolder() {
    return cache.folder();
  }

  /**
   * Opens a model.
   *
   * @param name {@code demo-gpt2} or {@code demo-llama}, a folder, or a hub id {@code org/name},
   *     also as {@code org/name@revision}
   * @throws ModelException where there is none, with the places looked at and what to do
   * @throws UnsupportedModelException where it asks for a computation that Diopter does not have
   * @throws FormatException where one of its files is broken
   */
  public OpenModel open(String name) {
    return open(name, WeightProcessing.NONE);
  }

  /**
   * Opens a model whose weights are processed.
   *
   * @param name as above
   * @param processing steps; those that change nothing in this model are left out
   * @throws ModelException as above
   */
  public OpenModel open(String name, WeightProcessing processing) {
    if (BUNDLED.contains(name)) {
      return OpenModel.open(name, name, ModelFiles.ofResources(name), processing);
    }
    Path folder = resolve(name);
    return OpenModel.open(name, folder.toString(), ModelFiles.of(folder), processing);
  }

  /**
   * The folder of a model that is not a bundled one.
   *
   * @throws ModelException where there is none, with the places looked at and what to do
   */
  public Path resolve(String name) {
    Path folder = path(name);
    if (folder != null && Files.isDirectory(folder)) {
      return folder;
    }
    int at = name.indexOf('@');
    String id = at < 0 ? name : name.substring(0, at);
    String revision = at < 0 ? null : name.substring(at + 1);
    if (HUB_ID.matcher(id).matches()
        && !id.contains("--")
        && (revision == null || isPlainName(revision))) {
      Path snapshot = cache.find(id, revision);
      if (snapshot != null) {
        return snapshot;
      }
    }
    throw unknown(name, folder);
  }

  /**
   * Every model that can be opened by name: the bundled ones, then those of the hub cache, broken
   * ones with what is wrong.
   */
  public List<ModelInfo> list() {
    List<ModelInfo> models = new ArrayList<>();
    for (String name : BUNDLED) {
      models.add(info(name));
    }
    for (String id : cache.ids()) {
      models.add(info(id));
    }
    return models;
  }

  private ModelInfo info(String name) {
    try (OpenModel model = open(name)) {
      return model.info();
    } catch (ModelException | FormatException e) {
      return new ModelInfo(name, null, 0, null, 0, null, e.getMessage());
    }
  }

  private ModelException unknown(String name, @Nullable Path folder) {
    List<String> known = new ArrayList<>(BUNDLED);
    known.addAll(cache.ids());
    List<String> near = NearestNames.of(name, known);
    String places =
        cache.folder() == null
            ? "no hub cache (no home folder)"
            : "the hub cache " + cache.folder();
    return new ModelException(
        "%s: expected a model, found none: %s, not a bundled model (%s), and not in %s; %s"
            .formatted(
                name,
                folder != null && Files.exists(folder)
                    ? "it is a file, not a folder"
                    : "no such folder",
                String.join(", ", BUNDLED),
                places,
                near.isEmpty()
                    ? "give a folder with config.json and model.safetensors, or fetch the model first"
                    : "did you mean " + String.join(" or ", near) + "?"));
  }

  private static @Nullable Path path(String name) {
    try {
      return name.isEmpty() ? null : Path.of(name);
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /**
   * Whether a name can only be something in one folder: no separators, not the folder itself or the
   * one above. Printable ASCII only, since under some locales anything else is no file name at all.
   */
  static boolean isPlainName(String name) {
    return !name.isEmpty()
        && !name.startsWith(".")
        && name.chars().allMatch(c -> c > ' ' && c < 127 && c != '/' && c != '\\' && c != ':');
  }
}
