package dev.diopter.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the server sends and what it refuses, asked over a plain socket as an attacker would. */
class PatternServerTest {
  @TempDir Path parent;
  private final List<String> log = new CopyOnWriteArrayList<>();
  private Path folder;
  private PatternServer server;

  @BeforeEach
  void start() throws IOException {
    folder = Files.createDirectory(parent.resolve("saved"));
    Files.writeString(parent.resolve("secret.json"), "{\"secret\": 1}");
    Files.writeString(folder.resolve("models.jsonl"), "0123456789");
    Files.createDirectories(folder.resolve("m x"));
    Files.createDirectories(folder.resolve(".hidden"));
    Files.writeString(folder.resolve(".hidden/a.json"), "{\"secret\": 1}");
    Files.writeString(folder.resolve("m x/model_cfg.json"), "{}");
    Files.writeString(folder.resolve("index.html"), "<script>alert(1)</script>");
    Files.writeString(folder.resolve("evil.js"), "alert(1)");
    server = PatternServer.start(new ServeOptions(folder, "127.0.0.1", 0, null, log::add));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void get_page_hasAStrictPolicyAndNoScriptOfItsOwn() throws IOException {
    Answer answer = get("/");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("content-security-policy"))
        .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
        .doesNotContain("unsafe");
    assertThat(answer.header("x-content-type-options")).isEqualTo("nosniff");
    assertThat(answer.header("server")).isNull();
    assertThat(answer.text()).contains("Diopter").doesNotContain("alert(1)", "@DIOPTER@", "style=");
    assertThat(answer.text().replaceAll("<script type=\"module\" src=[^>]*></script>", ""))
        .doesNotContain("<script");
  }

  @Test
  void get_everyPartOfThePage_isThere() throws IOException {
    for (String name : PatternsPage.assets().keySet()) {
      assertThat(get("/diopter-page/" + name).status()).as(name).isEqualTo(200);
    }
    assertThat(get("/diopter-page/main.js").header("content-type")).startsWith("text/javascript");
    assertThat(get("/diopter-page/..%2fmain.js").status()).isBetween(400, 404);
  }

  @Test
  void get_dataInside_isSentWithDoubleSlashesToo() throws IOException {
    assertThat(get("//models.jsonl").text()).isEqualTo("0123456789");
    assertThat(get("/m%20x//model_cfg.json").text()).isEqualTo("{}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/../secret.json",
        "/%2e%2e/secret.json",
        "/..%2fsecret.json",
        "/m%20x/../../secret.json",
        "/..%5csecret.json",
        "/%252e%252e/secret.json",
        "/..;/secret.json",
        "/models.jsonl%00.json",
        "/./../secret.json",
        "/evil.js",
        "/m%20x",
        "/m%20x/",
        "/.json",
        "/.hidden/a.json",
        "/nothing.json",
        "/%zz.json",
        "/%c0%ae%c0%ae/secret.json"
      })
  void get_whatMayNotBeSeen_isRefusedInOneLine(String path) throws IOException {
    Answer answer = get(path);
    assertThat(answer.status()).isBetween(400, 404);
    assertThat(answer.text()).doesNotContain("secret\"", "alert(1)").contains("\"error\"");
    assertThat(log).singleElement().asString().doesNotContain("\n");
    assertThat(log.getFirst()).startsWith("refused " + answer.status() + " GET " + path + ": ");
  }

  @Test
  void get_dotsThatStayInside_standForThePathWithout() throws IOException {
    assertThat(get("/m%20x/../models.jsonl").text()).isEqualTo("0123456789");
    assertThat(log).isEmpty();
  }

  @Test
  void get_longTraversal_isLoggedInOneShortLine() throws IOException {
    assertThat(get("/../" + "x".repeat(5000)).status()).isEqualTo(400);
    assertThat(log).singleElement().asString().startsWith("refused 400 GET /../xxx");
    assertThat(log.getFirst()).hasSizeLessThan(500).contains("...: ");
  }

  @Test
  void get_links_areFollowedInsideOnly() throws IOException {
    Files.createSymbolicLink(folder.resolve("out.json"), parent.resolve("secret.json"));
    Files.createSymbolicLink(folder.resolve("up"), parent);
    Files.createSymbolicLink(folder.resolve("in.json"), folder.resolve("m x/model_cfg.json"));
    assertThat(get("/out.json").status()).isEqualTo(403);
    assertThat(get("/up/secret.json").status()).isEqualTo(403);
    assertThat(get("/in.json").status()).isEqualTo(200);
  }

