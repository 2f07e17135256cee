package dev.diopter.lens.attention;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WindowsTest {
  @Test
  void next_strideOne_cutsAtEachTokenOfEachText() {
    String text = "Anna found a white coin in the market.";
    List<String> places = new ArrayList<>();
    List<Integer> heard = new ArrayList<>();
    int tokens;
    try (Model model = Model.open("demo-gpt2", new ModelOptions("cpu", 1))) {
      tokens = model.tokenizer().encode(text, false).ids().length;
      Sampling sampling = Sampling.DEFAULT.lengths(2, 4).stride(1);
      Corpus corpus = Corpus.of(List.of(text, "", text));
      try (Windows windows = Windows.of(model, corpus, sampling, heard::add)) {
        Window first = java.util.Objects.requireNonNull(windows.next());
        // The rest is cut when it is asked for.
        assertThat(heard).containsExactly(1);
        for (Window w = first; w != null; w = windows.next()) {
          places.add(w.text() + " " + w.start() + " " + w.length());
        }
        assertThat(windows.next()).isNull();
      }
    }
    List<String> expected = new ArrayList<>();
    for (int index : new int[] {0, 2}) {
      for (int start = 0; start < tokens - 2; start++) {
        expected.add(index + " " + start + " " + Math.min(4, tokens - start));
      }
    }
    assertThat(places).isEqualTo(expected);
    assertThat(heard).containsExactly(1, 2, 3);
  }
}
