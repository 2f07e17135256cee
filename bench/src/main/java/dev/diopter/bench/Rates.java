package dev.diopter.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * Figures that JMH prints beside products a second, each divided by the time: {@code gflop} is
 * GFLOP/s, {@code gbyte} GB/s, and {@code ofFmaPeak} and {@code ofReadLimit} are their shares of
 * what this machine allowed in the same run (1 is all).
 */
@AuxCounters(AuxCounters.Type.OPERATIONS)
@State(Scope.Thread)
public class Rates {
  public double gflop;
  public double gbyte;
  public double ofFmaPeak;
  public double ofReadLimit;

  void count(double flop, double bytes, Limits limits) {
    gflop += flop / 1e9;
    gbyte += bytes / 1e9;
    ofFmaPeak += flop / 1e9 / limits.gigaflops();
    ofReadLimit += bytes / 1e9 / limits.gigabytes();
  }
}
