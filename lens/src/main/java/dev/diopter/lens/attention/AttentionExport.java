package dev.diopter.lens.attention;

import dev.diopter.engine.Model;
import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.Json;
import dev.diopter.models.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Results as JSON and CSV, with unrounded numbers. */
public final class AttentionExport {
  private AttentionExport() {}

  /** What was asked and counted, and the rows. */
  public static ObjectNode object(Model model, AttentionResult result) {
    Tokenizer tokenizer = model.tokenizer();
    ObjectNode object = header(model, result.query());
    object.put("order", result.query().order().label());
    object.put("texts", result.texts());
    object.put("samples", result.samples());
    object.put("sink_only", result.sinkOnly());
    object.put("entries", result.entries());
    object.put("matching", result.matching());
    object.put("sum_of_multiples", result.sumOfMultiples());
    object.put("sink_share", result.sinkShare());
    object.put("mean_distance", result.meanDistance());
    ArrayNode keys = object.putArray("top_keys");
    for (AttentionResult.KeyToken key : result.topKeys()) {
      ObjectNode entry = keys.addObject();
      entry.put("id", key.id());
      entry.put("token", tokenizer.label(key.id()));
      entry.put("support", key.support());
      entry.put("texts", key.texts());
      entry.put("mean_multiple", key.meanMultiple());
    }
    ArrayNode rows = object.putArray("rows");
    for (Entry e : result.rows()) {
      ObjectNode row = rows.addObject();
      row.put("token", tokenizer.label(e.keyId()));
      row.put("multiple", e.multiple());
      row.put("weight", e.weight());
      row.put("text", e.text());
      row.put("start", e.start());
      row.put("query", e.query());
      row.put("key", e.key());
      row.put("id", e.keyId());
      row.put("query_id", e.queryId());
      row.put("query_token", tokenizer.label(e.queryId()));
      row.put("prefix", tokenizer.decode(e.prefix()));
      ArrayNode ids = row.putArray("ids");
      ArrayNode pattern = row.putArray("pattern");
      for (int k = 0; k <= e.query(); k++) {
        ids.add(e.ids()[k]);
        pattern.add(e.row()[k]);
      }
    }
    return object;
  }

  /** What was asked, of which model. */
  public static ObjectNode header(Model model, AttentionQuery query) {
    ObjectNode object = Json.object();
    object.put("model", model.name());
    object.put("backend", model.backend());
    object.put("layer", query.head().layer());
    object.put("head", query.head().head());
    object.put("mode", query.mode().label());
    object.put("formula", query.mode().formula());
    object.put("sinks", query.sinks().label());
    object.put("min_length", query.sampling().minLength());
    object.put("max_length", query.sampling().maxLength());
    object.put("stride", query.sampling().stride());
    object.put("query_stride", query.sampling().queryStride());
    object.put("bos", query.sampling().bos());
    return object;
  }

  /** The rows as a CSV file (RFC 4180) that appears whole or not at all. */
  public static void csv(Model model, AttentionResult result, Path file) {
    Tokenizer tokenizer = model.tokenizer();
    StringBuilder out = new StringBuilder();
    line(
        out,
        List.of(
            "rank",
            "text",
            "start",
            "query",
            "key",
            "query_id",
            "query_token",
            "id",
            "token",
            "weight",
            "multiple",
            "prefix"));
    int rank = 1;
    for (Entry e : result.rows()) {
      line(
          out,
          List.of(
              Integer.toString(rank++),
              Integer.toString(e.text()),
              Integer.toString(e.start()),
              Integer.toString(e.query()),
              Integer.toString(e.key()),
              Integer.toString(e.queryId()),
              tokenizer.label(e.queryId()),
              Integer.toString(e.keyId()),
              tokenizer.label(e.keyId()),
              Float.toString(e.weight()),
              Double.toString(e.multiple()),
              tokenizer.decode(e.prefix())));
    }
    write(out, file);
  }

  /** The table of heads as a CSV file that appears whole or not at all. */
  public static void csv(List<HeadScores> heads, Path file) {
    StringBuilder out = new StringBuilder("layer,head");
    for (HeadScores.Column column : HeadScores.Column.values()) {
      out.append(',').append(column.key());
    }
    out.append("\r\n");
    for (HeadScores scores : heads) {
      out.append(scores.head().layer()).append(',').append(scores.head().head());
      for (HeadScores.Column column : HeadScores.Column.values()) {
        double value = column.of(scores);
        out.append(',').append(Double.isNaN(value) ? "" : Double.toString(value));
      }
      out.append("\r\n");
    }
    write(out, file);
  }

  /** Scores of heads as an array. */
  public static ArrayNode array(List<HeadScores> heads) {
    ArrayNode array = Json.array();
    for (HeadScores scores : heads) {
      ObjectNode entry = array.addObject();
      entry.put("layer", scores.head().layer());
      entry.put("head", scores.head().head());
      for (HeadScores.Column column : HeadScores.Column.values()) {
        double value = column.of(scores);
        if (Double.isNaN(value)) {
          entry.putNull(column.key());
        } else {
          entry.put(column.key(), value);
        }
      }
    }
    return array;
  }

  private static void write(StringBuilder text, Path file) {
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, out -> out.write(bytes));
  }

  private static void line(StringBuilder out, List<String> cells) {
    for (int i = 0; i < cells.size(); i++) {
      String cell = cells.get(i);
      boolean quoted = cell.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
      out.append(i == 0 ? "" : ",").append(quoted ? '"' + cell.replace("\"", "\"\"") + '"' : cell);
    }
    out.append("\r\n");
  }
}
