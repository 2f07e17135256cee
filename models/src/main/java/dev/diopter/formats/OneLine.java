package dev.diopter.formats;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/** Makes text from outside fit to stand in a message of one line. */
public final class OneLine {
  private static final int LONGEST_NAME = 120;
  private static final int LONGEST_TEXT = 300;

  private OneLine() {}

  /** The text with each run of blanks, line ends and other control characters as one blank. */
  public static String clean(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (isControl(text.charAt(i))) {
        return text.replaceAll("[\\s\\p{Cc}\\u2028\\u2029]+", " ").strip();
      }
    }
    return text;
  }

  private static boolean isControl(char c) {
    return c < ' ' || (c >= 0x7F && c < 0xA0) || c == '\u2028' || c == '\u2029';
  }

  /** A name from a file, cut to a length for messages. */
  public static String name(String name) {
    return cut(clean(name), LONGEST_NAME);
  }

  /** Another program's message, cut to a length for messages. */
  public static String brief(@Nullable String message) {
    return message == null ? "no reason given" : cut(clean(message), LONGEST_TEXT);
  }

  private static String cut(String line, int longest) {
    return line.length() <= longest ? line : line.substring(0, longest - 3) + "...";
  }

  /** A name from a file between quotation marks. */
  public static String quoted(String name) {
    return '"' + name(name) + '"';
  }

  /** Why a file operation failed, in a few words. */
  public static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof NoSuchFileException) {
      return "no such file";
    }
    if (e instanceof FileSystemException failure && failure.getReason() != null) {
      return clean(failure.getReason());
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : brief(e.getMessage());
  }
}
