import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCacheEvent;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryNTimes;

/** Curator's recipes, each among several sessions and across the death of a leader. Arguments: connect string, recipe. */
public final class CuratorRecipes {
  private static String servers;
  private static final ExecutorService threads = Executors.newCachedThreadPool();

  public static void main(String[] args) throws Exception {
    servers = args[0];
    switch (args[1]) {
      case "mutex" -> mutex();
      case "latch" -> latch();
      case "selector" -> selector();
      case "cache" -> cache();
      case "barrier" -> barrier();
      default -> throw new IllegalArgumentException(args[1]);
    }
    Checks.end();
  }

  private static CuratorFramework connect() throws Exception {
    CuratorFramework client = CuratorFrameworkFactory.builder()
        .connectString(servers).namespace("curator").sessionTimeoutMs(10_000).connectionTimeoutMs(5_000)
        .retryPolicy(new RetryNTimes(100, 100)).build();
    client.start();
    Checks.that(client.blockUntilConnected(20, TimeUnit.SECONDS), "connects within 20 s");
    return client;
  }

  private static List<CuratorFramework> connect(int count) throws Exception {
    List<CuratorFramework> clients = new ArrayList<>();
    for (int i = 0; i < count; i++) clients.add(connect());
    return clients;
  }

  private static void close(List<CuratorFramework> clients) {
    clients.forEach(CuratorFramework::close);
  }

  // --- InterProcessMutex -----------------------------------------------------------------------------------------

  private static void mutex() {
    Checks.law("InterProcessMutex: three sessions count under the lock, one inside at a time", () -> count("/calm", 10, false));
    Checks.law("InterProcessMutex: so they do while the leader is killed", () -> count("/killed", 20, true));
  }

  private static void count(String path, int rounds, boolean kill) throws Exception {
    List<CuratorFramework> clients = connect(3);
    clients.get(0).create().creatingParentsIfNeeded().forPath(path + "/total", "0".getBytes());
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    List<Future<?>> workers = new ArrayList<>();
    for (CuratorFramework client : clients) {
      InterProcessMutex mutex = new InterProcessMutex(client, path + "/lock");
      workers.add(threads.submit(() -> {
        for (int i = 0; i < rounds; i++) {
          mutex.acquire();
          try {
            Checks.equal(1, inside.incrementAndGet(), "how many are inside");
            // What earlier holders wrote is not promised to a plain read at another member, only after a sync.
            client.sync().forPath(path + "/total");
            int total = Integer.parseInt(new String(client.getData().forPath(path + "/total")));
            client.setData().forPath(path + "/total", String.valueOf(total + 1).getBytes());
            done.incrementAndGet();
            inside.decrementAndGet();
          } finally {
            mutex.release();
          }
        }
        return null;
      }));
    }
    if (kill) {
      Checks.eventually("some rounds", () -> done.get() >= 10);
      Checks.killLeader();
    }
    for (Future<?> worker : workers) worker.get(90, TimeUnit.SECONDS);
    if (kill) Checks.restore();
    clients.get(0).sync().forPath(path + "/total");
    Checks.equal(String.valueOf(3 * rounds), new String(clients.get(0).getData().forPath(path + "/total")), "total");
    close(clients);
  }

  // --- LeaderLatch -----------------------------------------------------------------------------------------------

  private static void latch() {
    Checks.law("LeaderLatch: one leads, and when it closes the next does", () -> {
      List<CuratorFramework> clients = connect(3);
      List<LeaderLatch> latches = latches(clients, "/latch-calm");
      while (!latches.isEmpty()) {
        LeaderLatch leader = theOne(latches);
        Checks.eventually("all see the same leader", () -> {
          for (LeaderLatch latch : latches) if (!latch.getLeader().getId().equals(leader.getId())) return false;
          return true;
        });
        leader.close();
        latches.remove(leader);
      }
      close(clients);
    });
    Checks.law("LeaderLatch: one leads again after the ensemble's leader is killed", () -> {
      List<CuratorFramework> clients = connect(3);
      List<LeaderLatch> latches = latches(clients, "/latch-killed");
      theOne(latches);
      Checks.killLeader();
      Checks.eventually("the sessions are back", () -> {
        for (CuratorFramework client : clients) client.checkExists().forPath("/latch-killed");
        return true;
      });
      LeaderLatch leader = theOne(latches);
      Checks.restore();
      leader.close();
      latches.remove(leader);
      theOne(latches);
      for (LeaderLatch latch : latches) latch.close();
      close(clients);
    });
  }

  private static List<LeaderLatch> latches(List<CuratorFramework> clients, String path) throws Exception {
    List<LeaderLatch> latches = new ArrayList<>();
    for (int i = 0; i < clients.size(); i++) {
      LeaderLatch latch = new LeaderLatch(clients.get(i), path, "candidate-" + i);
      latch.start();
      latches.add(latch);
    }
    return latches;
  }

  private static LeaderLatch theOne(List<LeaderLatch> latches) throws Exception {
    Checks.eventually("exactly one leads", () -> latches.stream().filter(LeaderLatch::hasLeadership).count() == 1);
    return latches.stream().filter(LeaderLatch::hasLeadership).findFirst().get();
  }

  // --- LeaderSelector --------------------------------------------------------------------------------------------

  private static void selector() {
    Checks.law("LeaderSelector: turns go round among three, one at a time", () -> turns("/selector-calm", false));
    Checks.law("LeaderSelector: turns go on after the ensemble's leader is killed", () -> turns("/selector-killed", true));
  }

