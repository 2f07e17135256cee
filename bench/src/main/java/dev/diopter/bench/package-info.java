/** Benchmarks, and side-by-side runs against other engines. */
@NullMarked
package dev.diopter.bench;

import org.jspecify.annotations.NullMarked;
