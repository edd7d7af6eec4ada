import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.RetryNTimes;

/**
 * Curator on a path that other programs share. Whoever is inside has a file that must not be there before. Arguments:
 * connect string, recipe, path, the file, rounds.
 */
public final class SharedRecipes {
  private static Path inside;

  interface Body {
    void run() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    String path = args[2];
    inside = Path.of(args[3]);
    int rounds = Integer.parseInt(args[4]);
    CuratorFramework client = CuratorFrameworkFactory.builder()
        .connectString(args[0]).sessionTimeoutMs(10_000).connectionTimeoutMs(5_000)
        .retryPolicy(new RetryNTimes(100, 100)).build();
    client.start();
    Checks.that(client.blockUntilConnected(20, TimeUnit.SECONDS), "connects within 20 s");
    Checks.say("ready");
    for (int i = 0; i < rounds; i++) round(client, args[1], path);
    client.close();
    Checks.say("done");
    System.exit(0);
  }

  private static void round(CuratorFramework client, String recipe, String path) throws Exception {
    switch (recipe) {
      case "mutex" -> {
        InterProcessMutex mutex = new InterProcessMutex(client, path);
        mutex.acquire();
        alone();
        mutex.release();
      }
      case "write" -> {
        InterProcessMutex mutex = new InterProcessReadWriteLock(client, path).writeLock();
        mutex.acquire();
        alone();
        mutex.release();
      }
      case "semaphore" -> {
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, path, 1);
        Lease lease = semaphore.acquire();
        alone();
        semaphore.returnLease(lease);
      }
      case "latch" -> {
        try (LeaderLatch latch = new LeaderLatch(client, path, "curator")) {
          latch.start();
          latch.await();
          alone();
        }
      }
      default -> throw new IllegalArgumentException(recipe);
    }
  }

  private static void alone() throws Exception {
    Files.createFile(inside); // throws where it exists
    Thread.sleep(5);
    Files.delete(inside);
    Checks.say("inside");
  }
}
