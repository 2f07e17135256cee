package dev.diopter.lens.pictures;

import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.FormatException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A self-contained HTML page: styles and scripts inside, nothing loaded. Its content security
 * policy allows exactly the style and script blocks that were given here, by their hashes, and
 * images as {@code data:}; there are no style attributes, since the policy would refuse them. Text
 * and attribute values are escaped. Elements are closed in the order in which they were opened; a
 * page with an open element is refused. For one thread.
 */
public final class HtmlPage {
  private static final Set<String> VOID = Set.of("br", "hr", "img", "input", "wbr", "col");

  private static final String STYLE =
      """
      :root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --page: #fff;
        --line: #d1d9e0; --band: #f6f8fa; --accent: #0550ae; }
      @media (prefers-color-scheme: dark) {
        :root { --ink: #e6edf3; --soft: #9198a1; --page: #0d1117; --line: #3d444d;
          --band: #151b23; --accent: #79c0ff; } }
      * { box-sizing: border-box; }
      body { margin: 0 auto; padding: 1.5rem; max-width: 90rem; color: var(--ink);
        background: var(--page); font: 15px/1.5 system-ui, sans-serif; }
      h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
      h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem; }
      p { margin: .4rem 0; max-width: 60rem; }
      .soft { color: var(--soft); }
      code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; }
      table { border-collapse: collapse; }
      th, td { padding: .3rem .6rem; text-align: left; vertical-align: top;
        border-bottom: 1px solid var(--line); }
      th { font-weight: 600; background: var(--band); position: sticky; top: 0; }
      td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
      """;

  private final String title;
  private final List<String> styles = new ArrayList<>(List.of(STYLE));
  private final List<String> scripts = new ArrayList<>();
  private final StringBuilder body = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /** An empty page with this title, in English. */
  public HtmlPage(String title) {
    this.title = title;
  }

  /** Adds a style sheet behind the page's own. It is the program's, never a user's. */
  public HtmlPage style(String css) {
    requireNoEnd(css, "</style");
    styles.add(css);
    return this;
  }

  /** Adds a script that runs when the body is there. It is the program's, never a user's. */
  public HtmlPage script(String source) {
    requireNoEnd(source, "</script");
    requireNoEnd(source, "<!--");
    scripts.add(source);
    return this;
  }

  private static void requireNoEnd(String block, String end) {
    if (block.toLowerCase(Locale.ROOT).contains(end)) {
      throw new IllegalArgumentException("expected a block without %s in it".formatted(end));
    }
  }

  /**
   * Opens an element.
   *
   * @param attributes names and values in turn; values are escaped
   */
  public HtmlPage open(String tag, String... attributes) {
    if (attributes.length % 2 != 0) {
      throw new IllegalArgumentException("expected names and values in turn");
    }
    requireName(tag);
    body.append('<').append(tag);
    for (int i = 0; i < attributes.length; i += 2) {
      requireName(attributes[i]);
      if (attributes[i].equals("style") || attributes[i].startsWith("on")) {
        throw new IllegalArgumentException(
            "%s: the page's policy refuses it; use a class or a script".formatted(attributes[i]));
      }
      body.append(' ').append(attributes[i]).append("=\"").append(escape(attributes[i + 1]));
      body.append('"');
    }
    body.append('>');
    if (!VOID.contains(tag)) {
      open.push(tag);
    }
    return this;
  }

  private static void requireName(String name) {
    if (!name.matches("[A-Za-z][A-Za-z0-9-]*")) {
      throw new IllegalArgumentException("expected a name of HTML, got '%s'".formatted(name));
    }
  }

  /** Closes the element that was opened last. */
  public HtmlPage close() {
    body.append("</").append(open.pop()).append('>');
    return this;
  }

  /** Adds text, escaped. */
  public HtmlPage text(String text) {
    body.append(escape(text));
    return this;
  }

  /** An element with nothing but text in it. */
  public HtmlPage element(String tag, String text, String... attributes) {
    return open(tag, attributes).text(text).close();
  }

  /** A line end in the source, for readers of it. */
  public HtmlPage line() {
    body.append('\n');
    return this;
  }

  /** Adds markup as it is, such as an SVG drawing of this program; never text from outside. */
  public HtmlPage markup(String trusted) {
    body.append(trusted);
    return this;
  }

  /**
   * Text for an element or a quoted attribute. Control characters, which HTML has no form for,
   * become U+FFFD; lone surrogates too.
   */
  public static String escape(String text) {
    StringBuilder out = new StringBuilder(text.length() + 16);
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '&' -> out.append("&amp;");
            case '<' -> out.append("&lt;");
            case '>' -> out.append("&gt;");
            case '"' -> out.append("&quot;");
            case '\'' -> out.append("&#39;");
            default -> out.appendCodePoint(isAllowed(c) ? c : 0xFFFD);
          }
        });
    return out.toString();
  }

  private static boolean isAllowed(int c) {
    return c == '\n'
        || c == '\t'
        || (!Character.isISOControl(c) && Character.getType(c) != Character.SURROGATE);
  }

  /** The whole page. */
  public String html() {
    if (!open.isEmpty()) {
      throw new IllegalStateException(
          "expected all elements closed, <%s> is open".formatted(open.peek()));
    }
    StringBuilder page = new StringBuilder(body.length() + 4096);
    page.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .append("<meta http-equiv=\"Content-Security-Policy\" content=\"")
        .append(policy())
        .append("\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .append("<title>")
        .append(escape(title))
        .append("</title>\n");
    styles.forEach(s -> page.append("<style>").append(s).append("</style>\n"));
    page.append("</head>\n<body>\n").append(body).append('\n');
    scripts.forEach(s -> page.append("<script>").append(s).append("</script>\n"));
    return page.append("</body>\n</html>\n").toString();
  }

  private String policy() {
    return "default-src 'none'; img-src data:; style-src%s; script-src%s; base-uri 'none'; form-action 'none'"
        .formatted(hashes(styles), scripts.isEmpty() ? " 'none'" : hashes(scripts));
  }

  private static String hashes(List<String> blocks) {
    StringBuilder all = new StringBuilder();
    for (String block : blocks) {
      all.append(" 'sha256-").append(hash(block)).append('\'');
    }
    return all.toString();
  }

  private static String hash(String block) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(block.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /**
   * Writes the page; the file appears whole or not at all.
   *
   * @throws FormatException where it cannot be written
   */
  public void write(Path file) {
    byte[] bytes = html().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, out -> out.write(bytes));
  }
}
