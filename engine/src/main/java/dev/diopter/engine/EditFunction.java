package dev.diopter.engine;

/** Any change of a hook's value in Java. Runs on the thread of the pass; must not keep the view. */
@FunctionalInterface
public interface EditFunction {
  /** Changes the selected part of one sequence's value in place. */
  void edit(EditView view);
}
