package dev.diopter.web;

import com.microsoft.playwright.Page;
import dev.diopter.engine.Model;
import java.nio.file.*;
import java.net.URI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShotsTest {
  @TempDir Path dir;
  @Test void shots() throws Exception {
    Path big = dir.resolve("big");
    Files.createDirectories(big);
    Synthetic.write(big, 1, 2, 4, 6, 512);
    Path many = dir.resolve("many");
    Files.createDirectories(many);
    Synthetic.write(many, 4, 30, 6, 8, 30);
    try (Browser browser = Browser.open(); Model model = Model.open("demo-gpt2")) {
      try (var s = PatternServer.start(new ServeOptions(Path.of("/work/shared/lens-cases/demo-gpt2/pattern-lens/attn_data"), "127.0.0.1", 0, null, System.err::println))) {
        String u = s.uri().toString();
        shot(browser, u, "grid", "");
        shot(browser, u, "gridh", "#arrange=head&theme=dark&size=112");
        shot(browser, u, "fig", "#figure=raw");
        shot(browser, u, "head", "#view=head&at=demo-gpt2|r21sSn6LSFdMA575l5tbbA|3|1&q=20&k=9&lock=true");
        shot(browser, u, "headdark", "#view=head&theme=dark&at=demo-gpt2|r21sSn6LSFdMA575l5tbbA|3|1&q=20&k=9&first=false");
        shot(browser, u, "compare", "#view=compare&at=demo-gpt2|r21sSn6LSFdMA575l5tbbA|3|1&against=demo-gpt2|r21sSn6LSFdMA575l5tbbA|4|2&q=20&k=9");
        shot(browser, u, "comparedark", "#view=compare&theme=dark&at=demo-gpt2|r21sSn6LSFdMA575l5tbbA|3|1&against=demo-gpt2|r21sSn6LSFdMA575l5tbbA|4|2");
        shot(browser, u, "table", "#view=table&sort=induction&down=true");
      }
      try (var s = PatternServer.start(new ServeOptions(big, "127.0.0.1", 0, null, System.err::println))) {
        shot(browser, s.uri().toString(), "big", "#view=head&q=300&k=120&scale=sqrt");
        shot(browser, s.uri().toString(), "biggrid", "#size=120&theme=dark");
      }
      try (var s = PatternServer.start(new ServeOptions(many, "127.0.0.1", 0, null, System.err::println))) {
        shot(browser, s.uri().toString(), "many", "#size=56");
      }
      try (var s = PatternServer.start(new ServeOptions(Path.of("/work/shared/lens-cases/demo-gpt2/pattern-lens/attn_data"), "127.0.0.1", 0, model, System.err::println))) {
        shot(browser, s.uri().toString(), "live", "#view=head&models=live&text=The capital of France is&at=live|prompt|3|1&ablate=L3H1,L4H2");
        shot(browser, s.uri().toString(), "livegrid", "#models=live&text=The capital of France is Paris. The capital of Portugal is&theme=dark");
      }
    }
  }
  void shot(Browser b, String u, String name, String hash) {
    Page p = b.page(URI.create(u));
    p.evaluate("h => { location.hash = h }", hash);
    p.waitForTimeout(1500);
    p.screenshot(new Page.ScreenshotOptions().setPath(Path.of("/tmp/webshots/" + name + ".png")));
    p.context().close();
  }
}
