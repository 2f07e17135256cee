package dev.diopter.kernels;

import org.jspecify.annotations.Nullable;

/**
 * A change of cells that needs no Java function, for a backend whose memory is not the host's. Cell
 * (row, head, i) is at {@code offset + row * rowStride + head * headStride + i} of the buffer.
 *
 * @param kind what becomes of a cell
 * @param number factor, fill or weight
 * @param values the edit's array, or null; for chosen cell number j of selected row r and head h
 *     its element is {@code places[r] * placeStride + h * valueHeadStride + j}
 * @param placeStride elements from one place to the next
 * @param valueHeadStride elements from one selected head to the next
 * @param scores whether minus infinity stands for a masked cell
 * @param check whether NaN and infinity are refused where a finite number was
 * @param buffer where the cells lie
 * @param offset of the first one
 * @param rowStride from one row to the next
 * @param headStride from one head to the next
 * @param width cells of a row and head
 * @param rows selected rows
 * @param places for each of them its place in the values
 * @param visible for each of them how many cells exist
 * @param heads selected heads
 * @param cells selected cells; null for all that exist
 */
public record CellEdit(
    Kind kind,
    float number,
    float @Nullable [] values,
    int placeStride,
    int valueHeadStride,
    boolean scores,
    boolean check,
    Buffer buffer,
    int offset,
    int rowStride,
    int headStride,
    int width,
    int[] rows,
    int[] places,
    int[] visible,
    int[] heads,
    int @Nullable [] cells) {

  /** What becomes of a cell x, with v its element of the values and n the number. */
  public enum Kind {
    /** v. */
    SET,
    /** x + v; x where v is zero. */
    ADD,
    /** x * n; minus infinity stays in scores. */
    SCALE,
    /** n. */
    FILL,
    /** (1 - n) x + n v; x where both are equal, v where n is 1. */
    INTERPOLATE,
    /** {@code x - (x . u) u} over a row's visible cells, u the values divided by their norm. */
    PROJECT_OUT
  }
}
