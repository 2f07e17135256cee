package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.formats.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PatternsServeCommandTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"", "demo-gpt2"})
  void serve_untilInterrupted_answersAndEndsWithZero(String model) throws Exception {
    PipedInputStream lines = new PipedInputStream();
    List<String> line = new ArrayList<>(List.of("patterns", "serve", "--port", "0", "-s"));
    line.add(folder.toString());
    if (!model.isEmpty()) {
      line.addAll(List.of("--model", model));
    }
    String[] words = line.toArray(String[]::new);
    try (PipedOutputStream out = new PipedOutputStream(lines)) {
      Screen screen =
          Screen.of(InputStream.nullInputStream(), out, OutputStream.nullOutputStream());
      FutureTask<Integer> code = new FutureTask<>(() -> Main.run(words, screen));
      Thread thread = Thread.ofPlatform().start(code);
      BufferedReader reader =
          new BufferedReader(new InputStreamReader(lines, StandardCharsets.UTF_8));
      String address = reader.readLine().replaceAll(".* at ", "");
      assertThat(address).startsWith("http://127.0.0.1:");
      try (HttpClient client = HttpClient.newHttpClient()) {
        HttpResponse<String> page =
            client.send(
                HttpRequest.newBuilder(URI.create(address)).build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(page.body()).contains("Diopter").contains("&quot;live&quot;:");
        assertThat(page.body().contains("&quot;model_name&quot;:&quot;demo-gpt2&quot;"))
            .isEqualTo(!model.isEmpty());
      }
      thread.interrupt();
      assertThat(code.get()).isZero();
    }
  }

  /** As a user starts it: another process, of which only the streams and the port are known. */
  @Test
  void serve_asAProcess_sendsThePageAndEndsByASignal() throws Exception {
    Files.writeString(folder.resolve("models.jsonl"), "");
    Files.writeString(folder.resolve("secret.json"), "{}");
    Path served = Files.createDirectory(folder.resolve("served"));
    Process process =
        Processes.diopter(folder, "patterns", "serve", "-s", served.toString(), "--port", "0");
    try (BufferedReader out = process.inputReader();
        HttpClient client = HttpClient.newHttpClient()) {
      String first = CompletableFuture.supplyAsync(() -> line(out)).get(60, TimeUnit.SECONDS);
      assertThat(first).startsWith("serving " + served + " at http://127.0.0.1:");
      URI address = URI.create(first.replaceAll(".* at ", ""));
      HttpResponse<String> page = get(client, address);
      assertThat(page.statusCode()).isEqualTo(200);
      assertThat(page.body()).contains("<title>Diopter patterns</title>");
      assertThat(get(client, address.resolve("diopter-page/main.js")).body()).contains("GridView");
      assertThat(get(client, URI.create(address + "../secret.json")).statusCode()).isEqualTo(400);
      process.toHandle().destroy(); // Process.destroy would close the streams too.
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
      assertThat(process.errorReader().lines().toList())
          .singleElement()
          .asString()
          .startsWith("refused 400 GET /../secret.json: ");
    } finally {
      process.destroyForcibly();
    }
  }

  private static String line(BufferedReader reader) {
    try {
      return String.valueOf(reader.readLine());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static HttpResponse<String> get(HttpClient client, URI address) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(address).timeout(Duration.ofSeconds(60)).build();
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void serve_portTaken_isOneLine() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());
      Cli.Ran ran = Cli.run("patterns", "serve", "-s", folder.toString(), "--port", port).failed(1);
      assertThat(ran.err()).contains("port " + port, "--port");
    }
  }

  /** The model would be told next: it is not there. */
  @Test
  void serve_portTaken_isToldBeforeTheModel() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());
      String[] words = {
        "patterns", "serve", "-s", folder + "", "-m", folder + "/no", "--port", port
      };
      assertThat(Cli.run(words).failed(1).err()).contains("port " + port);
    }
    Path file = Files.writeString(folder.resolve("file"), "");
    String[] words = {"patterns", "serve", "-s", file + "", "-m", folder + "/no", "--port", "0"};
    assertThat(Cli.run(words).failed(1).err()).contains("found a file");
  }

  @Test
  void serve_wrongUsage_isOneLine() {
    assertThat(Cli.run("patterns", "serve", "--port", "70000").failed(2).err()).contains("65535");
    assertThat(Cli.run("patterns", "serve", "--export", "-m", "x").failed(2).err())
        .contains("--model");
    assertThat(Cli.run("patterns", "serve", "-s", folder + "/none").failed(1).err())
        .contains("found nothing");
  }

  @Test
  void export_intoNoFolder_isRefusedAndMakesNone() {
    String none = folder + "/none";
    assertThat(Cli.run("patterns", "serve", "--export", "-s", none).failed(1).err())
        .contains(none + ": expected a folder of saved patterns, found nothing");
    assertThat(Path.of(none)).doesNotExist();
  }

  @Test
  void export_writesThePage_andReplacesNoOther() throws Exception {
    String[] words = {"patterns", "serve", "--export", "--json", "-s", folder.toString()};
    Cli.Ran ran = Cli.run(words).isClean();
    int files = Json.read("out", ran.out()).path("files").intValue();
    assertThat(files).isGreaterThan(15);
    assertThat(folder.resolve("diopter-page/main.js")).exists();
    Cli.run(words).isClean();
    Files.writeString(folder.resolve("index.html"), "<title>mine</title>");
    assertThat(Cli.run(words).failed(1).err()).contains("another");
    assertThat(folder.resolve("index.html")).hasContent("<title>mine</title>");
  }
}
