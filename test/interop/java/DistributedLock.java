import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The lock of the source document, step by step: create an ephemeral node; when it exists, wait one second and try
 * again; to release, delete it whatever its version. Its critical section makes a file that must not exist and removes
 * it again, so that two processes inside at once are caught by the file system, not by a guess about time.
 *
 * <p>Arguments: connect string, path of the lock, the file, rounds, milliseconds inside.
 */
public final class DistributedLock {
  private final ZooKeeper zooKeeper;
  private final String lockPath;

  DistributedLock(String connectString, String lockPath) throws Exception {
    this.zooKeeper = new ZooKeeper(connectString, 3000, event -> {});
    this.lockPath = lockPath;
  }

  void acquireLock() throws Exception {
    while (true) {
      try {
        zooKeeper.create(lockPath, new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        Checks.say("acquired");
        return;
      } catch (KeeperException.NodeExistsException taken) {
        Checks.say("busy");
        Thread.sleep(1000);
      }
    }
  }

  void releaseLock() throws Exception {
    zooKeeper.delete(lockPath, -1);
    Checks.say("released");
  }

  /** Whether the lock's node is this session's: what a lost reply leaves open. */
  boolean isMine() throws Exception {
    var stat = zooKeeper.exists(lockPath, false);
    return stat != null && stat.getEphemeralOwner() == zooKeeper.getSessionId();
  }

  public static void main(String[] args) throws Exception {
    DistributedLock lock = new DistributedLock(args[0], args[1]);
    Path inside = Path.of(args[2]);
    int rounds = Integer.parseInt(args[3]);
    long insideMs = Long.parseLong(args[4]);

    for (int round = 0; round < rounds; round++) {
      surviving(() -> {
        if (!lock.isMine()) lock.acquireLock();
      });
      try {
        Files.createFile(inside);
      } catch (java.nio.file.FileAlreadyExistsException error) {
        Checks.say("violation: two are inside");
        System.exit(1);
      }
      Checks.say("inside");
      Thread.sleep(insideMs);
      Files.delete(inside);
      surviving(() -> {
        if (lock.isMine()) lock.releaseLock();
      });
    }
    Checks.end();
  }

  /** The document's program says nothing of a lost connection; this one tries again, having looked whose the lock is. */
  private static void surviving(Checks.Body step) throws Exception {
    while (true) {
      try {
        step.run();
        return;
      } catch (KeeperException.ConnectionLossException lost) {
        Checks.say("connection lost");
        Thread.sleep(100);
      }
    }
  }
}