  @Test
  void get_linksToWhatIsHidden_areRefused() throws IOException {
    Files.createSymbolicLink(folder.resolve("seen.json"), folder.resolve(".hidden/a.json"));
    Files.createSymbolicLink(folder.resolve("seen"), folder.resolve(".hidden"));
    for (String path : List.of("/seen.json", "/seen/a.json")) {
      Answer answer = get(path);
      assertThat(answer.status()).as(path).isEqualTo(403);
      assertThat(answer.text()).contains(path + ": leads to a hidden file or folder");
    }
    assertThat(log).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 9, 40, -1, -10})
  void get_svgzThatIsDamaged_isRefusedInOneLine(int length) throws IOException {
    Synthetic.figure(folder, "m", "p", 0, 1);
    Path file = folder.resolve("m/prompts/p/L0/H1/raw.svgz");
    byte[] bytes = Files.readAllBytes(file);
    if (length > 0) {
      Files.write(file, java.util.Arrays.copyOf(bytes, length));
    } else {
      bytes[bytes.length + length] ^= 0x10; // of the size, or of the checksum or the data
      Files.write(file, bytes);
    }
    String path = "/m/prompts/p/L0/H1/raw.svgz";
    for (String taken : List.of("gzip", "identity")) {
      log.clear();
      Answer answer = get(path, "Accept-Encoding: " + taken);
      assertThat(answer.status()).as(taken).isEqualTo(422);
      assertThat(answer.header("content-encoding")).isNull();
      assertThat(answer.header("etag")).isNull();
      assertThat(Json.read("answer", answer.body()).path("error").stringValue())
          .startsWith(path + ": damaged");
      assertThat(log).singleElement().asString().startsWith("refused 422 GET " + path);
    }
  }

  @Test
  void get_svgzThatUnpacksWithoutEnd_isRefused() throws IOException {
    Path file = Files.createDirectories(folder.resolve("m")).resolve("bomb.svgz");
    try (var out = new java.util.zip.GZIPOutputStream(Files.newOutputStream(file))) {
      byte[] piece = new byte[1 << 20];
      for (int i = 0; i < 65; i++) {
        out.write(piece);
      }
    }
    assertThat(get("/m/bomb.svgz", "Accept-Encoding: gzip").status()).isEqualTo(422);
    assertThat(log).singleElement().asString().contains("expected at most 67108864 bytes unpacked");
  }

  @ParameterizedTest
  @ValueSource(strings = {"evil.example", "evil.example:PORT", "127.0.0.1.evil.example:PORT", ""})
  void get_foreignHost_isRefused(String host) throws IOException {
    Answer answer = ask("GET / HTTP/1.1\r\nHost: " + host.replace("PORT", port()));
    assertThat(answer.status()).isEqualTo(host.isEmpty() ? answer.status() : 403);
    assertThat(answer.status()).isIn(400, 403);
    assertThat(log).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT"})
  void get_ownHost_isAnswered(String host) throws IOException {
    String head = "GET / HTTP/1.1\r\nHost: " + host.replace("PORT", port());
    assertThat(ask(head).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"http://evil.example", "null", "https://127.0.0.1:PORT", "http://127.0.0.1:1"})
  void get_foreignOrigin_isRefused(String origin) throws IOException {
    assertThat(get("/models.jsonl", "Origin: " + origin.replace("PORT", port())).status())
        .isEqualTo(403);
    assertThat(get("/models.jsonl", "Origin: http://127.0.0.1:" + port()).status()).isEqualTo(200);
  }

  @Test
  void get_fromAnotherSite_onlyLinksMay() throws IOException {
    String[] link = {
      "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"
    };
    assertThat(get("/", link).status()).isEqualTo(200);
    assertThat(get("/models.jsonl", "Sec-Fetch-Site: cross-site").status()).isEqualTo(403);
    assertThat(get("/models.jsonl", "Sec-Fetch-Site: same-site").status()).isEqualTo(403);
    assertThat(get("/models.jsonl", "Sec-Fetch-Site: same-origin").status()).isEqualTo(200);
  }

  @Test
  void get_sameTag_isNotSentAgain() throws IOException {
    String tag = get("/models.jsonl").header("etag");
    assertThat(get("/models.jsonl", "If-None-Match: " + tag).status()).isEqualTo(304);
    assertThat(get("/models.jsonl", "If-None-Match: \"x\", W/" + tag).status()).isEqualTo(304);
    assertThat(get("/models.jsonl", "If-None-Match: \"x\"").status()).isEqualTo(200);
    Files.writeString(folder.resolve("models.jsonl"), "another");
    assertThat(get("/models.jsonl", "If-None-Match: " + tag).text()).isEqualTo("another");
    String page = get("/diopter-page/main.js").header("etag");
    assertThat(get("/diopter-page/main.js", "If-None-Match: " + page).status()).isEqualTo(304);
  }

  @Test
  void get_sameTag_saysNoLength() throws IOException {
    for (String path : List.of("/models.jsonl", "/diopter-page/main.js")) {
      String tag = get(path).header("etag");
      for (String method : List.of("GET ", "HEAD ")) {
        String line = method + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + port();
        Answer answer = ask(line + "\r\nIf-None-Match: " + tag);
        assertThat(answer.status()).isEqualTo(304);
        assertThat(answer.header("etag")).isEqualTo(tag);
        assertThat(answer.headers()).doesNotContainKeys("content-length", "transfer-encoding");
        assertThat(answer.body()).isEmpty();
      }
    }
    // The connection goes on behind it.
    String tag = get("/models.jsonl").header("etag");
    String head = "GET /models.jsonl HTTP/1.1\r\nHost: 127.0.0.1:" + port();
    Answer two = ask(head + "\r\nIf-None-Match: " + tag + "\r\n\r\n" + head);
    assertThat(two.status()).isEqualTo(304);
    assertThat(two.text()).startsWith("HTTP/1.1 200").endsWith("0123456789");
  }

  @Test
  void head_withARange_isOfTheWhole() throws IOException {
    for (String range : List.of("bytes=2-4", "bytes=99-")) {
      Answer head =
          ask("HEAD /models.jsonl HTTP/1.1\r\nHost: 127.0.0.1:" + port() + "\r\nRange: " + range);
      assertThat(head.status()).isEqualTo(200);
      assertThat(head.header("content-length")).isEqualTo("10");
      assertThat(head.header("content-range")).isNull();
    }
  }

  @Test
  void get_range_isSentAlone() throws IOException {
    Answer middle = get("/models.jsonl", "Range: bytes=2-4");
    assertThat(middle.status()).isEqualTo(206);
    assertThat(middle.text()).isEqualTo("234");
    assertThat(middle.header("content-range")).isEqualTo("bytes 2-4/10");
    assertThat(get("/models.jsonl", "Range: bytes=-3").text()).isEqualTo("789");
    assertThat(get("/models.jsonl", "Range: bytes=7-").text()).isEqualTo("789");
    assertThat(get("/models.jsonl", "Range: bytes=-99").text()).isEqualTo("0123456789");
    assertThat(get("/models.jsonl", "Range: bytes=8-99").text()).isEqualTo("89");
  }

  @Test
  void get_rangeThatIsNone_isRefusedOrPassedOver() throws IOException {
    Answer behind = get("/models.jsonl", "Range: bytes=10-");
    assertThat(behind.status()).isEqualTo(416);
    assertThat(behind.header("content-range")).isEqualTo("bytes */10");
    assertThat(get("/models.jsonl", "Range: bytes=-0").status()).isEqualTo(416);
    for (String whole : List.of("bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=x-")) {
      assertThat(get("/models.jsonl", "Range: " + whole).status()).as(whole).isEqualTo(200);
    }
    assertThat(get("/models.jsonl", "Range: bytes=0-1", "If-Range: \"old\"").status())
        .isEqualTo(200);
  }

  @Test
  void get_svgz_isAnSvgThatTheTransferCompresses() throws IOException {
    Synthetic.figure(folder, "m", "p", 0, 1);
    String path = "/m/prompts/p/L0/H1/raw.svgz";
    Answer packed = get(path, "Accept-Encoding: gzip, br");
    assertThat(packed.header("content-type")).isEqualTo("image/svg+xml");
    assertThat(packed.header("content-encoding")).isEqualTo("gzip");
    assertThat(packed.header("vary")).contains("Accept-Encoding");
    try (InputStream in = new GZIPInputStream(new java.io.ByteArrayInputStream(packed.body()))) {
      assertThat(new String(in.readAllBytes(), StandardCharsets.UTF_8)).startsWith("<svg");
    }
    Answer plain = get(path, "Accept-Encoding: gzip;q=0");
    assertThat(plain.header("content-encoding")).isNull();
    assertThat(plain.header("etag")).isNotEqualTo(packed.header("etag"));
    assertThat(new String(plain.body(), StandardCharsets.UTF_8)).contains("<svg");
    Files.writeString(folder.resolve("m/plain.svgz"), "<svg/>");
    assertThat(get("/m/plain.svgz", "Accept-Encoding: gzip").text()).isEqualTo("<svg/>");
  }

  @Test
  void head_andOtherMethods() throws IOException {
    Answer head = ask("HEAD /models.jsonl HTTP/1.1\r\nHost: 127.0.0.1:" + port());
    assertThat(head.status()).isEqualTo(200);
    assertThat(head.header("content-length")).isEqualTo("10");
    assertThat(head.body()).isEmpty();
    Answer delete = ask("DELETE /models.jsonl HTTP/1.1\r\nHost: 127.0.0.1:" + port());
    assertThat(delete.status()).isEqualTo(405);
    assertThat(delete.header("allow")).isEqualTo("GET, HEAD");
    assertThat(folder.resolve("models.jsonl")).exists();
  }

  @Test
  void get_tooLongAHead_isRefused() throws IOException {
    assertThat(get("/models.jsonl", "X-Long: " + "x".repeat(20_000)).status()).isEqualTo(431);
    assertThat(log).hasSize(1);
  }

  @Test
  void api_withoutAModel_saysHowToGetOne() throws IOException {
    Answer answer = get("/api/run");
    assertThat(answer.status()).isEqualTo(404);
    assertThat(Json.read("answer", answer.body()).path("error").stringValue()).contains("--model");
  }

  @Test
  void start_portTaken_saysSo() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      ServeOptions options =
          new ServeOptions(folder, "127.0.0.1", taken.getLocalPort(), null, log::add);
      assertThatThrownBy(() -> PatternServer.start(options))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("port " + taken.getLocalPort())
          .hasMessageContaining("--port");
    }
  }

  @Test
  void start_modelThatFails_freesThePort() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    ServeOptions options = new ServeOptions(folder, "127.0.0.1", port, null, log::add);
    assertThatThrownBy(() ->
            PatternServer.start(
                options,
                () -> {
                  throw new FormatException("no such model");
                }))
        .hasMessage("no such model");
    PatternServer.start(options).close();
  }

  @Test
  void export_folderThatIsNotThere_isRefusedAndNotMade() {
    Path none = folder.resolve("none");
    assertThatThrownBy(() -> PatternsPage.export(none))
        .isInstanceOf(FormatException.class)
        .hasMessage(none + ": expected a folder of saved patterns, found nothing");
    assertThat(none).doesNotExist();
  }

  @Test
  void start_noFolder_saysSo() {
    ServeOptions options = new ServeOptions(folder.resolve("none"), "127.0.0.1", 0, null, log::add);
    assertThatThrownBy(() -> PatternServer.start(options))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("expected a folder of saved patterns, found nothing");
  }

  @Test
  void close_twice_isHarmlessAndFreesThePort() throws IOException {
    int port = server.uri().getPort();
    server.close();
    server.close();
    PatternServer.start(new ServeOptions(folder, "127.0.0.1", port, null, log::add)).close();
  }

  private String port() {
    return Integer.toString(server.uri().getPort());
  }

  private Answer get(String path, String... headers) throws IOException {
    StringBuilder head =
        new StringBuilder("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + port());
    for (String header : headers) {
      head.append("\r\n").append(header);
    }
    return ask(head.toString());
  }

  private Answer ask(String head) throws IOException {
    return Answer.of(server.uri().getPort(), head + "\r\nConnection: close\r\n\r\n", new byte[0]);
  }
}
