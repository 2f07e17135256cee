package dev.diopter.web;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Download;
import com.microsoft.playwright.Page;
import dev.diopter.engine.Model;
import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import dev.diopter.lens.attention.AttentionExport;
import dev.diopter.lens.attention.HeadScores;
import dev.diopter.lens.attention.HeadTable;
import dev.diopter.lens.attention.OvCircuit;
import dev.diopter.lens.attention.RepeatedSequence;
import dev.diopter.lens.attention.Sampling;
import dev.diopter.lens.attention.SinkSet;
import dev.diopter.lens.patterns.PatternIndex;
import dev.diopter.lens.patterns.PatternPrompt;
import dev.diopter.lens.patterns.PatternRecorder;
import dev.diopter.lens.patterns.PatternStore;
import dev.diopter.lens.patterns.RecorderOptions;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The page in a real browser, on made-up patterns and on a live model. */
class PageTest {
  private static final String PLACE = "model-0|prompt01|1|2";

  @TempDir Path folder;
  private final List<String> log = new CopyOnWriteArrayList<>();
  private Browser browser;

  @BeforeEach
  void open() {
    browser = Browser.open();
  }

  @AfterEach
  void close() {
    browser.close();
  }

  @Test
  void grid_showsEveryHead_andOpensOne() throws IOException {
    Synthetic.write(folder, 2, 2, 2, 3, 12);
    try (PatternServer server = serve(null)) {
      Page page = browser.page(server.uri());
      assertThat(page.locator(".summary").first()).hasText("24 patterns");
      assertThat(page.locator(".cell canvas")).hasCount(24);
      assertThat(page.locator(".title").first()).containsText("<b onclick");
      page.locator("[data-key='" + PLACE + "']").click();
      assertThat(page.locator("#tab-head")).hasAttribute("aria-selected", "true");
      assertThat(page.locator(".strip .token")).hasCount(12);
      assertThat(page.locator(".strip .token").first()).hasText("[BOS]");
    }
    assertThat(log).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void page_folderOfTheOriginal_isShown(String name) {
    Path root = Path.of(System.getProperty("diopter.root"));
    Path saved = root.resolve("fixtures/lens-cases/" + name + "/pattern-lens/attn_data");
    try (PatternServer server =
        PatternServer.start(new ServeOptions(saved, ServeOptions.LOOPBACK, 0, null, log::add))) {
      Page page = browser.page(server.uri());
      assertThat(page.locator(".summary").first()).hasText("48 patterns");
      page.locator(".cell").first().click();
      assertThat(page.locator(".strip .token").first()).hasText("[BOS]");
      page.locator(".strip .token").nth(3).hover();
      assertThat(page.locator("#weight")).isVisible();
      // Its figures too, which it wrote as PNG.
      Page figures = browser.page(at(server, "figure=raw"));
      assertThat(figures.locator(".cell img").first()).isVisible();
      Page table = browser.page(at(server, "view=table"));
      assertThat(table.locator("table.scores tbody tr")).hasCount(24);
    }
    assertThat(log).isEmpty();
  }

  @Test
  void grid_keys_moveAndOpen() throws IOException {
    Synthetic.write(folder, 1, 1, 2, 3, 8);
    try (PatternServer server = serve(null)) {
      Page page = browser.page(server.uri());
      page.locator(".cell").first().focus();
      page.keyboard().press("ArrowRight");
      page.keyboard().press("ArrowDown");
      assertThat(page.locator(".cell:focus")).hasAttribute("data-key", "model-0|prompt00|1|1");
      page.keyboard().press("Enter");
      assertThat(page.locator("#tab-head")).hasAttribute("aria-selected", "true");
      page.keyboard().press("l");
      assertThat(page.locator(".place select").last()).hasValue("2");
      page.keyboard().press("?");
      assertThat(page.locator("dialog")).containsText("light or dark");
    }
  }

  @Test
  void head_hoverAndLock_giveTheFilesNumbers() throws IOException {
    Synthetic.write(folder, 1, 2, 2, 3, 12);
    try (PatternServer server = serve(null)) {
      Page page = browser.page(at(server, "view=head&at=" + PLACE));
      page.locator(".strip .token").nth(7).hover();
      String weight = page.locator("#weight").textContent();
      float largest = 0;
      float[] values;
      try (dev.diopter.formats.Npz npz =
          dev.diopter.formats.Npz.open(
              folder.resolve("model-0/prompts/prompt01/activations.npz"))) {
        values = npz.read("blocks.1.attn.hook_pattern").floats();
      }
      for (int k = 0; k < 12; k++) {
        largest = Math.max(largest, values[(2 * 12 + 7) * 12 + k]);
      }
      assertThat(Float.parseFloat(weight))
          .isCloseTo(largest, org.assertj.core.data.Offset.offset(1e-6f));
      page.locator(".strip .token").nth(7).click();
      assertThat(page.locator(".lock")).isVisible();
      page.locator(".strip .token").nth(3).hover();
      assertThat(page.locator(".token.chosen"))
          .hasText(page.locator(".token").nth(7).textContent());
      page.keyboard().press("Escape");
      assertThat(page.locator(".lock")).hasCount(0);
      page.locator(".heat").first().hover();
      assertThat(page.locator("#weight")).isVisible();
    }
  }

  @Test
  void permalink_restoresTheWholeView() throws IOException {
    Synthetic.write(folder, 2, 3, 2, 3, 12);
    try (PatternServer server = serve(null)) {
      Page page = browser.page(server.uri());
      page.locator("#sidebar input[type=checkbox]").nth(1).uncheck();
      page.locator(".heads input").first().fill("L0H1-2,L1H*");
      page.keyboard().press("Tab");
      page.locator("[data-key='" + PLACE + "']").click();
      page.locator("#tools select").first().selectOption("log");
      page.locator("#tools select").nth(1).selectOption("viridis");
      page.locator(".strip .token").nth(9).click();
      page.locator("#theme").click();
      page.locator("#link").click();
      Page again = browser.page(URI.create(page.url()));
      assertThat(again.locator(".lock")).isVisible();
      assertThat(again.locator("html")).hasAttribute("data-theme", "dark");
      assertThat(again.locator("#tools select").first()).hasValue("log");
      assertThat(again.locator("#tools select").nth(1)).hasValue("viridis");
      for (String part : List.of("#readout", ".best", "#sidebar", "#view-head .place")) {
        assertThat(again.locator(part)).hasText(page.locator(part).textContent());
      }
      assertThat(again.evaluate("document.querySelector('.heat canvas').toDataURL()"))
          .isEqualTo(page.evaluate("document.querySelector('.heat canvas').toDataURL()"));
      again.keyboard().press("1");
      assertThat(again.locator(".summary").first()).hasText("15 patterns");
    }
  }

  @Test
  void compare_showsTheSignedDifference() throws IOException {
    Synthetic.write(folder, 1, 2, 2, 3, 12);
    try (PatternServer server = serve(null)) {
      String link = "view=compare&at=" + PLACE + "&against=model-0|prompt01|1|0&q=7&k=6&lock=true";
      Page page = browser.page(at(server, link));
      List<String> numbers = page.locator("#readout .number").allTextContents();
      float difference = Float.parseFloat(numbers.get(0)) - Float.parseFloat(numbers.get(1));
      assertThat(Float.parseFloat(numbers.get(2)))
          .isCloseTo(difference, org.assertj.core.data.Offset.offset(2e-6f));
      page.locator(".swap").click();
      assertThat(page.locator("#difference"))
          .hasText(
              numbers.get(2).startsWith("-") ? numbers.get(2).substring(1) : "-" + numbers.get(2));
    }
  }

  @Test
  void table_sorts_andTakesTheColumnsOfTheHeadsFile() throws IOException {
    Synthetic.write(folder, 1, 2, 2, 4, 12);
    Files.writeString(
        folder.resolve("model-0/heads.json"),
        "{\"heads\": [{\"layer\": 0, \"head\": 3, \"copying\": 0.5}]}");
    try (PatternServer server = serve(null)) {
      Page page = browser.page(at(server, "view=table"));
      page.locator("[data-sort=previous_token]").click();
      assertThat(page.locator("[data-head]").first()).hasText("L0H0");
      assertThat(page.locator("th[aria-sort=descending]")).containsText("Previous");
      page.locator("[data-sort=copying]").click();
      assertThat(page.locator("[data-head]").first()).hasText("L0H3");
    }
  }

  @Test
  void table_headsOfTheCommand_giveTheCopyingColumn() throws IOException {
    try (OpenModel stored = ModelStore.system().open("demo-gpt2");
        Model model = Model.open("demo-gpt2")) {
      PatternStore store = new PatternStore(folder);
      PatternRecorder recorder =
          new PatternRecorder(model, store.model("demo-gpt2"), RecorderOptions.DEFAULT.bos(true));
      recorder.record(PatternPrompt.of("Mary and John went to the store"));
      PatternIndex.prompts(store.model("demo-gpt2"));
      PatternIndex.models(store);
      List<HeadScores> heads =
          HeadTable.of(
              model,
              RepeatedSequence.random(model, 20, 0),
              null,
              Sampling.DEFAULT,
              SinkSet.FIRST,
              OvCircuit.copyingScores(stored, _ -> {}),
              _ -> {});
      var object = Json.object();
      object.set("heads", AttentionExport.array(heads));
      Json.write(object, folder.resolve("demo-gpt2/heads.json"), true);
      try (PatternServer server = serve(null)) {
        Page page = browser.page(at(server, "view=table&sort=copying&down=true"));
        HeadScores best = HeadScores.Column.COPYING.sorted(heads).getFirst();
        assertThat(page.locator("[data-head]").first()).hasText(best.head().toString());
        assertThat(page.locator("tbody tr").first().locator("td").last())
            .containsText("%.4f".formatted(best.copying()));
      }
    }
  }

  @Test
  void export_savesWhatIsShown() throws IOException {
    Synthetic.write(folder, 1, 2, 2, 3, 12);
    try (PatternServer server = serve(null)) {
      for (String view : List.of("head", "compare", "grid", "table")) {
        Page page = browser.page(at(server, "view=" + view + "&at=" + PLACE));
        page.locator(
                view.equals("grid")
                    ? ".cell canvas"
                    : view.equals("table") ? "[data-head]" : ".heat")
            .first()
            .waitFor();
        String csv = saved(page, "csv");
        assertThat(csv.lines().count()).as(view).isGreaterThan(5);
        assertThat(saved(page, "svg")).as(view).startsWith("<svg").endsWith("</svg>");
        assertThat(saved(page, "png")).as(view).contains("PNG");
        if (view.equals("head")) {
          assertThat(csv.lines().count()).isEqualTo(1 + 12 * 13 / 2);
          assertThat(csv).startsWith("query,key,query_token,key_token,weight\n0,0,[BOS],[BOS],1\n");
        }
      }
    }
  }

  @Test
  void live_promptAndAblation_moveTheTable() {
    try (Model model = Model.open("demo-gpt2");
        PatternServer server = serve(model)) {
      Page page = browser.page(at(server, "view=head"));
      page.locator("#live-text").fill("The capital of France is");
      assertThat(page.locator("#next-tokens tr").first()).containsText("Paris");
      assertThat(page.locator(".strip .token")).hasCount(6);
      String before =
          page.locator("#next-tokens tr").first().locator(".number").first().textContent();
      page.locator("#ablate").click();
      assertThat(page.locator(".chip")).hasText("L0H0 \u00d7");
      assertThat(page.locator("#next-tokens tr").first().locator(".faint")).hasCount(1);
      assertThat(page.locator("#next-tokens [data-id] .number").first().textContent())
          .isNotEqualTo(before);
      page.locator(".chips .link").click();
      assertThat(page.locator("#tab-compare")).hasAttribute("aria-selected", "true");
      page.locator("#link").click();
      Page again = browser.page(URI.create(page.url()));
      assertThat(again.locator(".chip")).hasText("L0H0 \u00d7");
      assertThat(again.locator("#next-tokens tr").first()).isVisible();
    }
    assertThat(log).isEmpty();
  }

  @Test
  void manyPatterns_onlyThoseInSightAreThere() throws IOException {
    Synthetic.write(folder, 4, 30, 6, 8, 16);
    try (PatternServer server = serve(null)) {
      Page page = browser.page(server.uri());
      assertThat(page.locator(".summary").first()).hasText("5,760 patterns");
      page.evaluate("document.querySelector('.scroller').scrollTop = 1e9");
      page.locator("[data-key='model-3|prompt29|5|7'] canvas").waitFor();
      assertThat(page.locator(".cell").count()).isBetween(20, 400);
      page.evaluate("document.querySelector('.scroller').scrollTop = 0");
      page.locator("[data-key='model-0|prompt00|0|0'] canvas").waitFor();
      // Every frame of a long way down, whatever this machine's speed: the work of each is bounded.
      Object most =
          page.evaluate(
              "async () => { const s = document.querySelector('.scroller'); let most = 0;"
                  + " for (let i = 0; i < 60; i++) { s.scrollTop += 900;"
                  + " await new Promise(requestAnimationFrame);"
                  + " most = Math.max(most, document.querySelectorAll('.cell').length); } return most; }");
      assertThat(((Number) most).intValue()).isLessThan(400);
    }
  }

  @Test
  void longPrompt_isDrawnAndPointedAt() throws IOException {
    Synthetic.write(folder, 1, 1, 1, 2, 512);
    try (PatternServer server = serve(null)) {
      Page page = browser.page(at(server, "view=head&q=300&k=120&zoom=280,100,40"));
      assertThat(page.locator(".strip .token")).hasCount(512);
      assertThat(page.locator("#weight")).isVisible();
      page.keyboard().press("0");
      page.locator(".heat").hover();
      assertThat(page.locator("#readout")).containsText("Row sum");
    }
  }

  @Test
  void malformedFiles_areSaidAndTheRestIsShown() throws IOException {
    Synthetic.write(folder, 1, 3, 1, 2, 8);
    Path prompts = folder.resolve("model-0/prompts");
    Files.writeString(prompts.resolve("prompt00/activations.npz"), "no zip at all");
    byte[] npz = Files.readAllBytes(prompts.resolve("prompt01/activations.npz"));
    npz[200] ^= 0x55;
    npz[201] ^= 0x55;
    Files.write(prompts.resolve("prompt01/activations.npz"), npz);
    Path lines = folder.resolve("model-0/prompts.jsonl");
    Files.writeString(
        lines,
        Files.readString(lines)
            + "{broken\n{\"hash\": \"../../secret\", \"text\": \"x\"}\n{\"text\": \"no hash\"}\n");
    try (PatternServer server = serve(null)) {
      Page page = browser.page(server.uri());
      assertThat(page.locator(".summary").first()).hasText("6 patterns");
      page.locator("[data-key='model-0|prompt02|0|1'] canvas").waitFor();
      page.locator(".cell.broken").nth(3).waitFor();
      assertThat(page.locator("#notices")).containsText("1 line is not JSON");
      assertThat(page.locator("#notices")).containsText("no zip archive");
    }
    assertThat(log).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void weightsThatAreNoNumbers_areSaidInPlaceOfAPicture(float broken) throws IOException {
    Synthetic.write(folder, 1, 1, 1, 3, 8);
    float[] values = Synthetic.patterns(0, 3, 8, new java.util.SplittableRandom(1));
    values[64 + 8 * 5 + 2] = broken;
    NpzWriter.write(
        folder.resolve("model-0/prompts/prompt00/activations.npz"),
        NpzWriter.Packing.DEFLATED,
        npz -> npz.floats("blocks.0.attn.hook_pattern", List.of(1, 3, 8, 8), values));
    String number = Float.isNaN(broken) ? "NaN" : "Infinity";
    String said = "expected finite weights, found " + number + " at query 5, key 2";
    try (PatternServer server = serve(null)) {
      Page grid = browser.page(server.uri());
      assertThat(grid.locator(".cell canvas")).hasCount(2);
      assertThat(grid.locator("[data-key='model-0|prompt00|0|1'].broken")).hasCount(1);
      assertThat(grid.locator("#notices")).containsText(said);
      assertThat(saved(grid, "csv")).doesNotContain(number);

      Page head = browser.page(at(server, "view=head&at=model-0|prompt00|0|0"));
      assertThat(head.locator(".strip .token")).hasCount(8);
      head.keyboard().press("l");
      assertThat(head.locator("#readout [role=alert]")).containsText(said);
      // Nothing is left of the head before it.
      assertThat(head.locator(".strip .token")).hasCount(0);
      assertThat(head.locator(".heat canvas").first()).hasJSProperty("width", 0);
      head.locator("[data-export=csv]").click();
      assertThat(head.locator("#notices")).containsText("Not saved: nothing is shown here");

      Page compare = browser.page(at(server, "view=compare&at=model-0|prompt00|0|0"));
      assertThat(compare.locator("#readout [role=alert]")).containsText(said);
      Page table = browser.page(at(server, "view=table"));
      assertThat(table.locator("#view-table")).containsText("1 patterns could not be read");
      assertThat(table.locator("#view-table")).not().containsText("NaN");
    }
    assertThat(log).isEmpty();
  }

  @Test
  void savedModelNamedLive_standsBesideTheLiveOne() throws IOException {
    Synthetic.write(folder, 1, 1, 1, 2, 8);
    Files.move(folder.resolve("model-0"), folder.resolve("live"));
    Path models = folder.resolve("models.jsonl");
    Files.writeString(models, Files.readString(models).replace("model-0", "live"));
    try (Model model = Model.open("demo-gpt2");
        PatternServer server = serve(model)) {
      Page page = browser.page(at(server, "text=The+capital+of+France+is"));
      assertThat(page.locator("[data-key='live|prompt00|0|1'] canvas")).hasCount(1);
      assertThat(page.locator("[data-key^='/live|prompt|0|'] canvas")).hasCount(4);
      page.locator("[data-key='/live|prompt|0|0']").click();
      assertThat(page.locator(".strip .token")).hasCount(6);
      Download csv = page.waitForDownload(() -> page.locator("[data-export=csv]").click());
      assertThat(csv.suggestedFilename()).isEqualTo("demo-gpt2-live-L0H0-prompt.csv");
      page.locator("#link").click();
      Page again = browser.page(URI.create(page.url()));
      assertThat(again.locator(".strip .token")).hasCount(6);
    }
    assertThat(log).isEmpty();
  }

  @Test
  void savedFigures_areShown_svgzToo() throws IOException {
    Synthetic.write(folder, 1, 1, 1, 2, 8);
    Synthetic.figure(folder, "model-0", "prompt00", 0, 0);
    Synthetic.figure(folder, "model-0", "prompt00", 0, 1);
    try (PatternServer server = serve(null)) {
      Page page = browser.page(at(server, "figure=raw"));
      assertThat(page.locator(".cell img")).hasCount(2);
    }
  }

  @Test
  void exportedPage_worksOnAStaticHostWithoutRanges() throws IOException {
    Synthetic.write(folder, 1, 2, 2, 3, 64);
    Synthetic.figure(folder, "model-0", "prompt00", 0, 0);
    PatternsPage.export(folder);
    com.sun.net.httpserver.HttpServer host =
        com.sun.net.httpserver.SimpleFileServer.createFileServer(
            new java.net.InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0),
            folder.toRealPath(),
            com.sun.net.httpserver.SimpleFileServer.OutputLevel.NONE);
    host.start();
    try {
      String address = "http://127.0.0.1:" + host.getAddress().getPort() + "/";
      Page page = browser.page(URI.create(address));
      assertThat(page.locator(".cell canvas")).hasCount(12);
      Page figure =
          browser.page(URI.create(address + "#figure=raw&heads-model-0=L0H0&prompts=prompt00"));
      assertThat(figure.locator(".cell img")).hasCount(1);
    } finally {
      host.stop(0);
    }
  }

  @Test
  void exportedPage_openedAsAFile_saysHowToServeIt() throws IOException {
    Synthetic.write(folder, 1, 1, 1, 2, 8);
    PatternsPage.export(folder);
    Page page = browser.file(folder.resolve("index.html"));
    assertThat(page.locator("#waiting")).isVisible();
    assertThat(page.locator("#waiting")).containsText("diopter patterns serve --save-path");
    try (PatternServer server = serve(null)) {
      assertThat(browser.page(server.uri()).locator("#waiting")).hasCount(0);
    }
  }

  private static String saved(Page page, String kind) throws IOException {
    Download download =
        page.waitForDownload(() -> page.locator("[data-export=" + kind + "]").click());
    assertThat(download.suggestedFilename()).endsWith("." + kind);
    return Files.readString(download.path(), java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  private PatternServer serve(@org.jspecify.annotations.Nullable Model model) {
    return PatternServer.start(new ServeOptions(folder, "127.0.0.1", 0, model, log::add));
  }

  private static URI at(PatternServer server, String state) {
    return URI.create(server.uri() + "#" + state.replace("|", "%7C"));
  }
}
