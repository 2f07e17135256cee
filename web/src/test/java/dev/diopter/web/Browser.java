package dev.diopter.web;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * The system's Chromium, driven by Playwright; no browser is downloaded. Not there: tests are
 * skipped, or fail where {@code DIOPTER_CI} is set. Every page is watched: what it logs as an
 * error, throws, or asks of another origin fails the test at {@link #close}.
 */
final class Browser implements AutoCloseable {
  private static final List<String> PLACES =
      List.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");

  private final Playwright playwright;
  private final com.microsoft.playwright.Browser browser;
  private final List<String> complaints = new CopyOnWriteArrayList<>();

  private Browser(Playwright playwright, com.microsoft.playwright.Browser browser) {
    this.playwright = playwright;
    this.browser = browser;
  }

  static Browser open() {
    String named = System.getenv("DIOPTER_CHROMIUM");
    Path chromium =
        Stream.concat(Stream.ofNullable(named), PLACES.stream())
            .map(Path::of)
            .filter(Files::isExecutable)
            .findFirst()
            .orElse(null);
    if (chromium == null) {
      String missing = "no Chromium in " + PLACES + ": install one, or name it by DIOPTER_CHROMIUM";
      if (System.getenv("DIOPTER_CI") != null) {
        throw new AssertionError(missing);
      }
      Assumptions.abort(missing);
    }
    Playwright playwright =
        Playwright.create(
            new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    return new Browser(
        playwright,
        playwright
            .chromium()
            .launch(
                new BrowserType.LaunchOptions()
                    .setExecutablePath(chromium)
                    .setArgs(
                        List.of(
                            "--no-sandbox",
                            "--disable-gpu",
                            "--disable-quic",
                            "--no-first-run",
                            "--disable-background-networking",
                            "--disable-component-update",
                            "--disable-sync"))));
  }

  /** A page of its own, watched, at an address. */
  Page page(URI address) {
    return page(address, 1440, 900);
  }

  Page page(URI address, int width, int height) {
    BrowserContext context =
        browser.newContext(
            new com.microsoft.playwright.Browser.NewContextOptions()
                .setViewportSize(width, height)
                .setPermissions(List.of("clipboard-read", "clipboard-write")));
    Page page = context.newPage();
    page.onConsoleMessage(m -> {
      if (m.type().equals("error") || m.type().equals("warning")) {
        complaints.add("console " + m.type() + ": " + m.text());
      }
    });
    page.onPageError(e -> complaints.add("thrown: " + e));
    String origin = address.getScheme() + "://" + address.getAuthority();
    page.onRequest(r -> {
      boolean own = r.url().startsWith(origin + "/") || r.url().startsWith("blob:" + origin);
      if (!own && !r.url().startsWith("data:")) {
        complaints.add("asked " + r.url());
      }
    });
    page.navigate(address.toString());
    page.waitForSelector("body[data-ready]");
    return page;
  }

  /** A file, as a double click opens it: what the browser thinks of that is not watched. */
  Page file(Path file) {
    Page page = browser.newPage();
    page.navigate(file.toUri().toString());
    return page;
  }

  /** What a test expects the console to say. */
  void allow(String part) {
    complaints.removeIf(c -> c.contains(part));
  }

  @Override
  public void close() {
    playwright.close();
    assertThat(complaints).isEmpty();
  }
}
