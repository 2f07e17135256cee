package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;

/**
 * What a sweep may take. Results do not depend on it.
 *
 * @param memoryBytes what patches that are advanced together may take, about
 * @param tokenLayers most tokens through blocks in all
 */
public record Limits(long memoryBytes, long tokenLayers) {
  /** 256 MiB, and any number of tokens through blocks. */
  public static final Limits DEFAULT = new Limits(256L << 20, Long.MAX_VALUE);

  public Limits {
    if (memoryBytes < 1 || tokenLayers < 1) {
      throw new UsageException("limits: expected 1 or more");
    }
  }

  /** With other memory. */
  public Limits memory(long bytes) {
    return new Limits(bytes, tokenLayers);
  }

  /** With another number of tokens through blocks. */
  public Limits tokenLayers(long most) {
    return new Limits(memoryBytes, most);
  }
}
