import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.concurrent.Callable;

/** What every program here reports by: a line for each law that it checked, and wishes that the stage fulfils. */
final class Checks {
  private static final BufferedReader stage = new BufferedReader(new InputStreamReader(System.in));

  interface Body {
    void run() throws Exception;
  }

  private Checks() {}

  /** Plays the body and reports the law as kept, or as broken with the reason. */
  static void law(String law, Body body) {
    try {
      body.run();
      say("ok " + law);
    } catch (Throwable error) {
      error.printStackTrace();
      say("failed " + law + "\t" + error.toString().replace('\n', ' '));
    }
  }

  static void that(boolean claim, String meaning) {
    if (!claim) throw new AssertionError(meaning);
  }

  static void equal(Object expected, Object actual, String meaning) {
    that(java.util.Objects.equals(expected, actual), meaning + ": expected " + expected + ", got " + actual);
  }

  /** Waits for a claim to come true; a claim that throws is not yet true. */
  static void eventually(String meaning, Callable<Boolean> claim) throws Exception {
    long deadline = System.nanoTime() + 20_000_000_000L;
    Throwable last = null;
    while (System.nanoTime() < deadline) {
      try {
        if (claim.call()) return;
        last = null;
      } catch (Exception error) {
        last = error;
      }
      Thread.sleep(20);
    }
    throw new AssertionError("never came true: " + meaning + (last == null ? "" : " (" + last + ")"));
  }

  /** Expects the body to throw this ZooKeeper error. */
  static void rejected(org.apache.zookeeper.KeeperException.Code code, Body body) throws Exception {
    try {
      body.run();
    } catch (org.apache.zookeeper.KeeperException error) {
      equal(code, error.code(), "the error's code");
      return;
    }
    throw new AssertionError("expected " + code + ", but it succeeded");
  }

  static void killLeader() throws IOException {
    wish("kill-leader");
  }

  static void restore() throws IOException {
    wish("restore");
  }

  static void end() {
    say("end");
    System.exit(0);
  }

  static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static void wish(String wish) throws IOException {
    say("please " + wish);
    String answer = stage.readLine();
    if (!"done".equals(answer)) throw new IOException("the stage answered " + answer);
  }
}
