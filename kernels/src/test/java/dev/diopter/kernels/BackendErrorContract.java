package dev.diopter.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.diopter.kernels.Samples.Layout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every backend refuses, and how it says so. */
public abstract class BackendErrorContract {
  protected Backend backend;
  Random random;

  protected abstract Backend open();

  @BeforeEach
  void openBackend() {
    backend = open();
    random = Samples.random(20240917);
  }

  @AfterEach
  void closeBackend() {
    backend.close();
  }

  @Test
  void operations_shapesThatDoNotFit_nameBoth() {
    PackedMatrix w =
        backend.pack(
            List.of(Samples.weights(random, StorageType.F32, Layout.SPREAD, 6, 5).stored()));
    Matrix x = Samples.matrix(backend, random, 3, 6);
    Matrix y = Samples.matrix(backend, random, 3, 5);
    Buffer small = backend.allocate(4);
    refuses(() -> backend.multiply(y, w.all(), null, y), "expected x of 3 x 6, got 3 x 5");
    refuses(() -> backend.multiply(x, w.all(), null, x), "expected out of 3 x 5, got 3 x 6");
    refuses(
        () -> backend.multiply(x, w.all(), small, y), "expected bias of at least 5 floats, got 4");
    refuses(
        () -> backend.multiplyByHead(x, w, 4, null, y), "expected inputs divisible by 4, got 6");
    refuses(() -> backend.affine(x, small, null, x), "expected gain of at least 6 floats, got 4");
    refuses(() -> backend.normScale(NormKind.RMS, x, 1, y), "expected out of 3 x 1, got 3 x 5");
    refuses(() -> backend.add(x, y, x), "expected b of 3 x 6, got 3 x 5");
    refuses(() -> backend.gelu(x, y), "expected out of 3 x 6, got 3 x 5");
    refuses(
        () -> backend.embed(w, backend.indices(new int[] {0, 5, 1}), x),
        "expected id in 0..4, got 5");
    refuses(
        () -> backend.gather(x, backend.indices(new int[] {0, -1, 1}), x),
        "expected row in 0..2, got -1");
    refuses(() -> backend.upload(new float[3], 0, small, 2, 3), "got 3 floats from 2");
    refuses(() -> backend.download(small, 0, new float[9], 0, 5), "got 5 floats from 0");
    refuses(() -> backend.allocate(-1), "got -1");
    refuses(() -> backend.pack(List.of()), "got none");
    RotaryTable table = backend.rotary(new double[2]);
    IndexBuffer two = backend.indices(new int[2]);
    refuses(() -> backend.rotate(x, 2, table, two, x), "expected 3 positions, got 2");
    IndexBuffer three = backend.indices(new int[3]);
    refuses(() -> backend.rotate(x, 2, table, three, x), "expected rotated width in 0..3, got 4");
  }

  @Test
  void pack_partsOfUnequalInputs_refuses() {
    StoredMatrix a = Samples.weights(random, StorageType.F32, Layout.SPREAD, 3, 2).stored();
    StoredMatrix b = Samples.weights(random, StorageType.F32, Layout.SPREAD, 4, 2).stored();
    refuses(() -> backend.pack(List.of(a, b)), "expected parts with 3 inputs, got one with 4");
  }

  @Test
  void operations_afterClose_areErrors() {
    Matrix x = Samples.matrix(backend, random, 2, 3);
    Buffer buffer = backend.allocate(3);
    backend.close();
    backend.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> backend.add(x, x, x))
        .withMessageContaining("closed");
    assertThatIllegalStateException().isThrownBy(() -> backend.allocate(1));
    assertThatIllegalStateException()
        .isThrownBy(() -> backend.download(buffer, 0, new float[3], 0, 3));
    backend.release(buffer);
  }

  @Test
  void allocate_freshMemory_isNotZero() {
    // With assertions on, heap memory comes as NaN: nobody may read what nobody wrote.
    assertThat(Samples.values(backend, backend.allocate(3))).containsOnly(Float.NaN);
  }

  private static void refuses(Runnable action, String message) {
    assertThatIllegalArgumentException().isThrownBy(action::run).withMessageContaining(message);
  }
}
