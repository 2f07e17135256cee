package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Affine maps, fitted and from files. */
class AffineTest {
  @TempDir Path folder;

  @Test
  void solve_pairsOfAKnownMap_givesIt() {
    Random random = Models.random("affine");
    int in = 5;
    int out = 3;
    float[] weight = new float[in * out];
    float[] bias = {1, -2, 0.5f};
    for (int i = 0; i < weight.length; i++) {
      weight[i] = (float) random.nextGaussian();
    }
    AffineMap truth = AffineMap.of("truth", new AffineMap.Part(in, weight, bias));
    Mapping.Route route = new Mapping.Route(0, 0);
    AffineFit fit = new AffineFit(in, in, out);
    for (int i = 0; i < 200; i++) {
      float[] x = new float[in];
      for (int j = 0; j < in; j++) {
        x[j] = (float) (2 + random.nextGaussian());
      }
      fit.add(x, new float[][] {x, truth.apply(x, route)}, i % 5 == 4);
    }
    List<AffineFit.Fitted> fitted = fit.solve(0);
    for (int i = 0; i < in; i++) {
      for (int j = 0; j < in; j++) {
        assertThat(fitted.getFirst().map().weight()[i * in + j])
            .isCloseTo(i == j ? 1 : 0, offset(1e-5f));
      }
    }
    for (int i = 0; i < weight.length; i++) {
      assertThat(fitted.get(1).map().weight()[i]).isCloseTo(weight[i], offset(1e-4f));
    }
    assertThat(fitted.get(1).map().bias()[1]).isCloseTo(-2, offset(1e-4f));
    assertThat(fitted.get(1).heldOutR2()).isCloseTo(1, offset(1e-6));
    assertThat(fitted.get(1).samples()).isEqualTo(160);
    assertThat(fitted.get(1).heldOutSamples()).isEqualTo(40);
  }

  @Test
  void solve_tooFewPairs_isRefusedUnlessThereIsARidge() {
    AffineFit fit = new AffineFit(4, 4);
    float[] x = {1, 2, 3, 4};
    fit.add(x, new float[][] {x}, false);
    assertThatThrownBy(() -> fit.solve(0))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("do not determine a map");
    assertThat(fit.solve(0.1)).hasSize(1);
  }

  @Test
  void write_thenRead_isTheSameMap() {
    float[] weight = {1, 2, 3, 4, 5, 6};
    Mapping.Route route = new Mapping.Route(0, 4);
    AffineMap map =
        AffineMap.of(
            "m",
            java.util.Map.of(route, new AffineMap.Part(2, weight, new float[] {1, 1, 1})),
            java.util.Map.of("ridge", "0.1"));
    Path file = folder.resolve("m.safetensors");
    map.write(file);
    AffineMap read = AffineMap.read(file);
    assertThat(read.apply(new float[] {1, 1}, route)).containsExactly(6, 8, 10);
    assertThat(read.width(2, route)).isEqualTo(3);
    assertThat(read.about()).containsEntry("ridge", "0.1");
    assertThatThrownBy(() -> read.width(2, new Mapping.Route(1, 4)))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected a map for layer 0 to layer 3");
  }

  @Test
  void trainer_twoModels_pairsCharactersAndLetsVectorsGoAcross() {
    try (Model from = Models.open("demo-gpt2", "cpu", 2);
        Model to = Models.open("demo-llama", "cpu", 2)) {
      Mapping.Route route = new Mapping.Route(4, 4);
      MapTrainer trainer = new MapTrainer(from, to, List.of(route), true, 5);
      String[] countries = {"France", "Germany", "Italy", "Spain", "Greece", "Poland", "Russia"};
      for (String country : countries) {
        for (String of : new String[] {"capital", "language", "continent", "currency"}) {
          assertThat(trainer.add("The %s of %s is".formatted(of, country))).isTrue();
        }
      }
      MapTrainer.Result result = trainer.solve("maps", 0.1);
      assertThat(result.fits().get(route).heldOutR2()).isGreaterThan(0.5);
      Source source =
          Source.of(from, from.withBos(from.prompt("The capital of Italy is"))).at(-1).layer(3);
      Target target =
          Target.of(to, to.withBos(to.prompt("cat is cat; red is red; Rome is")))
              .at(-1)
              .layer(3)
              .newTokens(1);
      Cell cell = Patchscope.run(new Patch(source, result.map(), target));
      assertThat(cell.reading().precisionAt1()).isNotNull();
    }
  }
}
