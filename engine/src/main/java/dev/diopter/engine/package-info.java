/** The model, its forward pass, hook points, hook plans, caches and generation. */
@NullMarked
package dev.diopter.engine;

import org.jspecify.annotations.NullMarked;
