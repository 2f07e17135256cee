package dev.diopter.cli;

import dev.diopter.lens.attention.Sampling;
import dev.diopter.lens.attention.SinkSet;
import picocli.CommandLine.Option;

/** Which tokens of the texts are looked at. */
final class SamplingOptions {
  @Option(
      names = "--min-length",
      paramLabel = "N",
      description = "The smallest query index that is sampled, from 0; 10 unless given.")
  private int minLength = Sampling.DEFAULT.minLength();

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "Most tokens of a window, BOS included; 30 unless given.")
  private int maxLength = Sampling.DEFAULT.maxLength();

  @Option(
      names = "--stride",
      paramLabel = "N",
      description =
          "Tokens between windows over a long text; 0 (default) reads its beginning alone.")
  private int stride;

  @Option(
      names = "--query-stride",
      paramLabel = "N",
      description = "Sample every Nth query; 1 (default) samples all.")
  private int queryStride = 1;

  @Option(names = "--max-texts", paramLabel = "N", description = "Read at most so many texts.")
  private int maxTexts = Integer.MAX_VALUE;

  @Option(names = "--bos", description = "Put the model's BOS id in front of each window.")
  private boolean bos;

  @Option(
      names = "--no-special",
      description = "Leave out the special tokens of the tokenizer's template.")
  private boolean noSpecial;

  @Option(
      names = "--sinks",
      paramLabel = "SET",
      description =
          "Keys that are attention sinks: first (default: the first token), bos, special or none.")
  private String sinks = SinkSet.FIRST.label();

  Sampling sampling() {
    return new Sampling(minLength, maxLength, stride, queryStride, bos, !noSpecial, maxTexts);
  }

  SinkSet sinks() {
    return SinkSet.of(sinks);
  }

  boolean bos() {
    return bos;
  }
}
