package dev.diopter.models;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What can be said of a model without running it.
 *
 * @param name the name that opens it
 * @param architecture {@code gpt2} or {@code llama}; null where {@code problem} is not
 * @param parameters number of weights, each counted once
 * @param dtype element type of most weights, as in Safetensors; null where {@code problem} is not
 * @param bytes bytes of the stored tensors
 * @param path its folder; null for a bundled model
 * @param problem why it cannot be opened, in one line; null where it can
 */
public record ModelInfo(
    String name,
    @Nullable String architecture,
    long parameters,
    @Nullable String dtype,
    long bytes,
    @Nullable Path path,
    @Nullable String problem) {}
