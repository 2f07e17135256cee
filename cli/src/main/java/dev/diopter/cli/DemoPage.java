package dev.diopter.cli;

import dev.diopter.lens.pictures.ColorScale;
import dev.diopter.lens.pictures.HtmlPage;
import dev.diopter.lens.pictures.MatrixImage;
import dev.diopter.lens.pictures.Png;
import dev.diopter.lens.pictures.Shades;
import java.util.Base64;
import java.util.List;

/**
 * The demo as a page that needs nothing else: one section for each thing that was looked at, in the
 * order of {@link #of}.
 */
final class DemoPage {
  /** How its title begins. */
  static final String TITLE = "<title>Diopter looks into ";

  private static final String STYLE =
      """
      .scroll { overflow-x: auto; }
      .prompt { font-size: 1.1rem; }
      .cell { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .82rem;
        white-space: pre; border: 1px solid var(--page); padding: .15rem .4rem; }
      .share { display: block; font-size: .72rem; opacity: .75; }
      .heads { display: flex; flex-wrap: wrap; gap: 1rem; }
      figure { margin: 0; padding: .7rem; border: 1px solid var(--line); border-radius: 6px;
        background: var(--band); width: 15.4rem; }
      figure img { width: 14rem; height: 14rem; image-rendering: pixelated; display: block; }
      figcaption { font-size: .9rem; margin-top: .4rem; }
      meter { width: 8rem; }
      """;

  private final DemoReport report;
  private final HtmlPage page;

  private DemoPage(DemoReport report) {
    this.report = report;
    this.page = new HtmlPage(title(report)).style(STYLE).style(Shades.css());
  }

  private static String title(DemoReport report) {
    return "Diopter looks into " + report.model();
  }

  /** The page. */
  static HtmlPage of(DemoReport report) {
    DemoPage drawn = new DemoPage(report);
    drawn.head();
    drawn.next();
    drawn.attention();
    drawn.heads();
    drawn.lens();
    return drawn.page;
  }

  private void section(String title, String explanation) {
    page.element("h2", title).element("p", explanation, "class", "soft").line();
  }

  private void head() {
    page.element("h1", title(report));
    page.element(
        "p",
        "%s architecture, %d layers of %d heads, width %d; computed by %s."
            .formatted(
                report.config().architecture(),
                report.config().layers(),
                report.config().heads(),
                report.config().width(),
                report.backend()),
        "class",
        "soft");
    page.element("p", "\u201c" + DemoReport.PROMPT + "\u2026\u201d", "class", "prompt").line();
  }

  private void table(List<String> titles) {
    page.open("div", "class", "scroll").open("table").open("thead").open("tr");
    titles.forEach(title -> page.element("th", title));
    page.close().close().open("tbody").line();
  }

  private void endTable() {
    page.close().close().close().line();
  }

  private void next() {
    section("What comes next", "The most probable next tokens.");
    table(List.of("token", "logit", "probability", ""));
    for (NextTokens.Candidate candidate : report.top()) {
      page.open("tr").element("td", report.tokens().shown(candidate.id()), "class", "mono");
      page.element("td", Numbers.fixed(candidate.logit(), 4), "class", "number");
      page.element("td", Numbers.fixed(candidate.probability(), 6), "class", "number");
      String share = Numbers.fixed(candidate.probability(), 6);
      page.open("td").element("meter", "", "value", share, "min", "0", "max", "1");
      page.close().close().line();
    }
    endTable();
  }

  private void attention() {
    section(
        "Where the last token looks",
        "The heads that look hardest at one token: rows are queries, columns keys, both from "
            + name(0)
            + " on; the darker, the more attention.");
    page.open("div", "class", "heads").line();
    MatrixImage image = MatrixImage.unit(ColorScale.named("Blues"));
    for (HeadPattern pattern : report.patterns()) {
      String png = Base64.getEncoder().encodeToString(Png.bytes(image.draw(pattern.weights())));
      AttentionEdges.Edge edge = report.edges().strongest(pattern.head());
      String says =
          "Head %s: %s looks at %s with %s"
              .formatted(
                  pattern.name(),
                  name(edge.query()),
                  name(edge.key()),
                  Numbers.fixed(edge.weight(), 2));
      page.open("figure").open("img", "src", "data:image/png;base64," + png, "alt", says);
      page.element("figcaption", says).close().line();
    }
    page.close().line();
  }

  private String name(int position) {
    return Pages.place(report.tokens(), report.ids(), position).strip();
  }

  private void heads() {
    section(
        "Which heads do what",
        "The head that does each of these things most, of all heads; on a random sequence of words twice.");
    table(List.of("head", "score", "what it does"));
    for (KnownHeads.Known known : report.heads().shown()) {
      page.open("tr").element("td", known.name(), "class", "mono");
      page.element("td", Numbers.fixed(known.value(), 2), "class", "number");
      page.element("td", known.words()).close().line();
    }
    endTable();
  }

  private void lens() {
    section(
        "What each layer would say",
        "The best next token at each position if the model stopped there, with its probability in %.");
    NextTokens.Candidate[][] cells = report.lens().cells();
    page.open("div", "class", "scroll").open("table").open("thead").open("tr");
    page.element("th", "after");
    for (int depth = 0; depth < cells.length; depth++) {
      page.element("th", DemoLens.title(depth));
    }
    page.close().close().open("tbody").line();
    for (int position = 0; position < report.ids().length; position++) {
      page.open("tr").element("th", name(position), "class", "mono", "scope", "row");
      for (NextTokens.Candidate[] atDepth : cells) {
        NextTokens.Candidate best = atDepth[position];
        page.open("td", "class", "cell " + Shades.of(best.probability()));
        page.text(report.tokens().shown(best.id()));
        page.element("span", DemoLens.percent(best.probability()) + " %", "class", "share");
        page.close();
      }
      page.close().line();
    }
    endTable();
  }
}
