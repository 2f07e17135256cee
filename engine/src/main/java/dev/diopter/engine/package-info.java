/**
 * The engine: a model whose every intermediate value has a name, can be read and can be changed.
 * Start at {@link dev.diopter.engine.Model}; what to read and change is a {@link
 * dev.diopter.engine.HookPlan}. Models and plans are immutable and shared by threads; nothing is
 * ever left attached to a model.
 */
@NullMarked
package dev.diopter.engine;

import org.jspecify.annotations.NullMarked;
