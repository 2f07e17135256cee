package dev.diopter.lens.tuned.training;

/**
 * What one step of training did.
 *
 * @param step its number, from 1
 * @param steps how many there are
 * @param tokens tokens of this and all earlier steps
 * @param learningRate its learning rate
 * @param gradientNorm norm of the gradient of all layers before it was clipped
 * @param losses mean loss of each layer, in nats, before the step; lent
 */
public record TrainingStep(
    int step, int steps, long tokens, double learningRate, double gradientNorm, double[] losses) {}
