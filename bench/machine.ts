// What was measured on: a table of figures means nothing without it.
import { cpus, release, totalmem, type } from "node:os";
import { referenceVersion } from "../test/support/reference-zookeeper.ts";

export function machine(): string {
  const processors = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return (
    `${processors.length} × ${processors[0]?.model.trim()}, ${memory} GiB, ${type()} ${release()}, ` +
    `Node ${process.version}, ZooKeeper ${referenceVersion}; all members and the load generator on this one machine`
  );
}
