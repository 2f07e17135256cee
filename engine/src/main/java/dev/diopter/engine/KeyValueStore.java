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
  private int entry; // layers below see lowParts instead of parts
  private List<Part> lowParts = List.of();
  private int behind; // entries of the tail that layers below the entry do not have
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

  /**
   * A store that leaves a run: positions from {@code position} on are computed again from a layer
   * on, the layers below keep what the run has.
   *
   * @param clean the run's store
   * @param rows positions that are computed again
   * @param kept whether somebody continues; otherwise all layers use one block in turn
   */
  static KeyValueStore leaving(
      KeyValueStore clean, int layer, int position, int rows, boolean kept) {
    int blocks = kept ? clean.config.layers() : 1;
    KeyValueStore child = new KeyValueStore(clean.backend, clean.config, blocks, rows);
    List<Part> all = clean.partsAndTail();
    child.parts = first(all, position);
    child.lowParts = first(all, position + rows);
    child.entry = layer;
    child.behind = rows;
    clean.sharedTail = Math.max(clean.sharedTail, clean.tailLength);
    return child;
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
    child.lowParts = lowPartsAndTail();
    child.entry = entry;
    sharedTail = Math.max(sharedTail, tailLength);
    return child;
  }

  /** Forgets all positions from {@code length} on. */
  public void truncate(int length) {
    if (length < 0 || length > length()) {
      throw new UsageException("truncate: expected 0 to %d, got %d".formatted(length(), length));
    }
    int inParts = length() - tailLength;
    if (length >= inParts + Math.max(sharedTail, behind)) {
      tailLength = length - inParts;
      return;
    }
    lowParts = first(lowPartsAndTail(), length);
    parts = first(partsAndTail(), length);
    startTail(LEAST_CAPACITY);
  }

  /** The first {@code length} entries. */
  private static List<Part> first(List<Part> parts, int length) {
    List<Part> kept = new ArrayList<>();
    int left = length;
    for (Part part : parts) {
      int take = Math.min(left, part.length);
      if (take > 0) {
        kept.add(new Part(part.blocks, take));
      }
      left -= take;
    }
    return List.copyOf(kept);
  }

  private List<Part> partsAndTail() {
    return with(parts, tailLength);
  }

  private List<Part> lowPartsAndTail() {
    return entry == 0 ? List.of() : with(lowParts, tailLength - behind);
  }

  private List<Part> with(List<Part> held, int entries) {
    List<Part> all = new ArrayList<>(held);
    if (entries > 0) {
      all.add(new Part(tail, entries));
    }
    return List.copyOf(all);
  }

  private void startTail(int capacity) {
    tail = allocate(capacity);
    tailLength = 0;
    sharedTail = 0;
    behind = 0;
  }

  /** Makes room for more entries. What is held becomes a part, so nothing is copied. */
  void reserve(int entries) {
    if (tailLength + entries <= tail[0].capacity()) {
      return;
    }
    int capacity = Math.max(entries, 2 * length());
    lowParts = lowPartsAndTail();
    parts = partsAndTail();
    startTail(capacity);
  }

  /** Writes a layer's new entries behind what is held; they count from {@link #advance} on. */
  void store(int layer, Matrix keys, Matrix values) {
    backend.store(keys, values, tail[layer % blocksEach], tailOf(layer));
  }

  /** What a layer sees when {@code entries} new ones were stored. */
  KeyValueView view(int layer, int entries) {
    List<Part> held = layer < entry ? lowParts : parts;
    List<KeyValueBlock> blocks = new ArrayList<>(held.size() + 1);
    int[] lengths = new int[held.size() + 1];
    for (int i = 0; i < held.size(); i++) {
      KeyValueBlock[] own = held.get(i).blocks;
      blocks.add(own[layer % own.length]);
      lengths[i] = held.get(i).length;
    }
    blocks.add(tail[layer % blocksEach]);
    lengths[held.size()] = tailOf(layer) + entries;
    return new KeyValueView(blocks, lengths);
  }

  private int tailOf(int layer) {
    return layer < entry ? tailLength - behind : tailLength;
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

  /**
   * Requires a store of this backend that a whole run over so many positions filled.
   *
   * @throws UsageException for any other
   */
  void requireWhole(Backend owner, int positions) {
    if (!belongsTo(owner)) {
      throw new UsageException("expected keys and values of this model, got those of another");
    }
    if (length() != positions || entry != 0) {
      throw new UsageException(
          "expected the keys and values of a run over this prompt of %d tokens, got %s"
              .formatted(positions, entry == 0 ? length() + " positions" : "those of a branch"));
    }
  }

  boolean belongsTo(Backend owner) {
    return backend.equals(owner);
  }
}
