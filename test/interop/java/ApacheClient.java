import static org.apache.zookeeper.KeeperException.Code;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** Apache's Java client over its whole interface, and across the death of a leader. Argument: connect string. */
public final class ApacheClient {
  private static String servers;

  public static void main(String[] args) throws Exception {
    servers = args[0];
    ZooKeeper zk = connect(servers);
    zk.create("/java", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);

    nodes(zk);
    watches(zk);
    transactions(zk);
    access(zk);
    sessions(zk);
    failover();
    Checks.end();
  }

  private static ZooKeeper connect(String to) throws Exception {
    return connect(to, event -> {});
  }

  private static ZooKeeper connect(String to, Watcher watcher) throws Exception {
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper zk = new ZooKeeper(to, 10_000, event -> {
      if (event.getState() == KeeperState.SyncConnected) connected.countDown();
      watcher.process(event);
    });
    Checks.that(connected.await(20, TimeUnit.SECONDS), "connects within 20 s");
    return zk;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void nodes(ZooKeeper zk) {
    Checks.law("create, read, write and delete answer with the right data, versions and Stat", () -> {
      Stat stat = new Stat();
      Checks.equal("/java/a", zk.create("/java/a", bytes("one"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat), "path");
      Checks.equal(3, stat.getDataLength(), "data length");
      Checks.equal(0L, stat.getEphemeralOwner(), "owner");
      Checks.equal(stat.getCzxid(), stat.getMzxid(), "mzxid of a new node");
      Checks.equal(1, zk.setData("/java/a", bytes("two"), 0).getVersion(), "version");
      Checks.rejected(Code.BADVERSION, () -> zk.setData("/java/a", bytes("x"), 0));
      Checks.equal("two", new String(zk.getData("/java/a", false, stat)), "data");
      Checks.that(stat.getMzxid() > stat.getCzxid(), "a write has its own zxid");
      Checks.rejected(Code.NODEEXISTS, () -> zk.create("/java/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
      Checks.rejected(Code.NONODE, () -> zk.create("/java/none/b", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
      zk.create("/java/a/b", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      Checks.rejected(Code.NOTEMPTY, () -> zk.delete("/java/a", -1));
      Checks.equal(null, zk.getData("/java/a/b", false, null), "null data stays null");
      Checks.equal(List.of("b"), zk.getChildren("/java/a", false, stat), "children");
      Checks.equal(1, stat.getNumChildren(), "number of children");
      zk.delete("/java/a/b", 0);
      zk.delete("/java/a", -1);
      Checks.equal(null, zk.exists("/java/a", false), "a deleted node");
    });

    Checks.law("sequential names count up and are never reused", () -> {
      zk.create("/java/seq", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      String first = zk.create("/java/seq/n-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL);
      Checks.equal("/java/seq/n-0000000000", first, "first");
      zk.delete(first, -1);
      String second = zk.create("/java/seq/n-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
      Checks.equal("/java/seq/n-0000000001", second, "second");
      zk.delete(second, -1);
    });

    Checks.law("containers and nodes with a time to live are created, and expire when empty", () -> {
      zk.create("/java/container", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
      zk.create("/java/container/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      Stat stat = new Stat();
      zk.create("/java/ttl", bytes("x"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 500);
      Checks.equal(0L, zk.exists("/java/ttl", false).getEphemeralOwner(), "owner shown of a TTL node");
      zk.delete("/java/container/c", -1);
      Checks.eventually("both are gone", () ->
          zk.exists("/java/container", false) == null && zk.exists("/java/ttl", false) == null);
    });

    Checks.law("ephemerals are listed to their session, and all children are counted", () -> {
      zk.create("/java/e1", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
      zk.create("/java/e2", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
      Set<String> mine = new TreeSet<>(zk.getEphemerals("/java/e"));
      Checks.equal(new TreeSet<>(List.of("/java/e1", "/java/e2")), mine, "ephemerals");
      Checks.rejected(Code.NOCHILDRENFOREPHEMERALS,
          () -> zk.create("/java/e1/child", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
      Checks.equal(3, zk.getAllChildrenNumber("/java"), "descendants of /java"); // seq, e1, e2
      zk.delete("/java/e1", -1);
      zk.delete("/java/e2", -1);
    });

    Checks.law("a chroot is the client's own, and sync answers with its path", () -> {
      ZooKeeper rooted = connect(servers + "/java");
      rooted.create("/inside", bytes("1"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      zk.sync("/java/inside", (code, path, context) -> {}, null);
      Checks.equal("1", new String(zk.getData("/java/inside", false, null)), "seen from outside");
      BlockingQueue<String> synced = new ArrayBlockingQueue<>(1);
      rooted.sync("/inside", (code, path, context) -> synced.add(code + path), null);
      Checks.equal("0/inside", synced.poll(10, TimeUnit.SECONDS), "sync");
      rooted.delete("/inside", -1);
      rooted.close();
    });

    Checks.law("the ensemble's configuration can be read", () -> {
      String config = new String(((org.apache.zookeeper.admin.ZooKeeperAdmin) admin()).getConfig(false, null));
      for (int id = 1; id <= 3; id++) Checks.that(config.contains("server." + id + "="), "server " + id + " in " + config);
      Checks.that(config.contains("version="), "a version in " + config);
    });
  }

  private static ZooKeeper admin() throws Exception {
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper zk = new org.apache.zookeeper.admin.ZooKeeperAdmin(servers, 10_000, event -> connected.countDown());
    connected.await(20, TimeUnit.SECONDS);
    return zk;
  }

  private static void watches(ZooKeeper zk) {
    Checks.law("each one-shot watch fires once, with the right kind", () -> {
      BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
      Watcher watcher = events::add; // one object: the client tells each of its watchers once
      Checks.equal(null, zk.exists("/java/w", watcher), "not there yet");
      zk.create("/java/w", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      expect(events, EventType.NodeCreated, "/java/w");
      zk.getData("/java/w", watcher, null);
      zk.setData("/java/w", bytes("1"), -1);
      expect(events, EventType.NodeDataChanged, "/java/w");
      zk.setData("/java/w", bytes("2"), -1);
      zk.getChildren("/java/w", watcher);
      zk.create("/java/w/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      expect(events, EventType.NodeChildrenChanged, "/java/w");
      zk.delete("/java/w/c", -1);
      zk.getData("/java/w", watcher, null);
      zk.getChildren("/java/w", watcher);
      zk.delete("/java/w", -1);
      expect(events, EventType.NodeDeleted, "/java/w");
      expectSilence(zk, events);
    });

    Checks.law("persistent watches stay, recursive ones see descendants, removal ends both", () -> {
      zk.create("/java/p", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      BlockingQueue<WatchedEvent> persistent = new LinkedBlockingQueue<>();
      BlockingQueue<WatchedEvent> recursive = new LinkedBlockingQueue<>();
      Watcher first = persistent::add;
      Watcher second = recursive::add;
      zk.addWatch("/java/p", first, AddWatchMode.PERSISTENT);
      zk.addWatch("/java/p", second, AddWatchMode.PERSISTENT_RECURSIVE);
      for (int i = 0; i < 2; i++) {
        zk.create("/java/p/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.setData("/java/p/c", bytes("x"), -1);
        zk.delete("/java/p/c", -1);
        zk.setData("/java/p", bytes("x"), -1);
        expect(persistent, EventType.NodeChildrenChanged, "/java/p");
        expect(persistent, EventType.NodeChildrenChanged, "/java/p");
        expect(persistent, EventType.NodeDataChanged, "/java/p");
        expect(recursive, EventType.NodeCreated, "/java/p/c");
        expect(recursive, EventType.NodeDataChanged, "/java/p/c");
        expect(recursive, EventType.NodeDeleted, "/java/p/c");
        expect(recursive, EventType.NodeDataChanged, "/java/p");
      }
      zk.removeWatches("/java/p", first, WatcherType.Any, false);
      zk.removeWatches("/java/p", second, WatcherType.Any, false);
      expect(persistent, EventType.PersistentWatchRemoved, "/java/p");
      expect(recursive, EventType.PersistentWatchRemoved, "/java/p");
      zk.setData("/java/p", bytes("y"), -1);
      expectSilence(zk, persistent);
      expectSilence(zk, recursive);
      Checks.rejected(Code.NOWATCHER, () -> zk.removeAllWatches("/java/p", WatcherType.Any, false));
      zk.delete("/java/p", -1);
    });
  }

  private static void expect(BlockingQueue<WatchedEvent> events, EventType type, String path) throws Exception {
    WatchedEvent event = events.poll(10, TimeUnit.SECONDS);
    Checks.that(event != null, "an event " + type + " on " + path);
    Checks.equal(type + " " + path, event.getType() + " " + event.getPath(), "event");
  }

  /** Events precede the replies behind them, so one more reply settles that none is on its way. */
  private static void expectSilence(ZooKeeper zk, BlockingQueue<WatchedEvent> events) throws Exception {
    zk.exists("/", false);
    Thread.sleep(50); // the client's own hand-over from its socket to its watchers
    Checks.equal(null, events.poll(), "no further event");
  }

  private static void transactions(ZooKeeper zk) {
    Checks.law("a multi is all or nothing, and later operations see earlier ones", () -> {
      List<OpResult> results = zk.multi(List.of(
          Op.create("/java/m", bytes("1"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
          Op.create("/java/m/c-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL),
          Op.setData("/java/m", bytes("2"), 0),
          Op.check("/java/m", 1)));
      Checks.equal("/java/m", ((OpResult.CreateResult) results.get(0)).getPath(), "created");
      Checks.equal("/java/m/c-0000000000", ((OpResult.CreateResult) results.get(1)).getPath(), "created in order");
      Checks.equal(1, ((OpResult.SetDataResult) results.get(2)).getStat().getVersion(), "version");
      try {
        zk.multi(List.of(Op.setData("/java/m", bytes("3"), -1), Op.check("/java/m", 7), Op.delete("/java/m", -1)));
        throw new AssertionError("a failed check must fail the whole");
      } catch (KeeperException.BadVersionException error) {
        List<Integer> codes = new ArrayList<>();
        for (OpResult result : error.getResults()) codes.add(((OpResult.ErrorResult) result).getErr());
        Checks.equal(List.of(0, Code.BADVERSION.intValue(), Code.RUNTIMEINCONSISTENCY.intValue()), codes, "codes");
      }
      Checks.equal("2", new String(zk.getData("/java/m", false, null)), "nothing of the failed one remains");
    });

    Checks.law("a multi of reads fails each for itself", () -> {
      List<OpResult> results =
          zk.multi(List.of(Op.getData("/java/m"), Op.getData("/java/absent"), Op.getChildren("/java/m")));
      Checks.equal("2", new String(((OpResult.GetDataResult) results.get(0)).getData()), "data");
      Checks.equal(Code.NONODE.intValue(), ((OpResult.ErrorResult) results.get(1)).getErr(), "absent");
      Checks.equal(List.of("c-0000000000"), ((OpResult.GetChildrenResult) results.get(2)).getChildren(), "children");
    });
  }

  private static void access(ZooKeeper zk) {
    Checks.law("digest ACLs keep strangers out and let the owner in", () -> {
      ZooKeeper owner = connect(servers);
      owner.addAuthInfo("digest", bytes("ana:secret"));
      owner.create("/java/private", bytes("mine"), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
      zk.sync("/java/private", (code, path, context) -> {}, null); // another member may not know the node yet
      Checks.rejected(Code.NOAUTH, () -> zk.getData("/java/private", false, null));
      Checks.rejected(Code.NOAUTH, () -> zk.setACL("/java/private", Ids.OPEN_ACL_UNSAFE, -1));
      Checks.equal("mine", new String(owner.getData("/java/private", false, null)), "the owner reads");
      Checks.equal("ana", owner.whoAmI().stream().filter(i -> i.getAuthScheme().equals("digest")).findFirst().get().getUser(), "who am I");
      Id id = owner.getACL("/java/private", null).get(0).getId();
      Checks.that(id.getScheme().equals("digest") && id.getId().startsWith("ana:"), "the id is expanded: " + id);
      owner.setACL("/java/private", Arrays.asList(new ACL(Perms.READ, Ids.ANYONE_ID_UNSAFE), new ACL(Perms.ALL, id)), 0);
      zk.sync("/java/private", (code, path, context) -> {}, null);
      Checks.equal("mine", new String(zk.getData("/java/private", false, null)), "now all may read");
      Checks.rejected(Code.NOAUTH, () -> zk.setData("/java/private", null, -1));
      Checks.rejected(Code.INVALIDACL, () -> zk.create("/java/bad", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
      owner.delete("/java/private", -1);
      owner.close();
    });
  }

  private static void sessions(ZooKeeper zk) {
    Checks.law("a session moves to another member with its id and password, and keeps its ephemerals", () -> {
      String[] each = servers.split(",");
      ZooKeeper before = connect(each[0]);
      before.create("/java/moving", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
      CountDownLatch connected = new CountDownLatch(1);
      ZooKeeper after = new ZooKeeper(each[1], 10_000, event -> {
        if (event.getState() == KeeperState.SyncConnected) connected.countDown();
      }, before.getSessionId(), before.getSessionPasswd());
      Checks.that(connected.await(10, TimeUnit.SECONDS), "connects to the other");
      Checks.equal(before.getSessionId(), after.getSessionId(), "session");
      Checks.equal(before.getSessionId(), after.exists("/java/moving", false).getEphemeralOwner(), "owner");
      after.close();
      zk.sync("/java/moving", (code, path, context) -> {}, null);
      Checks.equal(null, zk.exists("/java/moving", false), "closing removes the ephemeral");
    });

    Checks.law("a wrong password ends in an expired session, not in a new one", () -> {
      ZooKeeper before = connect(servers);
      byte[] wrong = before.getSessionPasswd().clone();
      wrong[3] ^= 1;
      BlockingQueue<KeeperState> states = new LinkedBlockingQueue<>();
      ZooKeeper thief = new ZooKeeper(servers, 10_000, e -> states.add(e.getState()), before.getSessionId(), wrong);
      Checks.equal(KeeperState.Expired, states.poll(10, TimeUnit.SECONDS), "state");
      thief.close();
      before.close();
    });
  }

  private static void failover() {
    Checks.law("killing the leader loses no acknowledged write, no watch and no ephemeral", () -> {
      ZooKeeper zk = connect(servers);
      ZooKeeper other = connect(servers);
      zk.create("/java/counter", bytes("0"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      zk.create("/java/alive", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
      BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
      zk.exists("/java/later", events::add);
      AtomicReference<Throwable> trouble = new AtomicReference<>();
      AtomicReference<Integer> acknowledged = new AtomicReference<>(0);
      Thread writer = new Thread(() -> {
        try {
          for (int i = 1; i <= 400; i++) {
            while (!write(other, i)) Thread.sleep(20);
            acknowledged.set(i);
            Thread.sleep(2);
          }
        } catch (Throwable error) {
          trouble.set(error);
        }
      });
      writer.start();
      Checks.eventually("some writes before", () -> acknowledged.get() >= 50);
      Checks.killLeader();
      writer.join(60_000);
      Checks.that(trouble.get() == null, "the writer goes on: " + trouble.get());
      Checks.equal(400, acknowledged.get(), "acknowledged");
      Checks.eventually("read back", () -> {
        Stat stat = new Stat();
        other.sync("/java/counter", null, null);
        return new String(other.getData("/java/counter", false, stat)).equals("400") && stat.getVersion() == 400;
      });
      other.sync("/java/alive", (code, path, context) -> {}, null);
      Checks.eventually("the ephemeral lives", () ->
          other.exists("/java/alive", false).getEphemeralOwner() == zk.getSessionId());
      Checks.eventually("created", () -> {
        if (other.exists("/java/later", false) == null)
          other.create("/java/later", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        return true;
      });
      Checks.eventually("the watch fired", () -> events.stream().anyMatch(e -> e.getType() == EventType.NodeCreated));
      zk.close();
      Checks.eventually("its close removes the ephemeral", () -> other.exists("/java/alive", false) == null);
      other.close();
    });
  }

  /** Writes number i by its exact version; a lost reply is settled by reading. */
  private static boolean write(ZooKeeper zk, int i) throws Exception {
    try {
      zk.setData("/java/counter", bytes(String.valueOf(i)), i - 1);
      return true;
    } catch (KeeperException.ConnectionLossException lost) {
      return false;
    } catch (KeeperException.BadVersionException again) {
      Stat stat = new Stat();
      byte[] data = zk.getData("/java/counter", false, stat);
      if (stat.getVersion() == i && Arrays.equals(data, bytes(String.valueOf(i)))) return true;
      throw new AssertionError("an acknowledged write is lost, or another came between: version " + stat.getVersion()
          + " with " + new String(data) + " while writing " + i);
    }
  }
}
