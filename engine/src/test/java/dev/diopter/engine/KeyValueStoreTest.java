package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Forks, cuts and growth of kept keys and values, to the bit. */
class KeyValueStoreTest {
  private static final int[] IDS = new int[40];
  private static Model model;

  @BeforeAll
  static void open() {
    model = TestModels.open("llama-gqa", "cpu", 1);
    Arrays.setAll(IDS, i -> (i * 37 + 11) % 101);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static RunResult keep(int from, int to, KeyValueStore... prefix) {
    RunRequest request =
        RunRequest.of(Prompt.ofIds(Arrays.copyOfRange(IDS, from, to))).keepingKeyValues();
    return model.run(prefix.length == 0 ? request : request.after(List.of(prefix))).getFirst();
  }

  private static float[] whole(int... ids) {
    return model.run(Prompt.ofIds(ids)).logits();
  }

  @Test
  void after_manySteps_growsWithoutChangingBits() {
    KeyValueStore store = keep(0, 1).keyValues();
    for (int at = 1; at < IDS.length; at += 3) {
      int to = Math.min(IDS.length, at + 3);
      RunResult step = keep(at, to, store);
      store = step.keyValues();
      assertThat(step.logits()).isEqualTo(whole(Arrays.copyOf(IDS, to)));
    }
    assertThat(store.length()).isEqualTo(IDS.length);
  }

  @Test
  void fork_bothGoOn_independently() {
    KeyValueStore store = keep(0, 20).keyValues();
    KeyValueStore left = store.fork();
    KeyValueStore right = store.fork();
    Prompt one = Prompt.ofIds(7);
    Prompt two = Prompt.ofIds(8);
    List<RunResult> both = model.run(RunRequest.of(one, two).after(List.of(left, right)));
    int[] longer = Arrays.copyOf(IDS, 21);
    longer[20] = 7;
    assertThat(both.get(0).logits()).isEqualTo(whole(longer));
    longer[20] = 8;
    assertThat(both.get(1).logits()).isEqualTo(whole(longer));
  }

  @Test
  void truncate_sharedOrNot_leavesOthersAsTheyWere() {
    KeyValueStore store = keep(0, 20).keyValues();
    KeyValueStore fork = store.fork();
    store.truncate(10);
    assertThat(store.length()).isEqualTo(10);
    assertThat(fork.length()).isEqualTo(20);
    assertThat(keep(10, 25, store).logits()).isEqualTo(whole(Arrays.copyOf(IDS, 25)));
    assertThat(keep(20, 25, fork).logits()).isEqualTo(whole(Arrays.copyOf(IDS, 25)));
    fork.truncate(3);
    fork.truncate(0);
    assertThat(fork.length()).isZero();
    assertThat(keep(0, 5, fork).logits()).isEqualTo(whole(Arrays.copyOf(IDS, 5)));
    assertThatThrownBy(() -> store.truncate(11)).hasMessage("truncate: expected 0 to 10, got 11");
  }

  @Test
  void after_storeOfAnotherModel_isRefused() {
    try (Model other = TestModels.open("llama-gqa", "cpu", 1)) {
      KeyValueStore store = keep(0, 5).keyValues();
      assertThatThrownBy(() -> other.run(RunRequest.of(Prompt.ofIds(1)).after(List.of(store))))
          .isInstanceOf(UsageException.class)
          .hasMessage("expected keys and values of this model, got those of another");
    }
  }
}
