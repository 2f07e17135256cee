package dev.diopter.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The source's options of the patchscope commands. */
final class ScopeSource {
  @Option(names = "--source", paramLabel = "TEXT", description = "The source's prompt.")
  @Nullable String text;

  @Option(
      names = "--source-token-ids",
      paramLabel = "1,2,3",
      description = "The source's token ids instead of a text.")
  @Nullable String ids;

  @Option(
      names = "--source-soft-prompt",
      paramLabel = "F.npz",
      description = "Vectors in the place of token embeddings: an array soft_prompt, [n, width].")
  @Nullable Path soft;

  @Option(
      names = "--source-model",
      paramLabel = "MODEL",
      description = "Another model for the source, with a tokenizer of its own.")
  @Nullable String model;

  @Option(
      names = "--source-layer",
      paramLabel = "L",
      description =
          "Output of this block that is taken, embed or final; -1, the last, unless given.")
  @Nullable String layer;

  @Option(
      names = "--source-position",
      paramLabel = "P",
      description = "Positions: 3, -1, 0,2, 1-4, -3..-1 or all; all unless given.")
  @Nullable String position;

  @Option(
      names = "--source-substring",
      paramLabel = "TEXT",
      description = "Instead of positions: the tokens that hold this part of the prompt.")
  @Nullable String substring;

  @Option(
      names = "--source-occurrence",
      paramLabel = "N",
      description = "Which one of several, from 0 or -1 from the end, or every; 0 unless given.")
  @Nullable String occurrence;

  @Option(
      names = "--source-part",
      paramLabel = "PART",
      description = "Which tokens of the substring: all (default), first or last.")
  @Nullable String part;

  @Option(
      names = "--source-head",
      paramLabel = "H",
      description = "Heads whose mixed values (z) are taken instead of the residual stream.")
  @Nullable String head;

  ScopeSide side() {
    return new ScopeSide(
        "source", text, ids, soft, layer, position, substring, occurrence, part, head);
  }
}
