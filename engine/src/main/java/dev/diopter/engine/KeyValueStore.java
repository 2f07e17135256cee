package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Matrix;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * The keys (after rotation) and values of one sequence, by layer: parts that may be shared with
 * other stores and are only read, then an own tail that grows. Written by one pass at a time; forks
 * of a store may be used by different threads.
 */
public final class KeyValueStore {
  private static final int LEAST_CAPACITY = 16;

  private final Backend backend;
  private final DecoderConfig config;
  private final int blocksEach;
  private List<Part> parts = List.of();
  private KeyValueBlock[] tail;
  private int tailLength;
  private int sharedTail; // entries of the tail that a fork reads: they may not be overwritten

  /** Blocks by layer, of which the first {@code length} entries are read. */
  private record Part(KeyValueBlock[] blocks, int length) {}

  private KeyValueStore(Backend backend, DecoderConfig config, int blocksEach, int capacity) {
    this.backend = backend;
    this.config = config;
    this.blocksEach = blocksEach;
    this.tail = allocate(capacity);
  }

  /** An empty store with room for some entries; it grows when needed. */
  static KeyValueStore empty(Backend backend, DecoderConfig config, int capacity) {
    return new KeyValueStore(backend, config, config.layers(), capacity);
  }

  /**
   * An empty store for a pass that nobody continues: all layers use one block, one after the other.
   */
  static KeyValueStore passing(Backend backend, DecoderConfig config, int capacity) {
    return new KeyValueStore(backend, config, 1, capacity);
  }

  private KeyValueBlock[] allocate(int capacity) {
    KeyValueBlock[] blocks = new KeyValueBlock[blocksEach];
    for (int i = 0; i < blocksEach; i++) {
      blocks[i] =
          backend.allocateKeyValues(
              config.keyValueHeads(), config.headDim(), Math.max(LEAST_CAPACITY, capacity));
    }
    return blocks;
  }

  /** Number of positions held. */
  public int length() {
    int sum = tailLength;
    for (Part part : parts) {
      sum += part.length;
    }
    return sum;
  }

  /** A store that begins with everything held now. Both may grow from here, independently. */
  public KeyValueStore fork() {
    KeyValueStore child = new KeyValueStore(backend, config, blocksEach, 0);
    child.parts = partsAndTail();
    sharedTail = Math.max(sharedTail, tailLength);
    return child;
  }

  /** Forgets all positions from {@code length} on. */
  public void truncate(int length) {
    if (length < 0 || length > length()) {
      throw new UsageException("truncate: expected 0 to %d, got %d".formatted(length(), length));
    }
    int inParts = length() - tailLength;
    if (length >= inParts + sharedTail) {
      tailLength = length - inParts;
      return;
    }
    List<Part> kept = new ArrayList<>();
    int left = length;
    for (Part part : partsAndTail()) {
      int take = Math.min(left, part.length);
      if (take > 0) {
        kept.add(new Part(part.blocks, take));
      }
      left -= take;
    }
    parts = List.copyOf(kept);
    startTail(LEAST_CAPACITY);
  }

  private List<Part> partsAndTail() {
    List<Part> all = new ArrayList<>(parts);
    if (tailLength > 0) {
      all.add(new Part(tail, tailLength));
    }
    return List.copyOf(all);
  }

  private void startTail(int capacity) {
    tail = allocate(capacity);
    tailLength = 0;
    sharedTail = 0;
  }

  /** Makes room for more entries. What is held becomes a part, so nothing is copied. */
  void reserve(int entries) {
    if (tailLength + entries <= tail[0].capacity()) {
      return;
    }
    int capacity = Math.max(entries, 2 * length());
    parts = partsAndTail();
    startTail(capacity);
  }

  /** Writes a layer's new entries behind what is held; they count from {@link #advance} on. */
  void store(int layer, Matrix keys, Matrix values) {
    backend.store(keys, values, tail[layer % blocksEach], tailLength);
  }

  /** What a layer sees when {@code entries} new ones were stored. */
  KeyValueView view(int layer, int entries) {
    List<KeyValueBlock> blocks = new ArrayList<>(parts.size() + 1);
    int[] lengths = new int[parts.size() + 1];
    for (int i = 0; i < parts.size(); i++) {
      blocks.add(parts.get(i).blocks[layer % blocksEach]);
      lengths[i] = parts.get(i).length;
    }
    blocks.add(tail[layer % blocksEach]);
    lengths[parts.size()] = tailLength + entries;
    return new KeyValueView(blocks, lengths);
  }

  /** New entries of all layers are in place. */
  void advance(int entries) {
    tailLength += entries;
  }

  /** Gives the own tail back. For stores that nobody else has seen. */
  void release() {
    for (KeyValueBlock block : tail) {
      backend.release(block);
    }
  }

  boolean belongsTo(Backend owner) {
    return backend.equals(owner);
  }
}
