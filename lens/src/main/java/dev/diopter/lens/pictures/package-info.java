/**
 * Pictures of numbers: exact colour tables, matrices as rasters, PNG and SVG files, and surfaces to
 * draw on. Works without a display. Everything is immutable or belongs to one thread.
 */
@NullMarked
package dev.diopter.lens.pictures;

import org.jspecify.annotations.NullMarked;
