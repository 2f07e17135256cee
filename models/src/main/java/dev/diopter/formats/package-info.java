/**
 * File formats, one place each: Safetensors, npz, the rules for JSON, files that appear complete or
 * not at all.
 */
@NullMarked
package dev.diopter.formats;

import org.jspecify.annotations.NullMarked;
