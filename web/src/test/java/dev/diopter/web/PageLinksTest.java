package dev.diopter.web;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Addresses of views that choose among very many prompts and heads, in a real browser. */
class PageLinksTest {
  private static final String HEAD = "view=head&at=model-0%7Cprompt00%7C0%7C0";

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
  void link_allButOneOfThousandPrompts_restoresThem() throws IOException {
    List<String> hashes = thousandPrompts();
    try (PatternServer server = serve()) {
      Page page = browser.page(at(server, HEAD));
      assertThat(page.locator("#sidebar h2 small")).hasText("1000 of 1000");
      page.locator(".list.prompts input").nth(700).uncheck();
      assertThat(page.locator("#sidebar h2 small")).hasText("999 of 1000");
      page.locator("#link").click();
      assertThat(page.locator("#notices")).containsText("Link copied");
      assertThat(page.url()).hasSizeLessThan(300).contains("prompts=%21" + hashes.get(700));
      Page again = browser.page(URI.create(page.url()));
      assertThat(again.locator("#sidebar h2 small")).hasText("999 of 1000");
      assertThat(again.locator(".list.prompts input").nth(700)).not().isChecked();
      assertThat(again.locator("#notices .error")).hasCount(0);
    }
    assertThat(log).isEmpty();
  }

  @Test
  void link_listOfThousandPrompts_isReadToItsEnd() throws IOException {
    List<String> hashes = thousandPrompts();
    try (PatternServer server = serve()) {
      String list = String.join("%2C", hashes.subList(0, 999));
      Page page = browser.page(at(server, HEAD + "&prompts=" + list + "%2Cgone1%2Cgone2"));
      assertThat(page.locator("#sidebar h2 small")).hasText("999 of 1000");
      assertThat(page.locator("#notices .error"))
          .containsText("The address chooses 2 prompts that this folder does not have");
    }
  }

  @Test
  void link_halfOf144Heads_restoresThem() throws IOException {
    Synthetic.write(folder, 1, 1, 12, 12, 4);
    String board =
        IntStream.range(0, 144)
            .filter(i -> (i / 12 + i % 12) % 2 == 0)
            .mapToObj(i -> "L" + i / 12 + "H" + i % 12)
            .collect(Collectors.joining("%2C"));
    try (PatternServer server = serve()) {
      Page page = browser.page(at(server, "heads-model-0=" + board));
      assertThat(page.locator(".summary").first()).hasText("72 patterns");
      page.locator(".mini [aria-label=L11H0]").click();
      assertThat(page.locator(".summary").first()).hasText("73 patterns");
      page.locator("#link").click();
      Page again = browser.page(URI.create(page.url()));
      assertThat(again.locator(".summary").first()).hasText("73 patterns");
      assertThat(again.locator(".mini [aria-pressed=true]")).hasCount(73);
      assertThat(again.locator(".heads .error")).hasCount(0);
    }
  }

  @Test
  void heads_thatFollowEachOther_areWrittenAsRanges() throws IOException {
    Synthetic.write(folder, 1, 1, 12, 12, 4);
    try (PatternServer server = serve()) {
      Page page = browser.page(at(server, "heads-model-0=L0-11H0-5,L3H7,L4-5H*,L9H11"));
      page.locator(".mini [aria-label=L3H7]").click();
      assertThat(page.locator(".heads input"))
          .hasValue("L0-3H0-5,L4-5H*,L6-8H0-5,L9H0-5,L9H11,L10-11H0-5");
      assertThat(page.locator(".summary").first()).hasText("85 patterns");
    }
  }

  @Test
  void link_thatIsTooLong_isRefusedWithAWord() throws IOException {
    Synthetic.write(folder, 1, 3, 1, 2, 4);
    try (PatternServer server = serve()) {
      Page page = browser.page(at(server, "prompts=prompt01&filter=" + "x".repeat(600_000)));
      assertThat(page.locator("#notices .error")).containsText("too long for it was filter");
      assertThat(page.locator("#sidebar h2 small")).hasText("1 of 3");
      page.evaluate(
          "async () => (await import('/diopter-page/state.js')).change({ filter: 'y'.repeat(600000) })");
      page.locator("#link").click();
      assertThat(page.locator("#notices"))
          .containsText("No link holds this view: too long for an address is filter");
      // What the address bar holds says so too, wherever it is opened.
      Page again = browser.page(URI.create(page.url()));
      assertThat(again.locator("#notices .error")).containsText("too long for it was filter");
      assertThat(again.locator("#sidebar h2 small")).hasText("1 of 3");
    }
  }

  /** The prompts of one model, of which only the first has patterns. */
  private List<String> thousandPrompts() throws IOException {
    Synthetic.write(folder, 1, 1, 1, 2, 4);
    List<String> hashes = new ArrayList<>(List.of("prompt00"));
    Path list = folder.resolve("model-0/prompts.jsonl");
    StringBuilder lines = new StringBuilder(Files.readString(list));
    for (int i = 1; i < 1000; i++) {
      String hash = "aVeryLongHashOfIts%04d".formatted(i);
      hashes.add(hash);
      var row = Json.object();
      row.put("text", "Prompt " + i);
      row.put("hash", hash);
      row.put("n_tokens", 3);
      lines.append(Json.compact(row)).append('\n');
    }
    Files.writeString(list, lines);
    return hashes;
  }

  private PatternServer serve() {
    return PatternServer.start(new ServeOptions(folder, ServeOptions.LOOPBACK, 0, null, log::add));
  }

  private static URI at(PatternServer server, String hash) {
    return URI.create(server.uri() + "#" + hash);
  }
}
