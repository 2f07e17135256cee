package dev.diopter.kernels.host;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.CellEdit;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.Tape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The tape of a backend whose memory is at hand: values are copied when they are taken. */
public final class HostTape implements Tape {
  private final Backend backend;
  private final List<float[]> taken = new ArrayList<>();

  /** An empty one. */
  public HostTape(Backend backend) {
    this.backend = backend;
  }

  @Override
  public boolean edits() {
    return false;
  }

  @Override
  public int take(Matrix view) {
    float[] values = new float[view.rows() * view.columns()];
    backend.download(view, values);
    taken.add(values);
    return taken.size() - 1;
  }

  @Override
  public int edit(CellEdit edit) {
    throw new UnsupportedOperationException("this backend's values are edited on the host");
  }

  @Override
  public float[] values(int number) {
    return taken.get(number);
  }

  @Override
  public @Nullable Violation violation() {
    return null;
  }

  @Override
  public void close() {
    taken.clear();
  }
}
