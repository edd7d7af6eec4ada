// How a member leaves its ensemble for a while, and what a stranger on its peer port can do to it.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { encodeHello, NONCE_BYTES, WIRE_VERSION, WIRE_VERSION_OLDEST } from "../../../src/adapters/peers/hello.ts";
import { ReconnectingClient } from "../../support/reconnecting-client.ts";
import { Stalls } from "../../support/stalls.ts";
import { ConnectionLost, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { assertHoldsAll, until, untilTold, withEnsemble } from "./story.ts";

class Writer {
  readonly acknowledged: string[] = [];
  /** The longest time between two acknowledged writes since `mark`. */
  gap = 0;
  readonly client: ReconnectingClient;
  readonly #name: string;
  #lastAt = 0;
  #isStopped = false;
  #running: Promise<void> | undefined;

  constructor(name: string, addresses: readonly string[], first: number) {
    this.#name = name;
    this.client = new ReconnectingClient(addresses, { first });
  }

  start(): void {
    this.#running = this.#run();
  }

  mark(): void {
    this.gap = 0;
    this.#lastAt = performance.now();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isStopped; i++) {
      const name = `${this.#name}-${i}`;
      try {
        await (await this.client.attached()).create(`/${name}`, "x");
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        continue; // nobody knows; the next one has another name
      }
      this.acknowledged.push(name);
      this.gap = Math.max(this.gap, performance.now() - this.#lastAt);
      this.#lastAt = performance.now();
    }
  }
}

test("a leader that is asked to end hands over, drains and ends in good order, and its clients hardly notice", async (t) => {
  await withEnsemble({ members: 3 }, async (ensemble) => {
    const addresses = ensemble.members.map(({ address }) => address);
    const writers = addresses.map((_, i) => new Writer(`w${i}`, addresses, i));
    for (const writer of writers) writer.start();
    const advance = async (count: number) => {
      const goals = writers.map(({ acknowledged }) => acknowledged.length + count);
      await until("writes", () => writers.every(({ acknowledged }, i) => acknowledged.length >= goals[i]!));
    };
    for (let time = 0; time < 3; time++) {
      await advance(50);
      const leader = await ensemble.leader();
      using stalls = new Stalls();
      for (const writer of writers) writer.mark();
      const askedAt = performance.now();
      await leader.kill("SIGTERM");
      const tookMs = performance.now() - askedAt;
      await advance(50);
      const gaps = writers.map(({ gap }) => `${gap.toFixed(0)} ms`);
      t.diagnostic(`ended after ${tookMs.toFixed(0)} ms; longest gaps between a client's writes: ${gaps.join(", ")}`);
      assert.match(leader.log(), /ended with 0 at [^\n]*\n$/);
      const ending = leader.log().slice(leader.log().lastIndexOf("SIGTERM: stopping"));
      assert.match(ending, / follows (nobody yet|member \d) in term /, "it let another lead before it ended");
      const { allowanceMs } = stalls;
      assert.ok(tookMs < 5000 + allowanceMs, `it took ${tookMs} ms`);
      for (const { gap } of writers) assert.ok(gap < 1000 + allowanceMs, `a client waited ${gap} ms`);
      await leader.restart();
      await ensemble.waitReady();
    }
    await Promise.all(writers.map((writer) => writer.stop()));
    const acknowledged = writers.flatMap((writer) => writer.acknowledged);
    for (const { address } of ensemble.members) {
      const reader = await ZooKeeperClient.connect(address);
      await reader.sync();
      await assertHoldsAll(reader, "/", acknowledged);
      await reader.close();
    }
    assert.equal(
      writers.reduce((sum, { client }) => sum + client.sessions, 0),
      writers.length,
      "no session was lost",
    );
    await Promise.all(writers.map(({ client }) => client.close()));
  });
});

test("who sends garbage to a peer port is turned away, named, and disturbs nobody", async () => {
  await withEnsemble({ members: 3 }, async (ensemble) => {
    const leader = await ensemble.leader();
    const term = async () => (JSON.parse(await leader.ask("memb")) as { term: number }).term;
    const before = await term();
    const client = await ZooKeeperClient.connect(leader.address);
    const port = Number(leader.peerAddress.split(":")[1]);
    const hello = encodeHello({
      version: WIRE_VERSION,
      versionOldest: WIRE_VERSION_OLDEST,
      reply: "welcome",
      from: 9,
      to: leader.id,
      cluster: 12345,
      incarnation: 1,
      proof: "none",
      nonce: new Uint8Array(NONCE_BYTES),
    });
    const noise = Buffer.alloc(100_000, "\u0000\u00ff garbage ");
    const garbage = [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from("ruok"),
      Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
      noise,
      hello,
      Buffer.concat([hello.subarray(0, 20), noise]),
    ];
    for (let times = 0; times < 5; times++) {
      for (const bytes of garbage) {
        const socket = connect({ host: "127.0.0.1", port });
        socket.on("error", () => {});
        socket.resume();
        socket.write(bytes);
        await new Promise((resolve) => socket.once("close", resolve));
      }
    }
    await untilTold(leader, /a call on the peer port from .* is refused: this is an HTTP client/);
    await untilTold(leader, /member 9, calling from .*, is refused: it belongs to another ensemble/);
    const lines = leader.log().match(/peer port|is refused/g)?.length ?? 0;
    assert.ok(lines < 10, `${lines} lines about it`);
    await client.create("/still-here");
    assert.equal(await term(), before, "nobody was elected anew");
    assert.equal((await ensemble.leader()).id, leader.id);
    await client.close();
  });
});
