/** The {@code diopter} command. */
@NullMarked
package dev.diopter.cli;

import org.jspecify.annotations.NullMarked;
