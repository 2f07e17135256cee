package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.attention.AttentionData;
import dev.diopter.lens.attention.AttentionExport;
import dev.diopter.lens.attention.AttentionQuery;
import dev.diopter.lens.attention.ChatEndpoint;
import dev.diopter.lens.attention.Corpus;
import dev.diopter.lens.attention.Describer;
import dev.diopter.lens.attention.Description;
import dev.diopter.lens.attention.EndpointException;
import dev.diopter.lens.attention.SelfCheck;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter attention describe}: a head in words. */
@picocli.CommandLine.Command(
    name = "describe",
    description =
        "Put a head into words: by counts alone, or by a language model at an OpenAI-compatible"
            + " endpoint, which is then tested on rows that it was not shown.",
    customSynopsis = "diopter attention describe [OPTIONS] MODEL --layer L --head H --texts FILE",
    footer = {
      "",
      "Example: diopter attention describe demo-gpt2 --bos --layer 2 --head 1 --texts texts.txt"
    })
final class AttentionDescribeCommand implements Command {
  private static final double MILLION = 1e6;

  @Mixin private final HeadInput input = new HeadInput();
  @Mixin private final TokenFilterOptions filter = new TokenFilterOptions();

  @Option(
      names = "--samples",
      paramLabel = "N",
      description = "Rows of evidence, from as many texts as there are; 10 unless given.")
  private int samples = 10;

  @Option(
      names = "--held-out",
      paramLabel = "N",
      description = "Rows to test the description on; 5 unless given.")
  private int heldOut = 5;

