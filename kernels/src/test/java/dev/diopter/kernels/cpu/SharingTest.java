package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.Backend;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** One backend, several runs at once. */
class SharingTest {
  @Test
  void operations_fromSeveralThreads_giveTheBitsOfOne() throws Exception {
    try (Backend backend = CpuBackend.create(KernelChoice.VECTOR, 3, 0);
        ExecutorService callers = Executors.newFixedThreadPool(4)) {
      List<Map<String, int[]>> alone = new ArrayList<>();
      for (int seed = 0; seed < 4; seed++) {
        alone.add(Battery.run(backend, seed));
      }
      List<Future<Map<String, int[]>>> runs = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        int seed = i % 4;
        runs.add(callers.submit(() -> Battery.run(backend, seed)));
      }
      for (int i = 0; i < runs.size(); i++) {
        Map<String, int[]> got = runs.get(i).get();
        alone
            .get(i % 4)
            .forEach((name, bits) -> assertThat(got.get(name)).as(name).isEqualTo(bits));
      }
    }
  }
}
