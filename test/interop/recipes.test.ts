// The recipes on the reference ZooKeeper: the same scenarios as on our own members.

import { playOnServers } from "../recipes/support/real-stage.ts";

playOnServers("zookeeper", 1);
