package dev.diopter.web;

import dev.diopter.engine.Model;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link PatternServer} serves and where.
 *
 * @param folder saved patterns: {@code models.jsonl} and a folder for each model; with a live model
 *     it need not exist
 * @param host address to listen on; {@link #LOOPBACK} unless others shall reach it
 * @param port port to listen on; 0 for any that is free
 * @param model what live prompts run on, which stays the caller's to close; null for no live mode
 * @param log takes one line for each request that was refused; called by several threads
 */
public record ServeOptions(
    Path folder, String host, int port, @Nullable Model model, Consumer<String> log) {
  /** This machine only. */
  public static final String LOOPBACK = "127.0.0.1";
}
