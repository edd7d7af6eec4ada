// Where the examples coordinate: on the servers that CABILDO_CONNECT names (a ZooKeeper, a Cabildo), else on a member inside this
// very process, so that nothing else has to run.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Coordination, connect, embedded, type ZooKeeperEngine } from "cabildo";
import { loadConfiguration, startMember } from "cabildo/server";

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
  const flag = (key: string, value: string) => ({ flag: key, key, value });
  const { configuration } = loadConfiguration({
    file: null,
    flags: [
      flag("dataDir", data),
      flag("clientPort", process.env.PORT ?? String(await freePort())),
      flag("admin.enableServer", "false"),
    ],
  });
  const member = await startMember(configuration, { info() {}, warn: console.warn, error: console.error });
  return {
    connection: () => embedded(member),
    async [Symbol.asyncDispose]() {
      await member.stop();
      await rm(data, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
