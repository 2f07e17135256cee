/**
 * Training and measuring of tuned lenses. {@link dev.diopter.lens.tuned.training.LensTraining}
 * trains one, {@link dev.diopter.lens.tuned.training.LensEvaluation} compares lenses with the
 * model; formulas, choices and measurements: {@code docs/tuned-lens-training.md}.
 *
 * <p>The model is frozen and shared. One run belongs to one thread and uses several; its results do
 * not depend on how many.
 */
@NullMarked
package dev.diopter.lens.tuned.training;

import org.jspecify.annotations.NullMarked;
