package dev.diopter.cli;

import com.sun.management.OperatingSystemMXBean;
import dev.diopter.formats.FormatException;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import dev.diopter.models.ModelException;
import dev.diopter.models.ModelInfo;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.Tokenizer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What was found on this machine.
 *
 * @param version of Diopter
 * @param java version and vendor of the JDK
 * @param javaHome where it lies
 * @param system operating system and processor kind
 * @param cores processors that the JVM may use
 * @param memoryBytes memory of the machine or container; -1 where unknown
 * @param heapBytes most that the Java heap may take
 * @param vectorModule whether the Vector API is on
 * @param cpuFeatures of the features that matter, those that the processor says it has; empty where
 *     it does not say
 * @param backends what can compute
 * @param checks what else must work
 * @param models what can be opened by name
 */
record Diagnosis(
    String version,
    String java,
    String javaHome,
    String system,
    int cores,
    long memoryBytes,
    long heapBytes,
    boolean vectorModule,
    List<String> cpuFeatures,
    List<Finding> backends,
    List<Finding> checks,
    List<Finding> models) {

  private static final List<String> FEATURES =
      List.of("fma", "avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve");

  /**
   * One thing.
   *
   * @param name what
   * @param ok whether it can be used
   * @param detail how, or why not
   */
  record Finding(String name, boolean ok, String detail) {}

  /** Looks at everything; what does not work becomes a finding. */
  static Diagnosis make() {
    ModelStore store = ModelStore.system();
    return new Diagnosis(
        Version.current(),
        Runtime.version() + " (" + System.getProperty("java.vendor") + ")",
        System.getProperty("java.home"),
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        Runtime.getRuntime().availableProcessors(),
        memory(),
        Runtime.getRuntime().maxMemory(),
        isVectorModuleOn(),
        readCpuFeatures(),
        List.of(backend("cpu"), backend("cuda"), backend("reference")),
        List.of(tokenizerLibrary(store), hubCache(store)),
        store.list().stream().map(Diagnosis::model).toList());
  }

  private static long memory() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? system.getTotalMemorySize()
        : -1;
  }

  /** The launcher adds the module to the running JVM, where the boot layer does not show it. */
  private static boolean isVectorModuleOn() {
    try {
      Class.forName("jdk.incubator.vector.FloatVector", false, ClassLoader.getSystemClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  private static List<String> readCpuFeatures() {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      List<String> all =
          lines
              .filter(line -> line.startsWith("flags") || line.startsWith("Features"))
              .findFirst()
              .map(line -> List.of(line.substring(line.indexOf(':') + 1).strip().split(" ")))
              .orElse(List.of());
      return FEATURES.stream().filter(all::contains).toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static Finding backend(String name) {
    try (Backend backend = Backends.open(name, 0)) {
      String detail = backend.describe();
      String prefix = name + ": ";
      return new Finding(
          name, true, detail.startsWith(prefix) ? detail.substring(prefix.length()) : detail);
    } catch (RuntimeException | LinkageError e) {
      return new Finding(name, false, String.valueOf(e.getMessage()));
    }
  }

  private static Finding tokenizerLibrary(ModelStore store) {
    String name = "tokenizers";
    try (OpenModel model = store.open(ModelStore.BUNDLED.getFirst());
        Tokenizer _ = model.openTokenizer()) {
      return new Finding(name, true, "the native library loads");
    } catch (ModelException | FormatException e) {
      return new Finding(name, false, String.valueOf(e.getMessage()));
    }
  }

  private static Finding hubCache(ModelStore store) {
    Path folder = store.cacheFolder();
    String name = "hub cache";
    if (folder == null) {
      return new Finding(name, false, "there is no home folder to look in");
    }
    return new Finding(name, true, folder + (Files.isDirectory(folder) ? "" : " (does not exist)"));
  }

  private static Finding model(ModelInfo model) {
    String problem = model.problem();
    return problem != null
        ? new Finding(model.name(), false, problem)
        : new Finding(
            model.name(),
            true,
            "%s, %s parameters, %s"
                .formatted(model.architecture(), Numbers.count(model.parameters()), model.dtype()));
  }
}
