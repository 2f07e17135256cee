/**
 * Checkpoint folders: configuration, weight names, tokenizer; the model store and the bundled demo
 * models.
 */
@NullMarked
package dev.diopter.models;

import org.jspecify.annotations.NullMarked;
