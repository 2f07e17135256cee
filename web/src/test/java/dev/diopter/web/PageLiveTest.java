package dev.diopter.web;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import dev.diopter.engine.Model;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A longer session with a live prompt, in a real browser. */
class PageLiveTest {
  private static final String PROMPT = "text=The+capital+of+France+is";

  private static Model model;

  @TempDir Path folder;
  private final List<String> log = new CopyOnWriteArrayList<>();
  private Browser browser;
  private PatternServer server;

  @BeforeAll
  static void load() {
    model = Model.open("demo-gpt2");
  }

  @AfterAll
  static void unload() {
    model.close();
  }

  @BeforeEach
  void open() {
    browser = Browser.open();
    server =
        PatternServer.start(new ServeOptions(folder, ServeOptions.LOOPBACK, 0, model, log::add));
  }

  @AfterEach
  void close() {
    server.close();
    browser.close();
  }

  @Test
  void run_thatTheServerHasDropped_isAskedForAgainOnce() {
    Page page = page("view=head&q=5&k=0&lock=true&" + PROMPT, 1440);
    assertThat(page.locator(".strip .token")).hasCount(6);
    page.locator(".heat").first().focus();
    for (int i = 0; i < 8; i++) {
      page.waitForResponse("**/api/run", () -> page.keyboard().press("x"));
      page.keyboard().press("l");
    }
    assertThat(page.locator(".chip")).hasCount(8);
    layer(page).selectOption("5");
    assertThat(page.locator(".place select").last()).hasValue("0");
    Page fresh = page("view=head&q=5&k=0&lock=true&at=%2Flive%7Cprompt%7C5%7C0&" + PROMPT, 1440);
    String weight = fresh.locator("#weight").textContent();
    assertThat(page.locator("#weight")).hasText(weight);
    assertThat(page.locator("#readout [role=alert]")).hasCount(0);
    // All the layers of the grid wait for one new run.
    page.keyboard().press("1");
    assertThat(page.locator("[data-key='/live|prompt|4|3'] canvas")).hasCount(1);
    assertThat(page.locator(".cell.broken")).hasCount(0);
    browser.allow("404");
    assertThat(log).isNotEmpty().allMatch(line -> line.contains("is no longer kept"));
  }

  @Test
  void run_thatIsDroppedAgain_leavesNoMapAndSaysWhy() {
    Page page = page("view=head&q=5&k=0&lock=true&" + PROMPT, 1440);
    assertThat(page.locator(".strip .token")).hasCount(6);
    page.route(
        "**/api/patterns/**",
        route ->
            route.fulfill(
                new com.microsoft.playwright.Route.FulfillOptions()
                    .setStatus(404)
                    .setContentType("application/json")
                    .setBody("{\"error\": \"run 7 is no longer kept\"}")));
    layer(page).selectOption("5");
    assertThat(page.locator("#readout [role=alert]")).hasText("run 7 is no longer kept");
    assertThat(page.locator(".strip .token")).hasCount(0);
    assertThat(page.locator(".heat canvas").first()).hasJSProperty("width", 0);
    page.keyboard().press("3");
    assertThat(page.locator("#view-compare [role=alert]")).hasText("run 7 is no longer kept");
    assertThat(page.locator("#view-compare .heat canvas").first()).hasJSProperty("width", 0);
    browser.allow("404");
  }

  @Test
  void prompt_thatIsEmptied_leavesNoMap() {
    for (String view : List.of("head", "compare")) {
      Page page = page("view=" + view + "&" + PROMPT, 1440);
      String canvas = "#view-" + view + " .heat canvas";
      assertThat(page.locator(canvas).first()).not().hasJSProperty("width", 0);
      page.locator("#live-text").fill("");
      assertThat(page.locator("#view-" + view)).containsText("Nothing is saved here yet.");
      for (var one : page.locator(canvas).all()) {
        assertThat(one).hasJSProperty("width", 0);
      }
      page.locator("[data-export=csv]").click();
      assertThat(page.locator("#notices")).containsText("Not saved: nothing is shown here");
    }
  }

  @Test
  void table_tokenThatWasFirst_staysInSightAndNumbersOnOneLine() {
    Page before = page("view=head&" + PROMPT, 960);
    String first = before.locator("#next-tokens tr").first().getAttribute("data-id");
    Page page = page("view=head&ablate=L0-4H*&" + PROMPT, 960);
    assertThat(page.locator("#next-tokens caption")).containsText("before the ablation");
    String row = "#next-tokens tr[data-id='" + first + "']";
    assertThat(page.locator(row)).hasAttribute("title", "first before the ablation");
    String inSight =
        "row => { const box = row.closest('.nextbox').getBoundingClientRect();"
            + " const at = row.firstChild.getBoundingClientRect();"
            + " return at.top >= box.top && at.bottom <= box.bottom + 1; }";
    for (int scrolled : new int[] {0, 40, 10_000}) {
      page.locator(".nextbox").evaluate("(box, y) => { box.scrollTop = y; }", scrolled);
      assertThat(page.locator(row).evaluate(inSight)).as("at " + scrolled).isEqualTo(true);
    }
    Object tall =
        page.evaluate(
            "[...document.querySelectorAll('#next-tokens .number')].filter(c => {"
                + " const r = document.createRange(); r.selectNodeContents(c);"
                + " return r.getClientRects().length > 1; }).length");
    assertThat(tall).isEqualTo(0);
    assertThat((Boolean) page.locator(".nextbox").evaluate("b => b.scrollHeight > b.clientHeight"))
        .isTrue();
  }

  private Page page(String hash, int width) {
    return browser.page(URI.create(server.uri() + "#" + hash), width, 900);
  }

  private static com.microsoft.playwright.Locator layer(Page page) {
    return page.locator(".place select").nth(2);
  }
}
