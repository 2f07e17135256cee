package dev.diopter.engine;

/**
 * A variation of a clean run: from one block and one position on it goes another way. Rows in front
 * of the position, and everything below the block, are the clean run's and are not computed again.
 *
 * @param layer the block that the rows enter; the number of layers for the final norm
 * @param position first position that differs, from 0
 * @param residual the residual stream in front of the block, [rows, width] row by row, for the
 *     positions {@code position, position + 1, ...}; positions behind the last row are not computed
 */
public record Branch(int layer, int position, float[] residual) {}
