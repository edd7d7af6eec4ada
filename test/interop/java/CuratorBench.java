import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryNTimes;

/**
 * Curator's mutex, measured. Argument: connect string. Hears lines, and answers each with one that begins with "result":
 * "acquire PATH TASKS MILLISECONDS" (so many threads, each with a lock of its own: pairs of acquire and release, then their
 * latencies in microseconds), and "hand-over PATH WAITERS ROUNDS" (so many clients want one lock: microseconds from each
 * release to the next grant). "end" ends it.
 */
public final class CuratorBench {
  public static void main(String[] args) throws Exception {
    CuratorFramework client = client(args[0]);
    Checks.say("ready");
    BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
    for (String line = orders.readLine(); line != null && !line.equals("end"); line = orders.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("acquire")) acquire(client, words[1], Integer.parseInt(words[2]), Long.parseLong(words[3]));
      else handOver(args[0], words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]));
    }
    client.close();
    System.exit(0);
  }

  private static CuratorFramework client(String servers) throws Exception {
    CuratorFramework client = CuratorFrameworkFactory.builder()
        .connectString(servers).sessionTimeoutMs(10_000).connectionTimeoutMs(5_000)
        .retryPolicy(new RetryNTimes(100, 100)).build();
    client.start();
    Checks.that(client.blockUntilConnected(20, TimeUnit.SECONDS), "connects within 20 s");
    return client;
  }

  private static void acquire(CuratorFramework client, String path, int tasks, long milliseconds) throws Exception {
    List<List<Long>> each = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    long begun = System.nanoTime();
    long end = begun + milliseconds * 1_000_000;
    for (int task = 0; task < tasks; task++) {
      List<Long> latencies = new ArrayList<>();
      each.add(latencies);
      InterProcessMutex mutex = new InterProcessMutex(client, path + "-" + task);
      threads.add(start(() -> {
        while (System.nanoTime() < end) {
          long before = System.nanoTime();
          mutex.acquire();
          mutex.release();
          latencies.add((System.nanoTime() - before) / 1000);
        }
      }));
    }
    for (Thread thread : threads) thread.join();
    double seconds = (System.nanoTime() - begun) / 1e9;
    long[] all = each.stream().flatMap(List::stream).mapToLong(Long::longValue).sorted().toArray();
    Checks.say("result " + all.length / seconds + " " + joined(all));
  }

  /** Each of them waits for its turn, `rounds` times over; the holder lets go when all the others stand in line. */
  private static void handOver(String servers, String path, int waiters, int rounds) throws Exception {
    List<CuratorFramework> clients = new ArrayList<>();
    for (int i = 0; i < waiters; i++) clients.add(client(servers));
    AtomicLong released = new AtomicLong();
    long[] latencies = new long[waiters * rounds];
    int count = 0;
    for (int round = 0; round < rounds; round++) {
      InterProcessMutex first = new InterProcessMutex(clients.get(0), path);
      first.acquire();
      CountDownLatch inLine = new CountDownLatch(waiters);
      List<Thread> threads = new ArrayList<>();
      List<Long> found = java.util.Collections.synchronizedList(new ArrayList<>());
      for (CuratorFramework client : clients) {
        InterProcessMutex mutex = new InterProcessMutex(client, path);
        threads.add(start(() -> {
          inLine.countDown();
          mutex.acquire();
          found.add((System.nanoTime() - released.get()) / 1000);
          released.set(System.nanoTime());
          mutex.release();
        }));
      }
      inLine.await();
      while (clients.get(0).getChildren().forPath(path).size() < waiters + 1) Thread.sleep(5);
      released.set(System.nanoTime());
      first.release();
      for (Thread thread : threads) thread.join();
      for (long latency : found) latencies[count++] = latency;
    }
    for (CuratorFramework client : clients) client.close();
    Arrays.sort(latencies);
    Checks.say("result 0 " + joined(latencies));
  }

  interface Body {
    void run() throws Exception;
  }

  private static Thread start(Body body) {
    Thread thread = new Thread(() -> {
      try {
        body.run();
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    });
    thread.start();
    return thread;
  }

  /** p50, p99 and the longest. */
  private static String joined(long[] sorted) {
    return sorted[(int) (sorted.length * 0.5)] + " " + sorted[(int) (sorted.length * 0.99)] + " " + sorted[sorted.length - 1];
  }
}
