package dev.diopter.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What every message for the user must be. */
public final class Messages {
  private Messages() {}

  /**
   * Runs something that must fail with a {@link FormatException} of one line that names these
   * things.
   */
  public static void assertRefused(ThrowingCallable action, String... parts) {
    assertRefused(FormatException.class, action, parts);
  }

  /** Runs something that must fail with this exception, in one line that names these things. */
  public static void assertRefused(Class<?> type, ThrowingCallable action, String... parts) {
    Throwable thrown = catchThrowable(action);
    assertThat(thrown).isExactlyInstanceOf(type);
    assertThat(thrown.getMessage()).contains(parts).doesNotContain("\n").hasSizeLessThan(1000);
  }
}
