// Our own client against the reference ZooKeeper: the same laws as against our own servers.
import { test } from "node:test";
import { clientInvariants } from "../protocols/zookeeper-client/support/client-invariants.ts";
import { MissingRuntime } from "../support/commands.ts";
import { referenceZooKeeper } from "../support/reference-zookeeper.ts";

const missing = await referenceZooKeeper().then(
  () => null,
  (error: unknown) => error,
);
if (missing === null) await clientInvariants("zookeeper");
else if (missing instanceof MissingRuntime && !process.env["CI"]) test("client", { skip: missing.message });
else throw missing;
