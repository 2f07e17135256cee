/**
 * Pictures of results: self-contained pages and drawings that load nothing from anywhere. What is
 * shown is never changed, and text from outside is always escaped.
 */
@NullMarked
package dev.diopter.lens.pictures;

import org.jspecify.annotations.NullMarked;
