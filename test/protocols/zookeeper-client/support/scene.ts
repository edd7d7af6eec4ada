// The scene of the client's invariants: an ensemble of processes, and clients that are closed after each story.

import assert from "node:assert/strict";
import {
  type ConnectOptions,
  connectZooKeeper,
  type ZooKeeperClient,
} from "../../../../src/protocols/zookeeper/client/index.ts";
import type { Ensemble, Member } from "../../../support/ensemble.ts";

export const sessionTimeoutMs = 4000;
export const quick: ConnectOptions = { sessionTimeoutMs };

export class Scene {
  readonly ensemble: Ensemble;
  readonly #clients: ZooKeeperClient[] = [];
  #roots = 0;

  constructor(ensemble: Ensemble) {
    this.ensemble = ensemble;
  }

  async client(options: ConnectOptions = quick, chroot = ""): Promise<ZooKeeperClient> {
    const client = await connectZooKeeper(this.ensemble.connectString + chroot, options);
    this.#clients.push(client);
    return client;
  }

  /** A client that this member serves, and that knows the others too. */
  async clientOf(member: Member, options: ConnectOptions = quick): Promise<ZooKeeperClient> {
    for (;;) {
      const client = await this.client(options);
      if (this.serverOf(client) === member) return client;
      await client.close();
    }
  }

  serverOf(client: ZooKeeperClient): Member {
    const { state } = client;
    assert.equal(state.kind, "connected");
    return this.ensemble.members.find(({ address }) => state.kind === "connected" && state.server === address)!;
  }

  /** A node of the story. */
  async root(client: ZooKeeperClient): Promise<string> {
    return client.create(`/root-${++this.#roots}`);
  }

  async tidy(): Promise<void> {
    for (const member of this.ensemble.members) {
      await member.kill("SIGCONT");
      if (member.pid === undefined) await member.restart();
    }
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    await this.ensemble.waitReady();
  }
}
