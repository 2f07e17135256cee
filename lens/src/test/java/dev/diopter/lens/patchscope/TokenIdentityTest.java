package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.Model;
import dev.diopter.engine.PromptOptions;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the presets show on the bundled models. */
class TokenIdentityTest {
  private static final PromptOptions BOS = new PromptOptions(true, true);

  private static final List<String> COUNTRIES =
      List.of(
          "France",
          "Germany",
          "Italy",
          "Spain",
          "Portugal",
          "Greece",
          "Poland",
          "Russia",
          "Sweden",
          "Norway",
          "Finland",
          "Denmark",
          "Austria",
          "Hungary",
          "Ireland",
          "England",
          "Japan",
          "China",
          "India",
          "Korea",
          "Thailand",
          "Vietnam",
          "Turkey",
          "Iran",
          "Iraq",
          "Egypt",
          "Kenya",
          "Nigeria",
          "Morocco",
          "Ghana",
          "Brazil",
          "Peru",
          "Chile",
          "Cuba",
          "Canada",
          "Mexico");

  @ParameterizedTest
  @CsvSource({"demo-gpt2", "demo-llama"})
  void tokenIdentity_capitalsOfCountries_isRightInTheMiddle(String name) {
    try (Model model = Models.open(name, "cpu", 2)) {
      Preset preset = Preset.named("token-identity-demo");
      Mean[] hits = new Mean[model.config().layers() + 1];
      java.util.Arrays.setAll(hits, i -> new Mean());
      for (String country : COUNTRIES) {
        Source source = Source.of(model, model.prompt("The capital of " + country + " is", BOS));
        for (Cell cell :
            Patchscope.of(preset.sweep(source, model, null, BOS, Mapping.IDENTITY)).run()) {
          hits[cell.route().sourceEntry()].add(cell.reading().precisionAt1());
        }
      }
      for (int l = -1; l < model.config().layers(); l++) {
        System.out.println(name + " layer " + l + " precision at 1 " + hits[l + 1].mean());
      }
      for (int l = 2; l <= 4; l++) {
        assertThat(hits[l + 1].mean()).as("%s layer %d", name, l).isGreaterThanOrEqualTo(0.9);
      }
    }
  }
}
