package dev.diopter.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The local cache of the Hugging Face hub: {@code models--ORG--NAME/snapshots/REVISION}, where
 * {@code refs/main} names the revision. Its files are links into {@code blobs}. Only read.
 *
 * @param folder the cache's folder, which need not exist; null where the environment names none
 */
record HubCache(@Nullable Path folder) {
  private static final String PREFIX = "models--";

  /** The cache that the environment names, by the hub library's own rules. */
  static HubCache of(Map<String, String> environment, String home) {
    for (String name : List.of("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")) {
      String cache = environment.getOrDefault(name, "");
      if (!cache.isEmpty()) {
        return new HubCache(Path.of(cache));
      }
    }
    String hfHome = environment.getOrDefault("HF_HOME", "");
    if (!hfHome.isEmpty()) {
      return new HubCache(Path.of(hfHome, "hub"));
    }
    String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
    if (!xdg.isEmpty()) {
      return new HubCache(Path.of(xdg, "huggingface", "hub"));
    }
    // A process without a home has "?" there.
    boolean homeless = home.isEmpty() || home.equals("?");
    return new HubCache(homeless ? null : Path.of(home, ".cache", "huggingface", "hub"));
  }

  /** Ids of all models that have a snapshot, in order. */
  List<String> ids() {
    List<String> ids = new ArrayList<>();
    if (folder == null) {
      return ids;
    }
    for (Path entry : entries(folder)) {
      String name = String.valueOf(entry.getFileName());
      if (name.startsWith(PREFIX) && !entries(entry.resolve("snapshots")).isEmpty()) {
        ids.add(name.substring(PREFIX.length()).replace("--", "/"));
      }
    }
    return ids;
  }

  /**
   * The folder of a model's snapshot; null where the model is not in the cache.
   *
   * @param id {@code org/name}, or a bare name
   * @param revision a branch, tag or commit; null for the main branch
   * @throws ModelException where the model is there, but not that revision
   */
  @Nullable Path find(String id, @Nullable String revision) {
    if (folder == null) {
      return null;
    }
    Path model = folder.resolve(PREFIX + id.replace("/", "--"));
    List<Path> snapshots = entries(model.resolve("snapshots"));
    if (snapshots.isEmpty()) {
      return null;
    }
    String wanted = revision == null ? "main" : revision;
    Path snapshot = model.resolve("snapshots").resolve(commit(model, wanted));
    if (Files.isDirectory(snapshot)) {
      return snapshot;
    }
    // A model fetched by commit has no reference; a single snapshot is then the one meant.
    if (revision == null && snapshots.size() == 1) {
      return snapshots.getFirst();
    }
    throw new ModelException(
        "%s: expected revision %s of the model, found only %s; name one of them as %s@REVISION"
            .formatted(
                model,
                wanted,
                snapshots.stream().map(p -> String.valueOf(p.getFileName())).toList(),
                id));
  }

  private static String commit(Path model, String revision) {
    Path reference = model.resolve("refs").resolve(revision);
    try {
      if (Files.isRegularFile(reference) && Files.size(reference) < 200) {
        String commit = Files.readString(reference).strip();
        if (ModelStore.isPlainName(commit)) {
          return commit;
        }
      }
    } catch (IOException e) {
      // As good as no reference.
    }
    return revision;
  }

  private static List<Path> entries(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(Files::isDirectory).sorted().toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
