import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.state.ConnectionState;
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
    if (queue != null) {
      for (int i = 0; i < 200 && !client.getChildren().forPath(path + "/items").isEmpty(); i++) Thread.sleep(50);
      queue.close();
    }
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
      case "contenders" -> {
        for (String node : new InterProcessMutex(client, path).getParticipantNodes()) {
          Checks.say("contender " + new String(client.getData().forPath(node), StandardCharsets.UTF_8));
        }
      }
      case "candidates" -> {
        for (var candidate : new LeaderLatch(client, path).getParticipants()) {
          Checks.say("candidate " + candidate.getId() + (candidate.isLeader() ? " leads" : " waits"));
        }
      }
      case "latch" -> {
        try (LeaderLatch latch = new LeaderLatch(client, path, "curator")) {
          latch.start();
          latch.await();
          alone();
        }
      }
      case "count" -> {
        DistributedAtomicLong number = new DistributedAtomicLong(client, path, new RetryNTimes(1000, 2));
        Checks.that(number.increment().succeeded(), "it is incremented");
        Checks.say("inside");
      }
      case "double-barrier" -> {
        DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(client, path, 3);
        barrier.enter();
        Checks.say("inside");
        barrier.leave();
      }
      case "queue" -> {
        // Puts one, and does whatever comes, as the others do.
        if (queue == null) {
          queue = QueueBuilder.builder(client, consumer(), serializer(), path + "/items")
              .lockPath(path + "/locks").buildPriorityQueue(0);
          queue.start();
        }
        queue.put("\"from curator\"", 5);
        Checks.say("inside");
        Thread.sleep(20);
      }
      default -> throw new IllegalArgumentException(recipe);
    }
  }

  private static DistributedPriorityQueue<String> queue;

  private static QueueConsumer<String> consumer() {
    return new QueueConsumer<>() {
      @Override
      public void consumeMessage(String item) {
        Checks.say("did " + item);
      }

      @Override
      public void stateChanged(CuratorFramework client, ConnectionState state) {}
    };
  }

  private static QueueSerializer<String> serializer() {
    return new QueueSerializer<>() {
      @Override
      public byte[] serialize(String item) {
        return item.getBytes(StandardCharsets.UTF_8);
      }

      @Override
      public String deserialize(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
      }
    };
  }

  private static void alone() throws Exception {
    Files.createFile(inside); // throws where it exists
    Thread.sleep(5);
    Files.delete(inside);
    Checks.say("inside");
  }
}
