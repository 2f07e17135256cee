package dev.diopter.kernels;

/**
 * Room for the keys and values of one layer, [capacity, keyValueHeads, headDim] each, in the layout
 * that the backend attends over fastest. How many entries are valid is the caller's business:
 * {@link Backend#store} writes any row, {@link KeyValueView} says how many are read.
 */
public interface KeyValueBlock {
  /** Entries that fit. */
  int capacity();

  /** Key and value heads. */
  int heads();

  /** Width of one head. */
  int headDim();
}
