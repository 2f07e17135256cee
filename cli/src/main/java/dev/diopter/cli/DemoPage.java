package dev.diopter.cli;

import dev.diopter.lens.pictures.ColorScale;
import dev.diopter.lens.pictures.HtmlPage;
import dev.diopter.lens.pictures.MatrixImage;
import dev.diopter.lens.pictures.Png;
import dev.diopter.lens.pictures.Shades;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

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
    drawn.tuned();
    drawn.patching();
    drawn.scope();
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
    said(
        "after",
        depths(cells.length),
        names(),
        (depth, position) ->
            cell(cells[depth][position].id(), cells[depth][position].probability()));
  }

  private void tuned() {
    DemoTuned tuned = report.tuned();
    section("The same by a tuned lens", sentence(DemoTuned.EXPLANATION));
    int layers = tuned.logitKl().length;
    List<String> titles = depths(layers);
    titles.addFirst("lens");
    table(titles);
    kl("logit lens", tuned.logitKl());
    kl("tuned lens", tuned.tunedKl());
    endTable();
    page.element("p", "What the tuned lens says:", "class", "soft").line();
    said(
        "after",
        depths(tuned.depths()),
        names(),
        (depth, position) -> cell(tuned.best(depth, position), tuned.probability(depth, position)));
  }

  private void kl(String name, double[] values) {
    page.open("tr").element("th", name, "scope", "row");
    for (double value : values) {
      page.element("td", Numbers.fixed(value, 2), "class", "number");
    }
    page.close().line();
  }

  private void patching() {
    DemoPatching patching = report.patching();
    section("What carries the answer", sentence(DemoPatching.EXPLANATION));
    List<String> titles = new ArrayList<>(List.of("before"));
    for (int layer = 0; layer < patching.layers(); layer++) {
      titles.add("block " + layer);
    }
    table(titles);
    for (int position = patching.first(); position < report.ids().length; position++) {
      String place = patching.place(report.tokens(), position).strip();
      page.open("tr").element("th", place, "class", "mono", "scope", "row");
      for (int layer = 0; layer < patching.layers(); layer++) {
        double value = patching.sweep().at(layer, position);
        page.element(
            "td", DemoPatching.text(value), "class", "cell " + Shades.of(Math.min(1, value)));
      }
      page.close().line();
    }
    endTable();
  }

  private void scope() {
    section("What a vector stands for", sentence(DemoScope.EXPLANATION));
    said(
        "country",
        List.of(report.scope().columns()),
        DemoScope.COUNTRIES,
        (layer, country) -> report.scope().at(report.tokens(), layer, country));
  }

  private static String sentence(String text) {
    return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1) + ".";
  }

  private static List<String> depths(int count) {
    List<String> titles = new ArrayList<>();
    for (int depth = 0; depth < count; depth++) {
      titles.add(DemoLens.title(depth));
    }
    return titles;
  }

  private List<String> names() {
    return IntStream.range(0, report.ids().length).mapToObj(this::name).toList();
  }

  private LensTable.Cell cell(int id, double probability) {
    return new LensTable.Cell(
        report.tokens().shown(id), Integer.toString(DemoLens.percent(probability)), probability);
  }

  /** A table of tokens with their probabilities. */
  private void said(String corner, List<String> columns, List<String> rows, LensTable.Cells cells) {
    List<String> titles = new ArrayList<>(columns);
    titles.addFirst(corner);
    table(titles);
    for (int row = 0; row < rows.size(); row++) {
      page.open("tr").element("th", rows.get(row), "class", "mono", "scope", "row");
      for (int column = 0; column < columns.size(); column++) {
        LensTable.Cell cell = cells.at(column, row);
        page.open("td", "class", "cell " + Shades.of(cell.share())).text(cell.token());
        page.element("span", cell.number() + " %", "class", "share").close();
      }
      page.close().line();
    }
    endTable();
  }
}
