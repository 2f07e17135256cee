package dev.diopter.engine;

/**
 * How the fake driver works: when a stream does what is given, and the order of a block's threads.
 */
enum Streams {
  /** At once, threads forward. */
  EAGER_FORWARD("", ""),
  /** At once, threads in reverse. */
  EAGER_REVERSE("", "reverse"),
  /** When somebody waits, threads at random. */
  LAZY_RANDOM("lazy", "random:5");

  private final String async;
  private final String order;

  Streams(String async, String order) {
    this.async = async;
    this.order = order;
  }

  /** Makes it so, where there is a fake driver. */
  void begin() {
    FakeCuda.set("EMU_ASYNC", async);
    FakeCuda.set("EMU_ORDER", order);
  }

  /** Goes back to what the other tests expect. */
  static void end() {
    EAGER_FORWARD.begin();
  }
}
