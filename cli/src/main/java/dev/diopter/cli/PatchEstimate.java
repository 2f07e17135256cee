package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.formats.Json;
import dev.diopter.lens.patching.PatchCost;
import dev.diopter.lens.patchscope.Estimate;
import dev.diopter.models.DecoderConfig;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a patching costs at most, said before it runs.
 *
 * @param most its work
 * @param naive the work of a whole run for each cell
 * @param bytes memory, about
 * @param seconds time, about
 */
record PatchEstimate(PatchCost most, PatchCost naive, long bytes, double seconds) {

  /**
   * Estimates; runs a short pass to see how fast the model is.
   *
   * @param length tokens of each prompt
   * @param hooks how many values are kept of both runs beside the stream
   * @param together memory for cells that run together
   */
  static PatchEstimate of(Model model, PatchCost most, int length, int hooks, long together) {
    DecoderConfig config = model.config();
    long layers = config.layers();
    long runs = most.cells() + 2;
    long keys = 2L * config.keyValueHeads() * config.headDim();
    long kept = 4L * 2 * length * layers * ((1L + hooks) * config.width() + keys);
    long products = Estimate.products(config, most.tokenLayers(), most.unembeddings());
    return new PatchEstimate(
        most,
        new PatchCost(runs * length * layers, runs, most.cells(), most.cells()),
        together + kept,
        Estimate.seconds(model, products));
  }

  ObjectNode object() {
    ObjectNode object = Json.object();
    object.put("cells", most.cells());
    object.put("token_layers", most.tokenLayers());
    object.put("unembeddings", most.unembeddings());
    ObjectNode each = object.putObject("one_run_each");
    each.put("token_layers", naive.tokenLayers());
    each.put("unembeddings", naive.unembeddings());
    object.put("bytes", bytes);
    object.put("seconds", seconds);
    return object;
  }

  void print(Screen screen) {
    Pages.fact(screen, "cells", Numbers.grouped(most.cells()));
    Pages.fact(screen, "token-layers", atMost(most.tokenLayers(), naive.tokenLayers()));
    Pages.fact(screen, "unembeddings", atMost(most.unembeddings(), naive.unembeddings()));
    Pages.fact(screen, "memory", "at most about " + Numbers.bytes(bytes));
    Pages.fact(screen, "time", "about " + Numbers.duration(Math.round(seconds * 1e9)) + " or less");
  }

  private static String atMost(long own, long each) {
    return "at most %s; %s with a run for each cell"
        .formatted(Numbers.grouped(own), Numbers.grouped(each));
  }
}
