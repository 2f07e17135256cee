package dev.diopter.models;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;

/**
 * Tells models with other weights apart: the SHA-256 over type, shape and bytes of every tensor, in
 * the order of their roles. Names do not count, nor how a checkpoint is cut into files.
 *
 * <p>Of a tensor of more than {@value #WHOLE} bytes only {@value #BLOCKS} blocks of {@value #BLOCK}
 * bytes count, spread evenly from its first byte to its last: all of a large model would take
 * longer to read than a short run takes. Training changes every block; an edit of a few rows of a
 * large matrix can stay unseen.
 */
final class WeightsFingerprint {
  static final int BLOCK = 4096;
  static final int BLOCKS = 64;
  static final long WHOLE = (long) BLOCK * BLOCKS;

  private WeightsFingerprint() {}

  static String of(Collection<StoredTensor> tensors) {
    MessageDigest digest = sha256();
    for (StoredTensor tensor : tensors) {
      String head = "%s %s\n".formatted(tensor.type().name(), tensor.shape());
      digest.update(head.getBytes(StandardCharsets.UTF_8));
      update(digest, tensor.data());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void update(MessageDigest digest, MemorySegment data) {
    long size = data.byteSize();
    if (size <= WHOLE) {
      digest.update(data.asByteBuffer());
      return;
    }
    for (int i = 0; i < BLOCKS; i++) {
      long at = (size - BLOCK) * i / (BLOCKS - 1);
      digest.update(data.asSlice(at, BLOCK).asByteBuffer());
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
