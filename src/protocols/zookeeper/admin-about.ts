// Which version this is, in the words of ZooKeeper's clients: some of them read the version and act on it, so it begins
// with that of the ZooKeeper whose behaviour is kept. The date has the older form, which every parser understands.

import { arch, homedir, hostname, release, type as systemName, tmpdir, userInfo } from "node:os";
import { CABILDO_VERSION } from "../../base/version.ts";

const ZOOKEEPER_VERSION = "3.9.4";
const RELEASED = "11/23/2026 00:00 UTC";

/** `3.9.4-cabildo-0.1.0, built on 11/23/2026 00:00 UTC` */
export const FULL_VERSION = `${ZOOKEEPER_VERSION}-cabildo-${CABILDO_VERSION}, built on ${RELEASED}`;

/** What `envi` tells: ZooKeeper's keys where they mean something without Java. Never the environment itself. */
export function environment(): readonly (readonly [key: string, value: string])[] {
  const { heapUsed, heapTotal } = process.memoryUsage();
  const megabytes = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)}MB`;
  return [
    ["zookeeper.version", FULL_VERSION],
    ["host.name", hostname()],
    ["node.version", process.version],
    ["os.name", systemName()],
    ["os.arch", arch()],
    ["os.version", release()],
    ["user.name", userName()],
    ["user.home", homedir()],
    ["user.dir", process.cwd()],
    ["java.io.tmpdir", tmpdir()],
    ["heap.used", megabytes(heapUsed)],
    ["heap.total", megabytes(heapTotal)],
  ];
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "<NA>"; // a container may run under a number that has no name
  }
}
