package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.RotaryTable;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.DecoderWeights;
import dev.diopter.models.DecoderWeights.Projection;
import dev.diopter.models.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A decoder's weights on a backend, matrices that share their input packed side by side. Immutable
 * and shared; the embedding is kept once, as [width, vocabulary], and serves as the unembedding too
 * where the two are tied.
 */
record ModelWeights(
    PackedMatrix tokenEmbedding,
    @Nullable PackedMatrix positionEmbedding,
    List<Layer> layers,
    Norm finalNorm,
    @Nullable PackedMatrix ownHead,
    @Nullable Buffer headBias,
    @Nullable RotaryTable rotary) {

  /** The unembedding, [width, vocabulary]. */
  PackedMatrix head() {
    return ownHead == null ? tokenEmbedding : ownHead;
  }

  /** Gain and bias of a norm. */
  record Norm(Buffer gain, @Nullable Buffer bias) {}

  /**
   * One block.
   *
   * @param queryKeyValue [width, (heads + 2 keyValueHeads) * headDim]
   * @param output [heads * headDim, width]
   * @param input [width, mlpWidth], or [width, 2 mlpWidth] with the gate first
   * @param down [mlpWidth, width]
   */
  record Layer(
      Norm norm1,
      PackedMatrix queryKeyValue,
      @Nullable Buffer queryKeyValueBias,
      PackedMatrix output,
      @Nullable Buffer outputBias,
      Norm norm2,
      PackedMatrix input,
      @Nullable Buffer inputBias,
      PackedMatrix down,
      @Nullable Buffer downBias) {}

  static ModelWeights pack(Backend backend, DecoderConfig config, DecoderWeights stored) {
    backend.expectWeights(elements(config, stored));
    Packer packer = new Packer(backend);
    PackedMatrix tokens = packer.embedding(stored.tokenEmbedding());
    StoredTensor positions = stored.positionEmbedding();
    StoredTensor head = stored.head();
    StoredTensor headBias = stored.headBias();
    List<Layer> layers = new ArrayList<>();
    for (DecoderWeights.Layer layer : stored.layers()) {
      layers.add(packer.layer(layer));
    }
    DecoderConfig.Rotary rotary = config.rotary();
    ModelWeights packed =
        new ModelWeights(
            tokens,
            positions == null ? null : packer.embedding(positions),
            List.copyOf(layers),
            packer.norm(stored.finalNorm()),
            head == null ? null : packer.embedding(head),
            headBias == null ? null : packer.vector(headBias),
            rotary == null ? null : backend.rotary(rotary.inverseFrequencies()));
    backend.finish(); // what failed is told here, before other threads compute with it
    return packed;
  }

  /** Numbers in all matrices; biases and norms hardly count. */
  private static long elements(DecoderConfig config, DecoderWeights stored) {
    long attention = 2L * (config.heads() + config.keyValueHeads()) * config.headDim();
    long inputs = config.mlp() == DecoderConfig.Mlp.SILU_GATED ? 2 : 1;
    long layer = config.width() * (attention + (inputs + 1) * config.mlpWidth());
    return layer * config.layers()
        + elements(stored.tokenEmbedding())
        + elements(stored.positionEmbedding())
        + elements(stored.head());
  }

  private static long elements(@Nullable StoredTensor table) {
    return table == null ? 0 : (long) table.shape().get(0) * table.shape().get(1);
  }

  void release(Backend backend) {
    backend.release(tokenEmbedding);
    if (positionEmbedding != null) {
      backend.release(positionEmbedding);
    }
    if (ownHead != null) {
      backend.release(ownHead);
    }
    release(backend, headBias);
    release(backend, finalNorm);
    for (Layer layer : layers) {
      release(backend, layer.norm1);
      release(backend, layer.norm2);
      for (PackedMatrix matrix :
          List.of(layer.queryKeyValue, layer.output, layer.input, layer.down)) {
        backend.release(matrix);
      }
      release(backend, layer.queryKeyValueBias);
      release(backend, layer.outputBias);
      release(backend, layer.inputBias);
      release(backend, layer.downBias);
    }
  }

  private static void release(Backend backend, Norm norm) {
    backend.release(norm.gain);
    release(backend, norm.bias);
  }

  private static void release(Backend backend, @Nullable Buffer buffer) {
    if (buffer != null) {
      backend.release(buffer);
    }
  }

  /** Moves stored tensors to a backend. */
  private record Packer(Backend backend) {

    Layer layer(DecoderWeights.Layer w) {
      List<Projection> attention = List.of(w.query(), w.key(), w.value());
      Projection gate = w.gate();
      List<Projection> input = gate == null ? List.of(w.up()) : List.of(gate, w.up());
      return new Layer(
          norm(w.norm1()),
          matrix(attention),
          bias(attention),
          matrix(List.of(w.output())),
          bias(List.of(w.output())),
          norm(w.norm2()),
          matrix(input),
          bias(input),
          matrix(List.of(w.down())),
          bias(List.of(w.down())));
    }

    /** An embedding [rows, width], packed as its transpose. */
    PackedMatrix embedding(StoredTensor table) {
      int rows = table.shape().get(0);
      int width = table.shape().get(1);
      PackedMatrix packed =
          backend.pack(
              List.of(new StoredMatrix(table.data(), storage(table), 0, width, rows, 1, width)));
      unload(table);
      return packed;
    }

    Norm norm(DecoderWeights.Norm norm) {
      StoredTensor bias = norm.bias();
      return new Norm(vector(norm.gain()), bias == null ? null : vector(bias));
    }

    Buffer vector(StoredTensor tensor) {
      return vector(tensor.floats(0, tensor.shape().getFirst()));
    }

    PackedMatrix matrix(List<Projection> parts) {
      PackedMatrix packed =
          backend.pack(
              parts.stream()
                  .map(p ->
                      new StoredMatrix(
                          p.weight().data(),
                          storage(p.weight()),
                          p.offset(),
                          p.in(),
                          p.out(),
                          p.inStride(),
                          p.outStride()))
                  .toList());
      parts.forEach(p -> unload(p.weight()));
      return packed;
    }

    /** What is packed need not stay in memory as well: the file's pages would count twice. */
    private static void unload(StoredTensor tensor) {
      if (tensor.data().isMapped()) {
        tensor.data().unload();
      }
    }

    @Nullable Buffer bias(List<Projection> parts) {
      if (parts.stream().allMatch(p -> p.bias() == null)) {
        return null;
      }
      float[] all = new float[parts.stream().mapToInt(Projection::out).sum()];
      int at = 0;
      for (Projection part : parts) {
        StoredTensor bias = part.bias();
        if (bias != null) {
          System.arraycopy(bias.floats(part.biasOffset(), part.out()), 0, all, at, part.out());
        }
        at += part.out();
      }
      return vector(all);
    }

    private Buffer vector(float[] values) {
      Buffer buffer = backend.allocate(values.length);
      backend.upload(values, 0, buffer, 0, values.length);
      return buffer;
    }

    private static StorageType storage(StoredTensor tensor) {
      return switch (tensor.type()) {
        case F32 -> StorageType.F32;
        case F16 -> StorageType.F16;
        case BF16 -> StorageType.BF16;
        default ->
            throw new IllegalArgumentException(
                "expected F32, F16 or BF16 weights, got %s in %s"
                    .formatted(tensor.type(), tensor.name()));
      };
    }
  }
}
