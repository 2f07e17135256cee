package dev.diopter.engine;

/** The contract of hooks on the cpu backend. */
class CpuHooksTest extends HooksContract {
  @Override
  String backend() {
    return "cpu";
  }
}
