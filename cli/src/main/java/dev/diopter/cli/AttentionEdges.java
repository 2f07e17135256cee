package dev.diopter.cli;

import dev.diopter.engine.Activation;
import dev.diopter.engine.Model;
import dev.diopter.engine.RunResult;
import dev.diopter.lens.attention.HeadId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Where the last token looks, which is where the prediction is made: the strongest edges of the
 * heads that look hardest at one token. Edges to the first position do not count: heads park there
 * what they have no use for. Nor do edges of the token to itself, which bring nothing new.
 *
 * @param heads the chosen heads, in the order of the pass, each with its strongest edges
 */
record AttentionEdges(List<List<Edge>> heads) {
  private static final int BAR = 20;

  /** Edges below it say nothing beside a stronger one. */
  private static final float FAINT = 0.05f;

  private static final String[] EIGHTHS = {
    "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"
  };

  /**
   * One cell of a pattern.
   *
   * @param layer its block
   * @param head its head
   * @param query from which position
   * @param key to which position
   * @param weight how much, 0 to 1
   */
  record Edge(int layer, int head, int query, int key, float weight) {}

  /** The hooks that a run must read for this. */
  static String hooks() {
    return "blocks.*.attn.hook_pattern";
  }

  /**
   * The {@code count} heads with the strongest edges, at most two of a layer, each with its {@code
   * edges} strongest.
   */
  static AttentionEdges of(Model model, RunResult run, int count, int edges) {
    List<List<Edge>> all = new ArrayList<>();
    for (int layer = 0; layer < model.config().layers(); layer++) {
      Activation pattern = run.activation("blocks.%d.attn.hook_pattern".formatted(layer));
      for (int head = 0; head < model.config().heads(); head++) {
        List<Edge> strongest = strongest(pattern, layer, head, edges);
        if (!strongest.isEmpty()) {
          all.add(strongest);
        }
      }
    }
    all.sort(Comparator.comparingDouble((List<Edge> head) -> head.getFirst().weight).reversed());
    int[] ofLayer = new int[model.config().layers()];
    List<List<Edge>> chosen = new ArrayList<>();
    for (List<Edge> head : all) {
      if (chosen.size() < count && ofLayer[head.getFirst().layer]++ < 2) {
        chosen.add(head);
      }
    }
    chosen.sort(
        Comparator.comparingInt((List<Edge> head) -> head.getFirst().layer)
            .thenComparingInt(h -> h.getFirst().head));
    return new AttentionEdges(chosen);
  }

  static List<Edge> strongest(Activation pattern, int layer, int head, int count) {
    int length = pattern.shape()[1];
    List<Edge> found = new ArrayList<>();
    for (int key = 1; key < length - 1; key++) {
      found.add(new Edge(layer, head, length - 1, key, pattern.get(head, length - 1, key)));
    }
    found.sort(Comparator.comparingDouble(Edge::weight).reversed());
    List<Edge> strongest = new ArrayList<>();
    for (Edge edge : found.subList(0, Math.min(count, found.size()))) {
      if (strongest.isEmpty() || edge.weight >= FAINT) {
        strongest.add(edge);
      }
    }
    return strongest;
  }

  /** The chosen heads. */
  List<HeadId> names() {
    return heads.stream()
        .map(edges -> new HeadId(edges.getFirst().layer, edges.getFirst().head))
        .toList();
  }

  /** The chosen head with the strongest edge of all. */
  HeadId hardest() {
    return names().stream()
        .max(Comparator.comparingDouble(head -> strongest(head).weight))
        .orElseThrow();
  }

  /** The strongest edge of a chosen head. */
  Edge strongest(HeadId head) {
    return heads.get(names().indexOf(head)).getFirst();
  }

  /** Prints a line for each edge. */
  void print(Screen screen, Tokens tokens, int[] ids) {
    Style style = Style.of(screen);
    Tables table = new Tables().left("head").left("from").left("to").right("weight").left("");
    for (List<Edge> edges : heads) {
      String name = "%d.%d".formatted(edges.getFirst().layer, edges.getFirst().head);
      for (Edge edge : edges) {
        table.row(
            name,
            Pages.place(tokens, ids, edge.query),
            Pages.place(tokens, ids, edge.key),
            Numbers.fixed(edge.weight, 2),
            style.bar(bar(edge.weight)));
        name = "";
      }
    }
    table.print(screen);
  }

  private static String bar(float weight) {
    int eighths = Math.clamp(Math.round(weight * BAR * 8), 0, BAR * 8);
    return "\u2588".repeat(eighths / 8) + EIGHTHS[eighths % 8];
  }

  /** Puts the edges. */
  void put(ObjectNode object) {
    ArrayNode array = object.putArray("edges");
    for (List<Edge> edges : heads) {
      for (Edge edge : edges) {
        ObjectNode entry = array.addObject();
        entry.put("layer", edge.layer);
        entry.put("head", edge.head);
        entry.put("query", edge.query);
        entry.put("key", edge.key);
        entry.put("weight", edge.weight);
      }
    }
  }
}
