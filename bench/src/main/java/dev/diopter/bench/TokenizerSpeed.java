package dev.diopter.bench;

import dev.diopter.engine.Model;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Texts a second, and tokens and characters a second beside them. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsPrepend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "-Xmx4g"
    })
@SuppressWarnings("NullAway.Init") // JMH fills parameters and calls the set-up.
public class TokenizerSpeed {
  private static final String[] WORDS = {
    "the", "of", "residual", "stream", "and", "attention", "1984", "naïve", "layer's", "über",
    "don't", "interpretability", "token,", "heads.", "(patched)", "東京", "in", "a", "to", "was"
  };

  /** Whose tokenizer; a folder or a name. */
  @Param({"demo-gpt2", "demo-llama"})
  public String model;

  /** Words of a text. */
  @Param({"16", "1024"})
  public int words;

  private Model opened;
  private String text;
  private int[] ids;

  /** What is counted beside texts. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Counts {
    public long tokens;
    public long characters;
  }

  /** Makes one text of seeded random words. */
  @Setup
  public void open() {
    opened = BenchModel.open(model, 1);
    SplittableRandom random = new SplittableRandom(3);
    StringBuilder made = new StringBuilder();
    for (int w = 0; w < words; w++) {
      made.append(w == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
    }
    text = made.toString();
    ids = opened.tokenizer().encode(text, false).ids();
  }

  /** Bytes of the text in UTF-8. */
  int bytes() {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Text to ids. */
  @Benchmark
  public int[] encode(Counts counts) {
    int[] found = opened.tokenizer().encode(text, false).ids();
    counts.tokens += found.length;
    counts.characters += text.length();
    return found;
  }

  /** Ids to text. */
  @Benchmark
  public String decode(Counts counts) {
    counts.tokens += ids.length;
    counts.characters += text.length();
    return opened.tokenizer().decode(ids);
  }

  @TearDown
  public void close() {
    opened.close();
  }
}
