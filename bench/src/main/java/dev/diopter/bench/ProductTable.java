package dev.diopter.bench;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import dev.diopter.kernels.StorageType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Prints a table of matrix products in Markdown: speed, its share of what the machine allows in the
 * same run, and OpenBLAS on the same cores where {@link OpenBlas} finds one. Takes a minute or two.
 */
public final class ProductTable {
  private static final int[] ROWS = {1, 2, 4, 8, 32, 128, 512};
  private static final int ROUNDS = 7;
  private static final double TOLERANCE = 1e-5;

  /** OpenBLAS's threads spin for a while after their work; what is timed next must not pay. */
  private static final long SETTLE_MILLISECONDS = 100;

  private final Optional<OpenBlas> blas = OpenBlas.find();

  private ProductTable() {}

  /** {@code ProductTable THREADS SHAPE...}, with names of {@link ProductShape}. */
  public static void main(String[] args) {
    int most = Integer.parseInt(args[0]);
    List<ProductShape> shapes = new ArrayList<>();
    for (int i = 1; i < args.length; i++) {
      shapes.add(ProductShape.valueOf(args[i]));
    }
    ProductTable table = new ProductTable();
    System.out.println(
        "OpenBLAS: %s. It packs the weights in each call; Diopter's are packed once, when the model is loaded."
            .formatted(table.blas.map(OpenBlas::description).orElse("none found here")));
    for (int threads : most == 1 ? new int[] {1} : new int[] {1, most}) {
      table.print(threads, shapes);
    }
  }

  private void print(int threads, List<ProductShape> shapes) {
    Limits limits = Limits.measure(threads);
    System.out.printf(
        Locale.ROOT,
        "%n%d thread%s; limits: %.0f GFLOP/s of fused multiply-adds, %.1f GB/s of reading.%n%n",
        threads,
        threads == 1 ? "" : "s",
        limits.gigaflops(),
        limits.gigabytes());
    System.out.println(
        "| product | weights | rows | GFLOP/s | of FMA limit | GB/s | of read limit | OpenBLAS GFLOP/s | Diopter / OpenBLAS |");
    System.out.println("|---|---|---|---|---|---|---|---|---|");
    try (Backend backend = Backends.open("cpu", threads)) {
      for (ProductShape shape : shapes) {
        for (StorageType type : StorageType.values()) {
          for (int rows : ROWS) {
            print(backend, threads, limits, shape, type, rows);
          }
        }
      }
    }
  }

  private void print(
      Backend backend, int threads, Limits limits, ProductShape shape, StorageType type, int rows) {
    try (Product product = new Product(backend, shape, rows, type)) {
      double seconds;
      String peer = "| | |";
      if (type == StorageType.F32 && blas.isPresent()) {
        SideBySide both = beside(blas.get(), threads, product, shape, rows);
        seconds = both.first();
        peer =
            String.format(
                Locale.ROOT,
                "| %.1f | **%.2f** |",
                product.flop() / both.second() / 1e9,
                both.ratio());
      } else {
        seconds = SideBySide.alone(product::multiply, ROUNDS);
      }
      double gigaflops = product.flop() / seconds / 1e9;
      double gigabytes = product.bytes() / seconds / 1e9;
      System.out.printf(
          Locale.ROOT,
          "| %s | %s | %d | %.1f | %.2f | %.1f | %.2f %s%n",
          shape.label(),
          type,
          rows,
          gigaflops,
          gigaflops / limits.gigaflops(),
          gigabytes,
          gigabytes / limits.gigabytes(),
          peer);
    }
  }

  private static SideBySide beside(
      OpenBlas blas, int threads, Product product, ProductShape shape, int rows) {
    blas.threads(threads);
    try (OpenBlasProduct peer = new OpenBlasProduct(blas, shape, rows)) {
      long pause = threads == 1 ? 0 : SETTLE_MILLISECONDS;
      SideBySide both = SideBySide.measure(product::multiply, peer::multiply, ROUNDS, pause);
      check(product.result(), peer.result());
      return both;
    }
  }

  private static void check(float[] ours, float[] theirs) {
    float largest = 0;
    for (int i = 0; i < ours.length; i++) {
      largest = Math.max(largest, Math.abs(ours[i] - theirs[i]));
    }
    if (!(largest < TOLERANCE)) {
      throw new AssertionError("products differ from OpenBLAS's by " + largest);
    }
  }
}
