package dev.diopter.lens.attention;

import dev.diopter.engine.Model;
import dev.diopter.lens.pictures.HtmlPage;
import dev.diopter.lens.pictures.Shades;
import dev.diopter.models.TokenLabels;
import dev.diopter.models.Tokenizer;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;

/**
 * Entries as a self-contained page: each prefix with its tokens shaded by attention, the query and
 * the scored key marked by shape as well as colour, a legend, and the numbers of each token on
 * hover. Nothing of the result is changed.
 */
public final class AttentionPage {
  private static final double[] LEGEND = {0, .01, .05, .1, .25, .5, 1};

  private static final String STYLE =
      """
      .cells { line-height: 2.05; }
      .t { display: inline-block; padding: 0 .18rem; margin: 0 1px; border-radius: 3px;
        line-height: 1.45; border: 2px solid transparent;
        font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .86rem;
        white-space: pre; color: #000; }
      .q { border: 2px solid #000; outline: 1px solid #fff; }
      .k { border: 2px solid #d55e00; box-shadow: 0 0 0 1px #d55e00; font-weight: 700; }
      .k::before { content: "\\25B8"; color: #d55e00; background: #fff; border-radius: 2px;
        margin-right: .15rem; }
      .q.k { border-color: #000; box-shadow: 0 0 0 2px #d55e00; outline: none; }
      .s { background: #e7e7e7; color: #555; border-style: dashed; border-color: #999;
        border-width: 1px; }
      .legend { display: flex; flex-wrap: wrap; gap: .2rem .9rem; align-items: center;
        margin: .6rem 0; }
      .grid { overflow-x: auto; }
      .multiple { font-weight: 700; }
      """;

  private final Model model;
  private final Tokenizer tokenizer;
  private final AttentionResult result;
  private final HtmlPage page;
  private final SinkSet.Finder sinks;

  private AttentionPage(Model model, AttentionResult result, String what) {
    this.model = model;
    this.tokenizer = model.tokenizer();
    this.result = result;
    this.sinks = result.query().sinks().finder(model.config(), tokenizer);
    this.page = new HtmlPage(title(what)).style(STYLE).style(Shades.css());
  }

  private String title(String what) {
    return "%s of %s: %s".formatted(result.query().head(), model.name(), what);
  }

  /**
   * The page.
   *
   * @param what which rows these are, such as {@code the 10 highest multiples}
   */
  public static HtmlPage of(Model model, AttentionResult result, String what) {
    AttentionPage drawn = new AttentionPage(model, result, what);
    drawn.head(what);
    drawn.legend();
    drawn.rows();
    drawn.keys();
    return drawn.page;
  }

  private void head(String what) {
    page.element("h1", title(what));
    String matching =
        result.matching() == result.entries()
            ? ""
            : ", %d of them match the filter".formatted(result.matching());
    page.element(
        "p",
        "%d texts, %d sampled rows, %d entries above 1%s. The sinks get %s %% of the attention; its mean distance is %s tokens."
            .formatted(
                result.texts(),
                result.samples(),
                result.entries(),
                matching,
                fixed(100 * result.sinkShare(), 1),
                fixed(result.meanDistance(), 1)),
        "class",
        "soft");
    page.open("p").text("Mode " + result.query().mode().label() + ": ");
    page.element("code", result.query().mode().formula()).close().line();
  }

  private boolean withoutSinks() {
    return result.query().mode() == ScoreMode.NO_SINK;
  }

  private void legend() {
    page.open("div", "class", "legend");
    page.element("span", withoutSinks() ? "Share of what is not on sinks:" : "Attention:");
    for (double share : LEGEND) {
      page.element("span", plain(share), "class", "t " + Shades.of(share));
    }
    page.element("span", "query", "class", "t q w0");
    page.element("span", "scored key", "class", "t k w0");
    if (withoutSinks()) {
      page.element("span", "sink, left out", "class", "t s");
    }
    page.element("span", "\u2423 blank  \u23ce line end", "class", "soft");
    page.close().line();
  }

  private void rows() {
    page.element("h2", "Entries");
    if (result.rows().isEmpty()) {
      page.element("p", "None.");
      return;
    }
    page.open("div", "class", "grid").open("table").open("thead").open("tr");
    page.element("th", "#", "class", "number").element("th", "key");
    page.element("th", "multiple", "class", "number").element("th", "query");
    page.element("th", "text", "class", "number").element("th", "attention of the query");
    page.close().close().open("tbody").line();
    int rank = 1;
    for (Entry entry : result.rows()) {
      page.open("tr").element("td", Integer.toString(rank++), "class", "number");
      page.element("td", mark(entry.keyId()), "class", "mono");
      page.element("td", fixed(entry.multiple(), 2), "class", "number multiple");
      page.element("td", mark(entry.queryId()), "class", "mono");
      page.element("td", Integer.toString(entry.text()), "class", "number");
      page.open("td", "class", "cells");
      cells(entry);
      page.close().close().line();
    }
    page.close().close().close();
  }

  private void cells(Entry entry) {
    boolean[] sink = withoutSinks() ? sinks.of(entry.ids()) : new boolean[entry.ids().length];
    double rest = 0;
    for (int k = 0; k <= entry.query(); k++) {
      rest += sink[k] ? 0 : entry.row()[k];
    }
    for (int k = 0; k <= entry.query(); k++) {
      float weight = entry.row()[k];
      double share = rest > 0 ? weight / rest : 0;
      String look = sink[k] ? "s" : Shades.of(share);
      String marks = (k == entry.query() ? " q" : "") + (k == entry.key() ? " k" : "");
      page.element(
          "span",
          TokenMarks.of(TokenLabels.at(tokenizer, entry.ids(), k)),
          "class",
          "t " + look + marks,
          "title",
          "position %d, id %d, attention %s%s"
              .formatted(
                  k,
                  entry.ids()[k],
                  fixed(weight, 4),
                  k == entry.key() ? ", multiple " + fixed(entry.multiple(), 4) : ""));
    }
  }

  private void keys() {
    List<AttentionResult.KeyToken> keys = result.topKeys();
    if (keys.isEmpty()) {
      return;
    }
    page.element("h2", "Key tokens over all texts").open("table").open("thead").open("tr");
    page.element("th", "key").element("th", "entries", "class", "number");
    page.element("th", "texts", "class", "number");
    page.element("th", "mean multiple", "class", "number").close().close().open("tbody").line();
    for (AttentionResult.KeyToken key : keys) {
      page.open("tr").element("td", mark(key.id()), "class", "mono");
      page.element("td", Long.toString(key.support()), "class", "number");
      page.element("td", Long.toString(key.texts()), "class", "number");
      page.element("td", fixed(key.meanMultiple(), 2), "class", "number").close().line();
    }
    page.close().close();
  }

  private String mark(int id) {
    return TokenMarks.of(tokenizer.label(id));
  }

  private static String plain(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }

  private static String fixed(double value, int decimals) {
    return new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
  }
}
