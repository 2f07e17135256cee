package dev.diopter.models;

import dev.diopter.formats.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tensor of a checkpoint as it lies in its mapped file: row-major, little-endian. Valid while its
 * {@link Checkpoint} is open.
 *
 * @param name name in the file
 * @param type element type
 * @param shape sizes, outermost first
 * @param data exactly the tensor's bytes
 */
public record StoredTensor(String name, TensorType type, List<Integer> shape, MemorySegment data) {}
