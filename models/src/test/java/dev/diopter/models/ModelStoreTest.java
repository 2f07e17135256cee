package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class ModelStoreTest {
  @Test
  void open_bundledModels_haveConfigWeightsAndTokenizer() {
    for (String name : ModelStore.BUNDLED) {
      try (OpenModel model = ModelStore.of(Map.of(), "").open(name)) {
        assertThat(model.config().layers()).isEqualTo(6);
        assertThat(model.config().bosId()).isEqualTo(0);
        assertThat(model.weights().layers()).hasSize(6);
        System.out.println(model.info());
        try (Tokenizer tokenizer = model.openTokenizer()) {
          Tokenizer.Encoding e = tokenizer.encode("When Mary 🙂日", true);
          System.out.println(java.util.Arrays.toString(e.ids())+java.util.Arrays.toString(e.starts())+java.util.Arrays.toString(e.ends()));
          for (int id : e.ids()) System.out.print(tokenizer.label(id) + "|");
          System.out.println(tokenizer.singleToken(" Mary") + " " + tokenizer.singleToken("Mary")+" "+tokenizer.decode(e.ids())+tokenizer.size()+tokenizer.specialIds());
        }
      }
    }
  }
}
