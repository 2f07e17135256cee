package dev.diopter.kernels.cpu;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the kernels for this JVM. The only class that names the vector kernels, so that they are
 * loaded after the checks alone, and the only one that catches a linkage error.
 *
 * @param kernels what computes
 * @param reason why it is not the vector kernels although nobody asked for that, or null
 */
record KernelSelection(Kernels kernels, @Nullable String reason) {
  private static final AtomicBoolean WARNED = new AtomicBoolean();
  private static final String VECTOR_BITS = "diopter.vectorBits";
  private static final String CHOICE = "diopter.kernels";

  /**
   * Nanoseconds of one fused multiply-add: tens when interpreted, over 200 when emulated with
   * decimals.
   */
  private static final long SLOW_FMA = 150;

  /**
   * @throws IllegalStateException without fused multiply-add, or if the vector kernels are asked
   *     for and not available
   */
  static KernelSelection select(KernelChoice choice) {
    if (!hasFma()) {
      throw new IllegalStateException(
          "the cpu backend needs fused multiply-add (FMA3 on x86), which this machine or this JVM's"
              + " settings do not offer; the reference backend works without");
    }
    KernelChoice asked = choice == KernelChoice.AUTO ? property() : choice;
    if (asked == KernelChoice.SCALAR) {
      return new KernelSelection(new ScalarKernels(), null);
    }
    forcedVectorBits();
    String reason = obstacle();
    if (asked == KernelChoice.VECTOR) {
      return new KernelSelection(vectors(reason), null);
    }
    if (reason == null) {
      return new KernelSelection(Warming.KERNELS, null);
    }
    warn(reason);
    return new KernelSelection(new ScalarKernels(), reason);
  }

  private static Kernels vectors(@Nullable String obstacle) {
    String reason = obstacle == null ? lateObstacle() : obstacle;
    if (reason != null) {
      throw new IllegalStateException("vector kernels are not available: " + reason);
    }
    return new VectorKernels();
  }

  /** Loads the Vector API, which takes a tenth of a second: later, if at all. */
  private static Kernels vectorsIfPossible() {
    String reason = lateObstacle();
    if (reason != null) {
      warn(reason);
      return new ScalarKernels();
    }
    return new VectorKernels();
  }

  /** Says it once. The logger is not made before, since that takes time. */
  private static void warn(String reason) {
    if (!WARNED.getAndSet(true)) {
      System.getLogger("dev.diopter.kernels.cpu")
          .log(
              System.Logger.Level.WARNING,
              "computing without vectors, many times slower: {0}",
              reason);
    }
  }

  /** The vector width asked for, or 0. */
  static int forcedVectorBits() {
    String value = System.getProperty(VECTOR_BITS, "");
    return switch (value) {
      case "" -> 0;
      case "128", "256", "512" -> Integer.parseInt(value);
      default ->
          throw new IllegalArgumentException(
              "expected %s of 128, 256 or 512, got %s".formatted(VECTOR_BITS, value));
    };
  }

  private static KernelChoice property() {
    String value = System.getProperty(CHOICE, "auto");
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "auto" -> KernelChoice.AUTO;
      case "vector" -> KernelChoice.VECTOR;
      case "scalar" -> KernelChoice.SCALAR;
      default ->
          throw new IllegalArgumentException(
              "expected %s of auto, vector or scalar, got %s".formatted(CHOICE, value));
    };
  }

  /**
   * Asks for a class, since a module that was loaded into the running JVM is not in the boot layer.
   */
  private static boolean hasVectorApi() {
    try {
      Class.forName(
          "jdk.incubator.vector.FloatVector", false, KernelSelection.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  /** Why vector code would not work or would crawl here, or null. */
  private static @Nullable String obstacle() {
    if (!hasVectorApi()) {
      return "the JVM runs without --add-modules jdk.incubator.vector";
    }
    String name = System.getProperty("java.vm.name", "");
    String info = System.getProperty("java.vm.info", "");
    // Only HotSpot's C2 turns vector objects into instructions. C1 alone calls itself
    // emulated-client.
    if (!name.contains("Server VM")
        || info.contains("emulated-client")
        || info.contains("interpreted")) {
      return "the JVM (%s, %s) has no C2 compiler".formatted(name, info);
    }
    return null;
  }

  /** What only shows once the Vector API is loaded. */
  private static @Nullable String lateObstacle() {
    try {
      int bits = VectorShapes.preferredBits();
      return bits < 128 ? "the machine's vectors have %d bits".formatted(bits) : null;
    } catch (LinkageError e) {
      return "the Vector API could not be loaded: " + e;
    }
  }

  /**
   * Whether {@link Math#fma(float, float, float)} is an instruction. There is no property to ask,
   * but the emulation takes a hundred times longer than the interpreter's instruction. The shortest
   * of several runs is judged: a busy machine cannot lengthen all.
   */
  private static boolean hasFma() {
    for (int run = 0; run < 50; run++) {
      long start = System.nanoTime();
      float sum = run;
      for (int i = 0; i < 64; i++) {
        sum = Math.fma(sum, 1.0000001f, 0.1f);
      }
      long nanos = System.nanoTime() - start;
      if (nanos < 64 * SLOW_FMA && sum > 0) { // the sum is used, or the loop could vanish
        return true;
      }
    }
    return false;
  }

  /** One for the JVM, made when it is first wanted. */
  private static final class Warming {
    static final WarmingKernels KERNELS =
        new WarmingKernels(new ScalarKernels(), KernelSelection::vectorsIfPossible);
  }
}
