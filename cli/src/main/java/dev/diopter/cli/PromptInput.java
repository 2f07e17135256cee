package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The model and the prompt of a command: a text, or token ids. */
final class PromptInput {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String model = "";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "PROMPT",
      description = "Text; - reads it from standard input. Words that start with - go behind --.")
  private @Nullable String text;

  @Option(names = "--ids", paramLabel = "1,2,3", description = "Token ids instead of a text.")
  private @Nullable String ids;

  @Option(
      names = "--ids-file",
      paramLabel = "FILE",
      description = "Token ids from a file: a JSON array, or numbers between blanks or commas.")
  private @Nullable Path idsFile;

  @Option(
      names = "--bos",
      description = "Put the model's BOS id in front unless it is there already.")
  private boolean bos;

  @Option(
      names = "--no-special",
      description = "Leave out the special tokens of the tokenizer's template.")
  private boolean noSpecial;

  /** The name of the model. */
  String model() {
    return model;
  }

  /** Fails where the options contradict each other; before a model is loaded. */
  void validate() {
    int given = (text == null ? 0 : 1) + (ids == null ? 0 : 1) + (idsFile == null ? 0 : 1);
    if (given != 1) {
      throw new UsageException(
          "expected exactly one of PROMPT, --ids and --ids-file, got %s"
              .formatted(given == 0 ? "none" : given == 2 ? "two of them" : "all of them"));
    }
    if (noSpecial && text == null) {
      throw new UsageException(
          "--no-special: expected a text prompt, got token ids, which have no template");
    }
    if (ids != null) {
      // Read now, so that a wrong number is reported at once.
      TokenIds.parse(ids);
    }
  }

  /** The prompt for a model. */
  Prompt resolve(Model opened, Screen screen, OutputOptions output) {
    Prompt prompt;
    if (text == null) {
      prompt =
          ids(
              opened,
              ids != null ? TokenIds.parse(ids) : TokenIds.read(Objects.requireNonNull(idsFile)));
    } else {
      prompt = text(opened, text.equals("-") ? standardInput(screen) : text);
    }
    Integer bosId = opened.config().bosId();
    adviseBos(bosId != null && prompt.ids()[0] == bosId, opened, output);
    return prompt;
  }

  /** A text with the options of this prompt. */
  Prompt text(Model opened, String words) {
    return opened.prompt(words, new PromptOptions(bos, !noSpecial));
  }

  /** Ids with the options of this prompt. */
  Prompt ids(Model opened, int[] numbers) {
    Prompt given = Prompt.ofIds(numbers);
    return bos ? opened.withBos(given) : given;
  }

  /** The bundled models were trained with BOS in front of every text and are lost without it. */
  static void adviseBos(boolean there, Model model, OutputOptions output) {
    if (model.name().startsWith("demo-") && model.config().bosId() != null && !there) {
      output.note(
          "note: %s was trained with BOS in front of every text; you may want --bos"
              .formatted(model.name()));
    }
  }

  /** All of standard input but for the one line end that a shell puts behind it. */
  private static String standardInput(Screen screen) {
    try {
      byte[] bytes = screen.in().readAllBytes();
      String read = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return read.endsWith("\r\n")
          ? read.substring(0, read.length() - 2)
          : read.endsWith("\n") ? read.substring(0, read.length() - 1) : read;
    } catch (CharacterCodingException e) {
      throw new FormatException("standard input: expected UTF-8, found malformed bytes", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
