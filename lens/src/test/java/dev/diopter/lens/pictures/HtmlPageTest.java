package dev.diopter.lens.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HtmlPageTest {
  @TempDir Path folder;

  @Test
  void html_hostileText_isEscapedEverywhere() {
    String hostile = "</title><script>alert(1)</script>\"'&\u0000\ud800";
    String page =
        new HtmlPage(hostile).element("p", hostile, "title", hostile).text(hostile).html();
    assertThat(page).doesNotContain("<script", "\"'&\u0000").contains("&lt;script&gt;");
    assertThat(page).contains("&quot;&#39;&amp;\ufffd\ufffd");
  }

  @Test
  void html_policy_namesExactlyTheBlocks() throws NoSuchAlgorithmException {
    String css = ".a { color: red }";
    String script = "document.title = 'x';";
    String page = new HtmlPage("t").style(css).script(script).html();
    for (String block : new String[] {css, script}) {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(block.getBytes(StandardCharsets.UTF_8));
      assertThat(page).contains("'sha256-" + Base64.getEncoder().encodeToString(hash) + "'");
    }
    assertThat(page).contains("default-src 'none'").doesNotContain("unsafe", "http:", "https:");
    assertThat(new HtmlPage("t").html()).contains("script-src 'none'");
  }

  @Test
  void open_whatThePolicyRefuses_isRefused() {
    HtmlPage page = new HtmlPage("t");
    assertThatThrownBy(() -> page.open("p", "style", "color: red"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> page.open("p", "onclick", "x"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> page.open("p><script")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> page.style("</STYLE>")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> page.script("'</script>'"))
        .isInstanceOf(IllegalArgumentException.class);
    page.open("div").open("br");
    assertThatThrownBy(page::html).isInstanceOf(IllegalStateException.class);
    assertThat(page.close().html()).contains("<div><br></div>");
  }

  @Test
  void write_file_isTheWholePage() throws IOException {
    Path file = folder.resolve("a.html");
    new HtmlPage("\u00fc").element("p", "\ud83d\ude42").write(file);
    assertThat(Files.readString(file)).startsWith("<!doctype html>").contains("\ud83d\ude42");
  }
}
