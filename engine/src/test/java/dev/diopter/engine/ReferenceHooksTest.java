package dev.diopter.engine;

/** The contract of hooks on the reference backend. */
class ReferenceHooksTest extends HooksContract {
  @Override
  String backend() {
    return "reference";
  }
}
