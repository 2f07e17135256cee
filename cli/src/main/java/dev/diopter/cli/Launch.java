package dev.diopter.cli;

/**
 * Turns the Vector API on, then runs {@link Main}.
 *
 * <p>The API is an incubator module. Named on the JVM's command line ({@code --add-modules}) it
 * makes every start print a warning before any code of ours runs. Loaded from here, by the way in
 * which the JDK itself loads modules into a running JVM, it does not, the compiler treats it the
 * same, and the JVM may use its archived module graph. The manifest of this module's jar opens that
 * way ({@code Add-Exports}). Started with the usual flag instead, this class has nothing to do.
 */
final class Launch {
  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  private Launch() {}

  public static void main(String[] arguments) throws Exception {
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      loadVectorModule();
    }
    Main.main(arguments);
  }

  /** Without the module the CPU backend's scalar kernels stand in, with the same results. */
  private static void loadVectorModule() {
    try {
      Class.forName("jdk.internal.module.Modules")
          .getMethod("loadModule", String.class)
          .invoke(null, VECTOR_MODULE);
    } catch (ReflectiveOperationException e) {
      System.err.println("diopter: the Vector API is not available, scalar kernels stand in: " + e);
    }
  }
}
