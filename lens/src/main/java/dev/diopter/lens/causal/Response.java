package dev.diopter.lens.causal;

/**
 * What taking something out of a layer's stream does to the lens and to the model: means over
 * positions.
 *
 * @param stimulus divergence of the lens's changed prediction from its unchanged one, in nats
 * @param effect divergence of the model's changed prediction from its unchanged one, in nats
 * @param alignment cosine of the angle between both changes; 1 where the model does with the
 *     direction what the lens does; not-a-number where nothing changed at any position
 */
public record Response(double stimulus, double effect, double alignment) {}