  private static void turns(String path, boolean kill) throws Exception {
    List<CuratorFramework> clients = connect(3);
    AtomicInteger inside = new AtomicInteger();
    AtomicBoolean violated = new AtomicBoolean();
    ConcurrentLinkedQueue<Integer> turns = new ConcurrentLinkedQueue<>();
    List<LeaderSelector> selectors = new ArrayList<>();
    for (int i = 0; i < clients.size(); i++) {
      int candidate = i;
      LeaderSelector selector = new LeaderSelector(clients.get(i), path, new LeaderSelectorListenerAdapter() {
        @Override
        public void takeLeadership(CuratorFramework client) throws Exception {
          if (inside.incrementAndGet() != 1) violated.set(true);
          try {
            turns.add(candidate);
            Thread.sleep(20);
          } finally {
            inside.decrementAndGet();
          }
        }
      });
      selector.autoRequeue();
      selector.start();
      selectors.add(selector);
    }
    Checks.eventually("each has had a turn", () -> Set.copyOf(turns).size() == 3);
    if (kill) {
      Checks.killLeader();
      int before = turns.size();
      Checks.eventually("nine more turns", () -> turns.size() >= before + 9);
      Checks.restore();
    }
    Checks.that(!violated.get(), "never two at once");
    for (LeaderSelector selector : selectors) selector.close();
    close(clients);
  }

  // --- PathChildrenCache -----------------------------------------------------------------------------------------

  private static void cache() {
    Checks.law("PathChildrenCache: follows children, also across the death of the leader", () -> {
      CuratorFramework writer = connect();
      CuratorFramework reader = connect();
      for (int i = 0; i < 3; i++) writer.create().creatingParentsIfNeeded().forPath("/cache/" + i, new byte[] {(byte) i});
      ConcurrentLinkedQueue<String> events = new ConcurrentLinkedQueue<>();
      PathChildrenCache cache = new PathChildrenCache(reader, "/cache", true);
      cache.getListenable().addListener((client, event) -> {
        if (event.getData() != null) events.add(event.getType() + " " + event.getData().getPath());
        else events.add(event.getType().toString());
      });
      cache.start(PathChildrenCache.StartMode.POST_INITIALIZED_EVENT);
      Checks.eventually("initialized", () -> events.contains(PathChildrenCacheEvent.Type.INITIALIZED.toString()));
      Checks.equal(3, cache.getCurrentData().size(), "known at the start");
      writer.setData().forPath("/cache/1", "new".getBytes());
      Checks.eventually("updated", () -> events.contains("CHILD_UPDATED /cache/1"));
      writer.delete().forPath("/cache/0");
      Checks.eventually("removed", () -> events.contains("CHILD_REMOVED /cache/0"));

      Checks.killLeader();
      writer.create().forPath("/cache/after", "x".getBytes());
      Checks.eventually("added after the kill", () -> events.contains("CHILD_ADDED /cache/after"));
      Checks.restore();
      writer.setData().forPath("/cache/after", "y".getBytes());
      Checks.eventually("the last value", () -> new String(cache.getCurrentData("/cache/after").getData()).equals("y"));
      List<String> paths = cache.getCurrentData().stream().map(data -> data.getPath()).toList();
      Checks.equal(List.of("/cache/1", "/cache/2", "/cache/after"), paths, "what it knows at the end");
      cache.close();
      close(List.of(writer, reader));
    });
  }

  // --- DistributedDoubleBarrier ----------------------------------------------------------------------------------

  private static void barrier() {
    Checks.law("DistributedDoubleBarrier: all enter together and leave together", () -> meet("/barrier-calm", false));
    Checks.law("DistributedDoubleBarrier: also when the leader is killed between", () -> meet("/barrier-killed", true));
  }

  private static void meet(String path, boolean kill) throws Exception {
    List<CuratorFramework> clients = connect(3);
    AtomicInteger arrived = new AtomicInteger();
    AtomicInteger left = new AtomicInteger();
    Set<String> wrong = ConcurrentHashMap.newKeySet();
    CountDownLatch inside = new CountDownLatch(3);
    CountDownLatch mayLeave = new CountDownLatch(1);
    List<Future<?>> members = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      int member = i;
      DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(clients.get(i), path, 3);
      members.add(threads.submit(() -> {
        Thread.sleep(150L * member);
        arrived.incrementAndGet();
        Checks.that(barrier.enter(30, TimeUnit.SECONDS), "enters");
        if (arrived.get() != 3) wrong.add("one passed before all had arrived");
        inside.countDown();
        mayLeave.await();
        Thread.sleep(150L * member);
        left.incrementAndGet();
        Checks.that(barrier.leave(30, TimeUnit.SECONDS), "leaves");
        if (left.get() != 3) wrong.add("one left before all were ready to");
        return null;
      }));
    }
    Checks.that(inside.await(40, TimeUnit.SECONDS), "all are inside");
    if (kill) {
      Checks.killLeader();
      Checks.eventually("the sessions are back", () -> {
        for (CuratorFramework client : clients) client.checkExists().forPath(path);
        return true;
      });
    }
    mayLeave.countDown();
    for (Future<?> member : members) member.get(60, TimeUnit.SECONDS);
    Checks.equal(Set.of(), wrong, "what went wrong");
    if (kill) Checks.restore();
    close(clients);
  }
}
