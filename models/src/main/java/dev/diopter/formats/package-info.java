/**
 * File formats, one place each: Safetensors, npz, JSON, and the writer that makes files appear
 * whole or not at all. Every reader takes its input for hostile until checked. Knows nothing of
 * models.
 */
@NullMarked
package dev.diopter.formats;

import org.jspecify.annotations.NullMarked;
