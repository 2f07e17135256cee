package dev.diopter.cli;

import java.util.Timer;
import java.util.TimerTask;
import org.jspecify.annotations.Nullable;

/**
 * One line on standard error about work that lasts, redrawn a few times a second and wiped when the
 * work is done. It appears after a second, and only on a terminal.
 */
final class Progress implements AutoCloseable {
  private static final long DELAY_MILLIS = 1000;
  private static final long PERIOD_MILLIS = 250;
  private static final int BAR = 24;
  private static final String WIPE = "\r\u001b[K";

  private final Screen screen;
  private final String what;
  private final long start = System.nanoTime();
  private final @Nullable Timer timer;
  private boolean drawn;
  private boolean closed;
  private long done;
  private long total;
  private @Nullable String detail;

  private Progress(Screen screen, String what, boolean shown, long delayMillis) {
    this.screen = screen;
    this.what = what;
    timer = shown ? new Timer("progress", true) : null;
    if (timer != null) {
      timer.schedule(
          new TimerTask() {
            @Override
            public void run() {
              draw();
            }
          },
          delayMillis,
          PERIOD_MILLIS);
    }
  }

  /** Starts to report, unless told to be quiet. */
  static Progress start(Screen screen, OutputOptions options, String what) {
    return new Progress(screen, what, screen.errTerminal() && !options.quiet(), DELAY_MILLIS);
  }

  /** How far the work is. */
  synchronized void update(long doneNow, long totalNow) {
    done = doneNow;
    total = totalNow;
  }

  /** How far the work is and what there is to say of it; the line then tells the time left too. */
  synchronized void update(long doneNow, long totalNow, String theDetail) {
    update(doneNow, totalNow);
    detail = theDetail;
  }

  /** Draws the line as it stands. */
  synchronized void draw() {
    if (closed) {
      return; // A timer task that was already under way must not draw behind the end.
    }
    drawn = true;
    screen.err().print(WIPE + line());
    screen.err().flush();
  }

  private String line() {
    String spent = (System.nanoTime() - start) / 1_000_000_000L + " s";
    if (total <= 0) {
      return what + " \u2026 " + spent;
    }
    int filled = Math.clamp(BAR * done / total, 0, BAR);
    return what
        + " \u2595"
        + "\u2588".repeat(filled)
        + " ".repeat(BAR - filled)
        + "\u258f "
        + Numbers.grouped(done)
        + " of "
        + Numbers.grouped(total)
        + ", "
        + spent
        + (detail == null ? "" : left() + ", " + detail);
  }

  private String left() {
    if (done <= 0) {
      return "";
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return ", " + Math.round(seconds * (total - done) / done) + " s left";
  }

  /** Wipes the line. */
  @Override
  public synchronized void close() {
    closed = true;
    if (timer != null) {
      timer.cancel();
    }
    if (drawn) {
      screen.err().print(WIPE);
      screen.err().flush();
      drawn = false;
    }
  }
}
