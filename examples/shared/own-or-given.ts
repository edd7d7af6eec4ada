// Where the examples coordinate: on the servers that CABILDO_CONNECT names (a ZooKeeper, a Cabildo), else on a member inside this
// very process, so that nothing else has to run.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Coordination, connect, type ZooKeeperEngine } from "cabildo";
import { startMember } from "cabildo/server";

export interface Place extends AsyncDisposable {
  /** One more connection, as another process would have. */
  connection(): Promise<Coordination<ZooKeeperEngine>>;
}

export async function ownOrGiven(): Promise<Place> {
  const { CABILDO_CONNECT } = process.env;
  if (CABILDO_CONNECT !== undefined) {
    return { connection: () => connect(CABILDO_CONNECT, { sessionTimeoutMs: 4000 }), async [Symbol.asyncDispose]() {} };
  }
  const data = await mkdtemp(join(tmpdir(), "cabildo-example-"));
  const member = await startMember({ data, logger: { info() {}, warn: console.warn, error: console.error } });
  return {
    connection: () => member.connect(),
    async [Symbol.asyncDispose]() {
      await member.close();
      await rm(data, { recursive: true });
    },
  };
}
