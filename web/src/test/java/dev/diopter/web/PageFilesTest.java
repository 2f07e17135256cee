package dev.diopter.web;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import dev.diopter.formats.Json;
import dev.diopter.formats.NpzWriter;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Saved files that are not as the page's first guess has them, in a real browser. */
class PageFilesTest {
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
  void figures_inAnotherFormatForEachModel_areShown() throws IOException {
    Synthetic.write(folder, 3, 2, 2, 3, 8); // figures.jsonl says svgz
    for (String prompt : List.of("prompt00", "prompt01")) {
      for (int head = 0; head < 6; head++) {
        String inside = "/prompts/" + prompt + "/L" + head / 3 + "/H" + head % 3;
        Path png = Files.createDirectories(folder.resolve("model-0" + inside));
        BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
        ImageIO.write(image, "png", png.resolve("raw.png").toFile());
        Synthetic.figure(folder, "model-1", prompt, head / 3, head % 3);
        Path svg = Files.createDirectories(folder.resolve("model-2" + inside));
        Files.writeString(
            svg.resolve("raw.svg"),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"/>");
      }
    }
    Path gone = folder.resolve("model-0/prompts/prompt01/L1/H2/raw.png");
    Files.delete(gone);
    try (PatternServer server = serve()) {
      Page page = browser.page(at(server, "figure=raw&size=24"));
      assertThat(page.locator(".cell img")).hasCount(35);
      assertThat(page.locator(".cell.broken")).hasCount(1);
      assertThat(page.locator("[data-key='model-0|prompt01|1|2']"))
          .hasAttribute(
              "title",
              "model-0/prompts/prompt01/L1/H2/raw.png: no such figure, nor as svgz or svg, or it cannot be shown");
      browser.allow("404");
    }
    // One figure of each model that has another format tells that of the others. A cell that is
    // laid
    // out again asks again for a figure that it could not get.
    assertThat(log.stream().distinct()).hasSize(6).allMatch(line -> line.contains("no such file"));
  }

  @Test
  void activations_thatAreReplacedMeanwhile_areNotMixed() throws IOException {
    Synthetic.write(folder, 1, 1, 4, 2, 256);
    Path file = folder.resolve("model-0/prompts/prompt00/activations.npz");
    write(file, 1, 0, 1, 2, 3);
    try (PatternServer server = serve()) {
      Page page = browser.page(at(server, "view=head&q=200&k=150&lock=true&at=" + place(0)));
      assertThat(page.locator("#weight")).isVisible();
      // As long as before, with other numbers at other places.
      write(file, 2, 3, 2, 1, 0);
      page.locator(".heat").first().focus();
      page.keyboard().press("j");
      assertThat(page.locator(".place select").nth(2)).hasValue("1");
      Page fresh = browser.page(at(server, "view=head&q=200&k=150&lock=true&at=" + place(1)));
      assertThat(page.locator("#weight")).hasText(fresh.locator("#weight").textContent());
      page.keyboard().press("k");
      Page first = browser.page(at(server, "view=head&q=200&k=150&lock=true&at=" + place(0)));
      assertThat(page.locator("#weight")).hasText(first.locator("#weight").textContent());
    }
    assertThat(log).isEmpty();
  }

  @Test
  void prompt_thatIsEmptyOrBlank_hasALabel() throws IOException {
    Synthetic.write(folder, 1, 1, 1, 2, 4);
    Path list = folder.resolve("model-0/prompts.jsonl");
    String lines = Files.readString(list);
    for (String text : List.of("", " \n")) {
      var row = Json.object();
      row.put("text", text);
      row.put("hash", "hash" + text.length());
      row.put("n_tokens", text.length());
      lines += Json.compact(row) + "\n";
    }
    Files.writeString(list, lines);
    try (PatternServer server = serve()) {
      Page page = browser.page(at(server, "view=head&at=model-0%7Cprompt00%7C0%7C0"));
      var labels = page.locator(".list.prompts .prompt > span");
      assertThat(labels.nth(1)).hasText("(empty prompt)");
      assertThat(labels.nth(2)).hasText("\u2423\u21b5");
      assertThat(page.locator(".place select").nth(1)).containsText("(empty prompt)");
    }
  }

  private static void write(Path file, int seed, int... order) {
    float[][] layers = new float[4][];
    for (int layer = 0; layer < 4; layer++) {
      layers[layer] = Synthetic.patterns(layer, 2, 256, new SplittableRandom(seed * 10L + layer));
    }
    NpzWriter.write(
        file,
        NpzWriter.Packing.STORED,
        npz -> {
          for (int layer : order) {
            npz.floats(
                "blocks." + layer + ".attn.hook_pattern", List.of(1, 2, 256, 256), layers[layer]);
          }
        });
  }

  private static String place(int layer) {
    return "model-0%7Cprompt00%7C" + layer + "%7C0";
  }

  private PatternServer serve() {
    return PatternServer.start(new ServeOptions(folder, ServeOptions.LOOPBACK, 0, null, log::add));
  }

  private static URI at(PatternServer server, String hash) {
    return URI.create(server.uri() + "#" + hash);
  }
}
