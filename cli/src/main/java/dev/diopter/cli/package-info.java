/**
 * The {@code diopter} command: one class for each command, on the engine's public API alone.
 *
 * <p>{@link dev.diopter.cli.Main} is the way in. Commands write results to standard output and
 * everything else to standard error, both through a {@link dev.diopter.cli.Screen}, which tests
 * replace. What goes wrong becomes one line and an exit code in {@link dev.diopter.cli.Failures},
 * and nowhere else. Nothing here is safe for use by several threads.
 */
@NullMarked
package dev.diopter.cli;

import org.jspecify.annotations.NullMarked;
