/**
 * Checkpoints: where a model lies, what its configuration says, which tensor plays which role, how
 * its tokenizer reads text. Nothing is computed here. Start at {@link
 * dev.diopter.models.ModelStore} and {@link dev.diopter.models.Checkpoint}.
 */
@NullMarked
package dev.diopter.models;

import org.jspecify.annotations.NullMarked;
