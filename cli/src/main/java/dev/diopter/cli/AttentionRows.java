package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.AttentionData;
import dev.diopter.lens.attention.AttentionExport;
import dev.diopter.lens.attention.AttentionPage;
import dev.diopter.lens.attention.AttentionQuery;
import dev.diopter.lens.attention.AttentionResult;
import dev.diopter.lens.attention.Corpus;
import dev.diopter.lens.attention.Entry;
import dev.diopter.lens.attention.EntryOrder;
import dev.diopter.lens.attention.ScoreMode;
import dev.diopter.lens.attention.SinkSet;
import java.nio.file.Path;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What the commands that list entries have in common. */
final class AttentionRows {
  @Mixin private final HeadInput input = new HeadInput();

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Most entries to list, 10 unless given; more than there are gives all.")
  private int limit = 10;

  @Mixin private final TokenFilterOptions filter = new TokenFilterOptions();

  @Option(
      names = "--order",
      paramLabel = "ORDER",
      description =
          "exact (full precision) or rounded (the original's: one decimal, ties in the order of the"
              + " texts); rounded with --mode raw and compat, exact otherwise.")
  private @Nullable String order;

  @Option(names = "--csv", paramLabel = "FILE", description = "Write the entries as CSV.")
  private @Nullable Path csv;

  @Option(names = "--html", paramLabel = "FILE", description = "Write the entries as a page.")
  private @Nullable Path html;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();

  int limit() {
    return limit;
  }

  private AttentionQuery query() {
    AttentionQuery query = input.query();
    if (order != null) {
      query = query.order(TokenFilterOptions.choice("--order", order, EntryOrder.values()));
    }
    return filter.on(query);
  }

  /** Asks, and shows the answer. */
  void run(
      Screen screen,
      OutputOptions output,
      String what,
      BiFunction<AttentionData, AttentionQuery, AttentionResult> question) {
    compute.validate();
    result.validate();
    AttentionQuery query = query();
    if (limit < 0) {
      throw new UsageException("--limit: expected 0 or more, got " + limit);
    }
    if (csv != null) {
      ResultFile.requireWritable(csv);
    }
    if (html != null) {
      ResultFile.requireWritable(html);
    }
    Corpus corpus = input.corpus();
    try (Model model = compute.open(input.model(), screen, output)) {
      input.advise(model, output);
      AttentionResult found;
      try (Progress progress = Progress.start(screen, output, "reading texts")) {
        found =
            question.apply(
                AttentionData.of(model, corpus).onText(done -> progress.update(done, 0)), query);
      }
      if (result.wanted(output)) {
        result.deliver(AttentionExport.object(model, found), screen, output);
      }
      if (csv != null) {
        AttentionExport.csv(model, found, csv);
        output.note("wrote " + csv);
      }
      if (html != null) {
        AttentionPage.of(model, found, what).write(html);
        output.note("wrote " + html);
      }
      if (!output.json()) {
        print(screen, model, found, what);
      }
    }
  }

  private static void print(Screen screen, Model model, AttentionResult found, String what) {
    Tokens tokens = Tokens.of(model);
    Style style = Style.of(screen);
    AttentionQuery query = found.query();
    screen.out().println(style.title("%s: %s".formatted(query.head(), what)));
    Pages.fact(screen, "mode", query.mode().label() + ": " + query.mode().formula());
    Pages.fact(
        screen,
        "texts",
        "%s, with %s sampled rows and %s entries%s"
            .formatted(
                Numbers.grouped(found.texts()),
                Numbers.grouped(found.samples()),
                Numbers.grouped(found.entries()),
                query.filter() == null
                    ? ""
                    : ", %s of them match".formatted(Numbers.grouped(found.matching()))));
    Pages.fact(
        screen,
        "attention",
        "%s %% on sinks (%s), mean distance %s tokens"
            .formatted(
                Numbers.fixed(100 * found.sinkShare(), 1),
                query.sinks().label(),
                Numbers.fixed(found.meanDistance(), 1)));
    screen.out().println();
    if (found.rows().isEmpty()) {
      screen.out().println("  no entries");
      return;
    }
    Tables table =
        new Tables()
            .right("#")
            .left("key")
            .right("multiple")
            .right("weight")
            .right("text")
            .left("the text up to the query\u25c2, with the \u25b8key");
    SinkSet.Finder sinks =
        (query.mode() == ScoreMode.NO_SINK ? query.sinks() : SinkSet.NONE)
            .finder(model.config(), model.tokenizer());
    int rank = 1;
    for (Entry entry : found.rows()) {
      table.row(
          Integer.toString(rank++),
          Text.fit(tokens.shown(entry.keyId()), 14),
          Numbers.fixed(entry.multiple(), 2),
          Numbers.fixed(entry.weight(), 3),
          Integer.toString(entry.text()),
          cells(entry, tokens, style, sinks.of(entry.ids())));
    }
    table.print(screen);
  }

  /** The tokens on a background that says how much attention they get; little is not nothing. */
  private static String cells(Entry entry, Tokens tokens, Style style, boolean[] sinks) {
    StringBuilder line = new StringBuilder();
    double rest = 0;
    for (int k = 0; k <= entry.query(); k++) {
      rest += sinks[k] ? 0 : entry.row()[k];
    }
    for (int k = 0; k <= entry.query(); k++) {
      String name = tokens.shown(entry.ids()[k]);
      if (k == entry.key()) {
        name = "\u25b8" + name;
      }
      if (k == entry.query()) {
        name = name + "\u25c2";
      }
      double share = rest > 0 ? Math.min(1, entry.row()[k] / rest) : 0;
      line.append(k == 0 ? "" : " ")
          .append(sinks[k] ? style.faint(name) : style.heat(name, Math.sqrt(share)));
    }
    return line.toString();
  }
}
