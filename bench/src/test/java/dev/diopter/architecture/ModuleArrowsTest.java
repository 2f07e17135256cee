package dev.diopter.architecture;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.Test;

/** The arrows between the modules, and the fences around what is special to one of them. */
class ModuleArrowsTest {
  private static final JavaClasses DIOPTER =
      new ClassFileImporter()
          .withImportOption(location -> !location.contains("/test-classes/"))
          .importPackages("dev.diopter");

  private static final String KERNELS = "dev.diopter.kernels..";
  private static final String FORMATS = "dev.diopter.formats..";
  private static final String MODELS = "dev.diopter.models..";
  private static final String ENGINE = "dev.diopter.engine..";
  private static final String LENS = "dev.diopter.lens..";
  private static final String WEB = "dev.diopter.web..";
  private static final String CLI = "dev.diopter.cli..";
  private static final String BENCH = "dev.diopter.bench..";

  @Test
  void everyModuleIsSeen() {
    for (String module : new String[] {KERNELS, FORMATS, MODELS, ENGINE, LENS, WEB, CLI, BENCH}) {
      assertThat(DIOPTER.that(resideInAPackage(module))).as(module).isNotEmpty();
    }
  }

  @Test
  void kernels_useTheJdkAndJcudaOnly() {
    hold(
        classes()
            .that()
            .resideInAPackage(KERNELS)
            .should()
            .onlyDependOnClassesThat(
                resideInAnyPackage(KERNELS, "java..", "jdk.incubator.vector..", "jcuda..")
                    .or(annotationsOfNullness())));
  }

  @Test
  void formats_knowNothingOfOtherPackages() {
    mayUse(FORMATS, FORMATS);
  }

  @Test
  void models_knowFormatsOnly() {
    mayUse(MODELS, MODELS, FORMATS);
  }

  @Test
  void engine_knowsKernelsAndModels() {
    mayUse(ENGINE, ENGINE, KERNELS, MODELS, FORMATS);
  }

  @Test
  void lens_usesTheEnginesPublicApi() {
    mayUse(LENS, LENS, ENGINE, MODELS, FORMATS);
    hold(
        noClasses()
            .that()
            .resideInAPackage(LENS)
            .should()
            .dependOnClassesThat()
            .resideInAPackage("..internal.."));
  }

  @Test
  void web_knowsLensAndWhatIsBelow() {
    mayUse(WEB, WEB, LENS, ENGINE, MODELS, FORMATS);
  }

  @Test
  void jetty_staysInWeb() {
    fence("org.eclipse.jetty..", WEB);
  }

  @Test
  void cli_doesNotKnowBench() {
    mayUse(CLI, CLI, WEB, LENS, ENGINE, KERNELS, MODELS, FORMATS);
  }

  @Test
  void theVectorApi_staysInTheCpuBackend() {
    fence("jdk.incubator..", "dev.diopter.kernels.cpu..");
  }

  @Test
  void jcuda_staysInTheCudaBackend() {
    fence("jcuda..", "dev.diopter.kernels.cuda..");
  }

  @Test
  void theTokenizerLibrary_staysInModels() {
    fence("ai.djl..", MODELS);
  }

  @Test
  void picocli_staysInTheCommandLine() {
    fence("picocli..", CLI);
  }

  @Test
  void unsafe_isNotUsed() {
    fence("sun..", "nowhere");
  }

  @Test
  void onlyTheCommandLine_ownsTheStandardStreams() {
    hold(
        noClasses()
            .that()
            .resideInAnyPackage(KERNELS, FORMATS, MODELS, ENGINE, LENS, WEB)
            .should()
            .accessField(System.class, "out")
            .orShould()
            .accessField(System.class, "err")
            .orShould()
            .callMethod(Throwable.class, "printStackTrace"));
  }

  /** Classes of {@code module} depend on no package of Diopter but the {@code allowed} ones. */
  private static void mayUse(String module, String... allowed) {
    hold(
        noClasses()
            .that()
            .resideInAPackage(module)
            .should()
            .dependOnClassesThat(
                resideInAPackage("dev.diopter..")
                    .and(DescribedPredicate.not(resideInAnyPackage(allowed)))));
  }

  /** Only classes of {@code inside} depend on {@code what}. */
  private static void fence(String what, String inside) {
    hold(
        noClasses()
            .that()
            .resideOutsideOfPackage(inside)
            .should()
            .dependOnClassesThat()
            .resideInAPackage(what));
  }

  private static DescribedPredicate<JavaClass> annotationsOfNullness() {
    return resideInAPackage("org.jspecify..");
  }

  private static void hold(ArchRule rule) {
    rule.allowEmptyShould(true).check(DIOPTER);
  }
}
