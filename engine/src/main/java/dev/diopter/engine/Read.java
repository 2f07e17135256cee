package dev.diopter.engine;

/**
 * A wish for a value.
 *
 * @param hook a hook name or pattern, see {@link HookNames}
 * @param where which part
 * @param when before or after all edits of the point
 */
public record Read(String hook, Selection where, When when) {

  /** On which side of the edits of its point a value is read. */
  public enum When {
    BEFORE,
    AFTER
  }
}