  @Option(names = "--seed", paramLabel = "N", description = "Decides the rows, 0 unless given.")
  private long seed;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "A request of your own, added to the prompt.")
  private @Nullable String prompt;

  @Option(
      names = "--endpoint",
      paramLabel = "URL",
      description = "Base address of an OpenAI-compatible API, such as http://localhost:8080/v1.")
  private @Nullable String endpoint;

  @Option(names = "--endpoint-model", paramLabel = "NAME", description = "The model's name there.")
  private @Nullable String endpointModel;

  @Option(
      names = "--key-env",
      paramLabel = "NAME",
      description = "Environment variable with the key; OPENAI_API_KEY unless given.")
  private String keyVariable = "OPENAI_API_KEY";

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "Of one attempt, 60 unless given.")
  private int timeout = 60;

  @Option(
      names = "--attempts",
      paramLabel = "N",
      description = "How often to ask where the endpoint fails; 4 unless given.")
  private int attempts = 4;

  @Option(
      names = "--budget",
      paramLabel = "TOKENS",
      description = "Most tokens of the prompt, by estimate; 8000 unless given.")
  private long budget = 8000;

  @Option(
      names = "--answer-tokens",
      paramLabel = "N",
      description = "Most tokens of an answer, 400 unless given.")
  private int answerTokens = 400;

  @Option(
      names = "--price-in",
      paramLabel = "PRICE",
      description = "Price of a million prompt tokens, for the preview of the cost.")
  private @Nullable Double priceIn;

  @Option(
      names = "--price-out",
      paramLabel = "PRICE",
      description = "Price of a million answer tokens.")
  private @Nullable Double priceOut;

  @Option(names = "--dry-run", description = "Show the prompt and its size; ask nobody.")
  private boolean dryRun;

  @Mixin private final ComputeOptions compute = new ComputeOptions();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  AttentionDescribeCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    compute.validate();
    result.validate();
    AttentionQuery query = filter.on(input.query());
    Corpus corpus = input.corpus();
    Describer describer = new Describer(samples, heldOut, seed, prompt, budget, answerTokens);
    try (ChatEndpoint chat = endpoint(); // Before anything is computed: its address may be none.
        Model model = compute.open(input.model(), screen, output)) {
      input.advise(model, output);
      Description description = describe(model, corpus, query, describer, chat);
      if (result.wanted(output)) {
        result.deliver(object(model, description), screen, output);
      }
      if (!output.json()) {
        print(description);
      }
      end(description);
    }
  }

  /** Says what the check lacks, behind the description, which was paid for. */
  private void end(Description description) {
    SelfCheck check = description.check();
    if (check != null && check.asked() < heldOut) {
      output.note(
          "%d of %d held-out rows: the texts give no more; give more texts, or fewer --samples"
              .formatted(check.asked(), heldOut));
    }
    if (description.checkFailure() != null) {
      screen.out().flush();
      throw new EndpointException(
          "the check failed, the description stands: " + description.checkFailure());
    }
  }

  private @Nullable ChatEndpoint endpoint() {
    if (timeout < 1 || attempts < 1) {
      throw new UsageException(
          "%s: expected 1 or more, got %d"
              .formatted(timeout < 1 ? "--timeout" : "--attempts", Math.min(timeout, attempts)));
    }
    if (endpoint == null) {
      return null;
    }
    if (endpointModel == null) {
      throw new UsageException("--endpoint: expected --endpoint-model with it, got none");
    }
    return new ChatEndpoint(
        new ChatEndpoint.Options(
            endpoint,
            endpointModel,
            screen.variable(keyVariable),
            Duration.ofSeconds(timeout),
            attempts,
            answerTokens,
            seed));
  }

  private Description describe(
      Model model,
      Corpus corpus,
      AttentionQuery query,
      Describer describer,
      @Nullable ChatEndpoint chat) {
    try (Progress progress = Progress.start(screen, output, "reading texts")) {
      AttentionData data = AttentionData.of(model, corpus).onText(done -> progress.update(done, 0));
      if (dryRun) {
        return describer.preview(data, query);
      }
      if (chat == null) {
        return describer.local(data, query);
      }
      if (output.verbose()) {
        announce(describer.preview(data, query));
      }
      return describer.by(chat, data, query);
    }
  }

  private void announce(Description preview) {
    Double cost = cost(preview);
    output.detail(
        "asking %s: at most %s prompt tokens and %s answer tokens%s"
            .formatted(
                endpointModel,
                Numbers.grouped(preview.promptTokens()),
                Numbers.grouped(preview.answerTokens()),
                cost == null ? "" : ", cost at most " + Numbers.fixed(cost, 4)));
  }

  private @Nullable Double cost(Description description) {
    return priceIn == null && priceOut == null
        ? null
        : ((priceIn == null ? 0 : priceIn) * description.promptTokens()
                + (priceOut == null ? 0 : priceOut) * description.answerTokens())
            / MILLION;
  }

  private @Nullable String describedBy() {
    return dryRun ? null : endpoint == null ? "local" : endpointModel;
  }

  private ObjectNode object(Model model, Description description) {
    ObjectNode object = AttentionExport.header(model, description.query());
    object.put("texts", description.totals().texts());
    object.put("samples", description.totals().samples());
    object.put("entries", description.totals().entries());
    object.put("description", description.description());
    object.put("described_by", describedBy());
    object.set("evidence", description.evidence());
    object.put("prompt", description.prompt());
    object.put("estimated_prompt_tokens", description.promptTokens());
    object.put("estimated_answer_tokens", description.answerTokens());
    object.put("estimated_cost", cost(description));
    SelfCheck check = description.check();
    object.put("check_failure", description.checkFailure());
    object.put("held_out", check == null ? 0 : check.asked());
    object.put("held_out_failed", check == null ? 0 : check.failed());
    object.put("correlation", check == null ? null : check.correlation());
    object.put("rank_correlation", check == null ? null : check.rankCorrelation());
    return object;
  }

  private void print(Description description) {
    Style style = Style.of(screen);
    if (dryRun) {
      screen.out().print(Text.harmless(description.prompt()));
      Double cost = cost(description);
      output.note(
          "at most %s prompt tokens and %s answer tokens, the check included%s; nothing was sent"
              .formatted(
                  Numbers.grouped(description.promptTokens()),
                  Numbers.grouped(description.answerTokens()),
                  cost == null ? "" : "; cost at most " + Numbers.fixed(cost, 4)));
      return;
    }
    screen
        .out()
        .println(
            style.title(
                "%s, described by %s".formatted(description.query().head(), describedBy())));
    Pages.fact(
        screen,
        "mode",
        description.query().mode().label() + ": " + description.query().mode().formula());
    screen.out().println();
    String words = Text.harmless(String.valueOf(description.description()));
    words
        .lines()
        .flatMap(l -> Tables.wrap(l, screen.width() - 2).stream())
        .forEach(l -> screen.out().println("  " + l));
    SelfCheck check = description.check();
    if (check != null) {
      screen.out().println();
      Pages.fact(
          screen,
          "check",
          "%d held-out rows%s: correlation %s, of ranks %s"
              .formatted(
                  check.asked(),
                  check.failed() == 0 ? "" : ", %d without an answer".formatted(check.failed()),
                  number(check.correlation()),
                  number(check.rankCorrelation())));
    }
  }

  private static String number(@Nullable Double value) {
    return value == null ? "none" : Numbers.fixed(value, 3);
  }
}
