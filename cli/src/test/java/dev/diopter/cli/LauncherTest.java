package dev.diopter.cli;

import static java.nio.file.attribute.PosixFilePermissions.fromString;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script, with a JDK and a Maven that only write down what they are asked. */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
  private static final Path SCRIPT =
      Path.of(System.getProperty("diopter.root", "..")).resolve("diopter");

  @TempDir Path temp;
  private Path root;
  private Path jdk;
  private Path mavenCalls;

  @BeforeEach
  void makeWorld() throws IOException {
    root = Files.createDirectories(temp.resolve("a root"));
    Files.copy(SCRIPT, root.resolve("diopter"));
    Files.createDirectories(root.resolve("cli/src/main/java"));
    Files.writeString(root.resolve("pom.xml"), "");
    Files.writeString(root.resolve("cli/pom.xml"), "");
    jdk = fakeJdk("jdk 25", "25.0.3");
    mavenCalls = temp.resolve("maven-calls");
    program(
        temp.resolve("bin/mvn"),
        """
        echo call >>'%s'
        for word; do case $word in -Ddiopter.target=*) out=cli/${word#*=} ;; esac; done
        [ ! -e broken ] || { echo '[ERROR] no such symbol'; exit 1; }
        mkdir -p "$out/lib" && echo jar >"$out/diopter-cli-1.jar"
        """
            .formatted(mavenCalls));
  }

  @Test
  void launcher_firstUse_buildsOnceAndPassesTheWordsOn() throws Exception {
    Result first = launch("run", "two words", "");
    assertThat(first.code()).isZero();
    assertThat(first.errors()).isEqualTo("Building Diopter (first use)...\n");
    assertThat(first.output()).endsWith("<run>\n<two words>\n<>\n");
    assertThat(first.output()).contains("<-jar>\n<" + root.toRealPath() + "/target/diopter/build-");

    String home = System.getenv("HOME");
    if (home != null && !home.isEmpty()) {
      assertThat(first.output()).contains("<-Duser.home=" + home + ">\n");
    }
    Result second = launch("run");
    assertThat(second.errors()).isEmpty();
    assertThat(second.output()).contains("/diopter.jsa>\n<-jar>");
    assertThat(mavenCalls).hasContent("call");
    assertThat(root.resolve("cli/target")).isEmptyDirectory();
  }

  @Test
  void launcher_sourceNewerThanBuild_buildsAgain() throws Exception {
    launch();
    Path source = Files.writeString(root.resolve("cli/src/main/java/New.java"), "");
    Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(5)));
    assertThat(launch().errors()).isEqualTo("Building Diopter (sources changed)...\n");
    assertThat(mavenCalls).hasContent("call\ncall");
  }

  @Test
  void launcher_startedManyTimesAtOnce_buildsOnce() throws Exception {
    List<Process> starts = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      starts.add(start(root.resolve("diopter"), Map.of(), "x"));
    }
    for (Process process : starts) {
      assertThat(process.waitFor()).isZero();
    }
    assertThat(mavenCalls).hasContent("call");
  }

  @Test
  void launcher_lockOfADeadProcess_isTakenOver() throws Exception {
    Process gone = new ProcessBuilder("true").start();
    gone.waitFor();
    Path builds = Files.createDirectories(root.resolve("target/diopter"));
    Files.createSymbolicLink(builds.resolve("lock"), Path.of(Long.toString(gone.pid())));
    assertThat(launch().code()).isZero();
    assertThat(builds.resolve("lock")).doesNotExist();
  }

  @Test
  void launcher_buildFails_showsWhyAndLeavesNothing() throws Exception {
    Files.writeString(root.resolve("broken"), "");
    Result result = launch();
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.output()).isEmpty();
    assertThat(result.errors())
        .contains("[ERROR] no such symbol\n")
        .endsWith(
            "diopter: the build failed, see " + root.toRealPath() + "/target/diopter/build.log\n");
    Files.delete(root.resolve("broken"));
    assertThat(launch().code()).isZero();
  }

  @Test
  void launcher_calledThroughLinks_findsItsRoot() throws Exception {
    Path inner = Files.createSymbolicLink(temp.resolve("inner"), root.resolve("diopter"));
    Path outer = Files.createSymbolicLink(temp.resolve("outer"), inner.getFileName());
    Process process = start(outer, Map.of(), "x");
    assertThat(process.waitFor()).isZero();
  }

  @Test
  void launcher_javaHomeOfAnotherVersion_isPassedOver() throws Exception {
    Path old = fakeJdk("jdk 24", "24.0.1");
    String path = jdk.resolve("bin") + ":" + temp.resolve("bin") + ":/usr/bin:/bin";
    Process process =
        start(root.resolve("diopter"), Map.of("JAVA_HOME", old.toString(), "PATH", path), "x");
    assertThat(new String(process.getInputStream().readAllBytes()))
        .startsWith("<" + jdk.toRealPath() + ">");
    assertThat(process.waitFor()).isZero();
  }

  @Test
  void launcher_optionsForTheJvm_comeLastAndMayChooseACollector() throws Exception {
    assertThat(launch().output()).contains("<-XX:+UseSerialGC>\n");
    Process process =
        start(root.resolve("diopter"), Map.of("DIOPTER_JAVA_OPTIONS", "-XX:+UseZGC -Da=b"), "x");
    assertThat(new String(process.getInputStream().readAllBytes()))
        .contains("<-XX:+UseZGC>\n<-Da=b>\n")
        .doesNotContain("UseSerialGC");
  }

  @Test
  void launcher_heap_isASizeOrAnError() throws Exception {
    launch();
    Process good = start(root.resolve("diopter"), Map.of("DIOPTER_HEAP", "3g"), "x");
    assertThat(new String(good.getInputStream().readAllBytes())).contains("<-Xmx3g>\n");
    for (String bad : List.of("3gb", "g", "-3g", "3 g")) {
      Process process = start(root.resolve("diopter"), Map.of("DIOPTER_HEAP", bad), "x");
      assertThat(new String(process.getErrorStream().readAllBytes()))
          .isEqualTo(
              "diopter: DIOPTER_HEAP: expected a size such as 4g or 800m, found '" + bad + "'\n");
      assertThat(process.waitFor()).isEqualTo(2);
    }
  }

  private record Result(int code, String output, String errors) {}

  private Result launch(String... words) throws Exception {
    Process process = start(root.resolve("diopter"), Map.of(), words);
    String output = new String(process.getInputStream().readAllBytes());
    String errors = new String(process.getErrorStream().readAllBytes());
    return new Result(process.waitFor(), output, errors);
  }

  private Process start(Path script, Map<String, String> environment, String... words)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", script.toString()));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command).directory(temp.toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("DIOPTER_"));
    builder.environment().put("JAVA_HOME", jdk.toString());
    builder.environment().put("PATH", temp.resolve("bin") + ":/usr/bin:/bin");
    builder.environment().putAll(environment);
    return builder.start();
  }

  private Path fakeJdk(String name, String version) throws IOException {
    Path home = Files.createDirectories(temp.resolve(name));
    program(
        home.resolve("bin/java"),
        """
        echo '<%s>'
        printf '<%%s>\\n' "$@"
        for word; do case $word in -XX:ArchiveClassesAtExit=*) : >"${word#*=}" ;; esac; done
        """
            .formatted(home.toRealPath()));
    program(home.resolve("bin/javac"), "");
    Files.writeString(
        home.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    return home;
  }

  private static void program(Path file, String body) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + body);
    Files.setPosixFilePermissions(file, fromString("rwxr-xr-x"));
  }
}
