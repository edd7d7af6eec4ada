// The recipes on ZooKeeper 3.8.0, which Debian ships: the same scenarios again. There a transaction does not tell the stat of
// what it created, among other things.

import { playOnServers } from "../recipes/support/real-stage.ts";
import { olderVersion } from "../support/reference-zookeeper.ts";

playOnServers("zookeeper", 1, olderVersion);
