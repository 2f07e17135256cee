package dev.diopter.lens.patterns;

/** Is told how far a run is, from any of its threads, one at a time. */
@FunctionalInterface
public interface RunListener {
  /** Listens to nothing. */
  RunListener NONE = (done, total) -> {};

  /**
   * How far the run is.
   *
   * @param done how many are made, were there or failed
   * @param total how many there are; 0 while that is not known
   */
  void progress(long done, long total);
}
