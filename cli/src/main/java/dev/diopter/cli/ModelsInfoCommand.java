package dev.diopter.cli;

import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelInfo;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.Tokenizer;
import java.util.Locale;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code diopter models info}: what can be said of a model without running it. */
@picocli.CommandLine.Command(
    name = "info",
    description =
        "Show a model's architecture, sizes, special ids and tokenizer, without loading it.")
final class ModelsInfoCommand implements Command {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String name = "";

  @Mixin private final ProcessOption process = new ProcessOption();
  @Mixin private final ResultFile result = new ResultFile();
  @Mixin private final OutputOptions output;
  private final Screen screen;

  ModelsInfoCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    result.validate();
    try (OpenModel model = ModelStore.system().open(name, process.wanted());
        Tokenizer tokenizer = model.openTokenizer()) {
      process.advise(model.processing(), output);
      ObjectNode object = object(model, tokenizer);
      if (result.wanted(output)) {
        result.deliver(object, screen, output);
      }
      if (!output.json()) {
        print(object);
      }
    }
  }

  private static ObjectNode object(OpenModel model, @Nullable Tokenizer tokenizer) {
    ModelInfo info = model.info();
    DecoderConfig config = model.config();
    ObjectNode object = Json.object();
    object.put("name", info.name());
    object.put("path", info.path() == null ? null : info.path().toString());
    object.put("architecture", config.architecture());
    object.put("parameters", info.parameters());
    object.put("dtype", info.dtype());
    object.put("bytes", info.bytes());
    object.put("layers", config.layers());
    object.put("width", config.width());
    object.put("heads", config.heads());
    object.put("key_value_heads", config.keyValueHeads());
    object.put("head_dim", config.headDim());
    object.put("mlp_width", config.mlpWidth());
    object.put("vocabulary", config.vocabulary());
    object.put("context", config.contextLength());
    object.put("norm", config.norm().name().toLowerCase(Locale.ROOT));
    object.put("norm_epsilon", config.normEpsilon());
    DecoderConfig.Rotary rotary = config.rotary();
    object.put("positions", config.positions().name().toLowerCase(Locale.ROOT));
    object.put("rotary", rotary == null ? null : rotary.kind());
    object.put("mlp", config.mlp().name().toLowerCase(Locale.ROOT));
    object.put("tied_head", config.tiedHead());
    object.set("processing", ProcessOption.array(model.processing()));
    object.put("bos_id", config.bosId());
    ArrayNode eos = object.putArray("eos_ids");
    new TreeSet<>(config.eosIds()).forEach(eos::add);
    if (tokenizer == null) {
      object.putNull("tokenizer");
    } else {
      ObjectNode about = object.putObject("tokenizer");
      about.put("size", tokenizer.size());
      ArrayNode special = about.putArray("special");
      for (int id : tokenizer.specialIds()) {
        ObjectNode entry = special.addObject();
        entry.put("id", id);
        entry.put("token", tokenizer.label(id));
      }
    }
    return object;
  }

  /** The same facts, grouped and with units. */
  private void print(ObjectNode facts) {
    Style style = Style.of(screen);
    screen.out().println(style.title(facts.path("name").stringValue()));
    screen.out().println();
    line("where", facts.path("path").isNull() ? "bundled" : facts.path("path").stringValue());
    line("architecture", text(facts, "architecture"));
    line(
        "weights",
        "%s parameters, %s, %s"
            .formatted(
                Numbers.grouped(facts.path("parameters").longValue()),
                text(facts, "dtype"),
                Numbers.bytes(facts.path("bytes").longValue())));
    line("layers", text(facts, "layers"));
    line("width", text(facts, "width"));
    line(
        "heads",
        "%s of width %s, %s for keys and values"
            .formatted(
                text(facts, "heads"), text(facts, "head_dim"), text(facts, "key_value_heads")));
    line("MLP", "%s, width %s".formatted(text(facts, "mlp"), text(facts, "mlp_width")));
    line("norm", "%s, epsilon %s".formatted(text(facts, "norm"), text(facts, "norm_epsilon")));
    line(
        "positions",
        text(facts, "positions")
            + (facts.path("rotary").isNull() ? "" : ", " + text(facts, "rotary")));
    line("context", text(facts, "context") + " tokens");
    line(
        "vocabulary",
        text(facts, "vocabulary")
            + (facts.path("tied_head").booleanValue() ? ", tied head" : ", head of its own"));
    if (!facts.path("processing").isEmpty()) {
      line(
          "processing",
          String.join(
              ", ", facts.path("processing").valueStream().map(JsonNode::asString).toList()));
    }
    line("BOS id", facts.path("bos_id").isNull() ? "none" : text(facts, "bos_id"));
    line("EOS ids", ids(facts.path("eos_ids")));
    line("tokenizer", tokenizer(facts.path("tokenizer")));
  }

  private static String tokenizer(JsonNode tokenizer) {
    if (tokenizer.isNull()) {
      return "none: give token ids instead of text";
    }
    StringBuilder text = new StringBuilder(tokenizer.path("size").asString() + " tokens");
    String before = "; special: ";
    int shown = 0;
    for (JsonNode token : tokenizer.path("special")) {
      if (shown++ == 6) {
        text.append(", \u2026 ").append(tokenizer.path("special").size() - 6).append(" more");
        break;
      }
      text.append(before).append(Text.visible(token.path("token").stringValue()));
      text.append(' ').append(token.path("id").asString());
      before = ", ";
    }
    return text.toString();
  }

  private static String ids(JsonNode ids) {
    StringBuilder text = new StringBuilder();
    for (JsonNode id : ids) {
      text.append(text.isEmpty() ? "" : ", ").append(id.asString());
    }
    return text.isEmpty() ? "none" : text.toString();
  }

  private static String text(JsonNode facts, String key) {
    return facts.path(key).asString();
  }

  private void line(String label, String value) {
    Pages.fact(screen, label, value);
  }
}
