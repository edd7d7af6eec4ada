// Clients that write to one member without pause, over its kills and restarts, and learn the number of every change that
// they made: from the reply, or from the node itself when the reply was lost. Each has several requests in flight, each on
// nodes of its own; a transaction changes two nodes and removes a third.
import { setTimeout as sleep } from "node:timers/promises";
import { type Random, seededRandom } from "../../../src/base/random.ts";
import { fromByteString, toByteString } from "../../../src/base/text.ts";
import { type MultiRequest, writeMulti } from "../../../src/protocols/zookeeper/codec/multi.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { OPEN_ACL } from "../../../src/protocols/zookeeper/codec/records.ts";
import { writeCreate, writeSetData } from "../../../src/protocols/zookeeper/codec/requests.ts";
import { ReconnectingClient } from "../../support/reconnecting-client.ts";
import { ConnectionLost, type Reply, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import type { Effect, History } from "./history.ts";

export const folder = "/load";

const sessionTimeoutMsDefault = 40_000;
/** The server's answer while it has no room. */
const systemError = -1;
const refusedPauseMs = 20;
const lanes = 3;
const nodesMax = 6;
const dataBytesMax = 5000;

export interface WorkloadOptions {
  readonly clients: number;
  readonly seed: number;
  /** What its nodes' names begin with. */
  readonly name?: string;
  readonly sessionTimeoutMs?: number;
}

/** A stop in the middle of the writes, such as a kill, is nothing to a client; an error of the server's is. */
export class Workload {
  readonly history: History;
  readonly #addresses: readonly string[];
  readonly #clients: ReconnectingClient[] = [];
  readonly #lanes: Lane[] = [];
  #running: Promise<void>[] = [];
  #isStopping = false;
  #wanted = 0;
  #acknowledged = 0;
  #refused = 0;
  #lastAt = performance.now();
  /** The longest time without any acknowledged write, of any client; set to 0 to measure anew. */
  longestGapMs = 0;

  constructor(addresses: readonly string[], history: History, options: WorkloadOptions) {
    const { clients, seed, name = "", sessionTimeoutMs = sessionTimeoutMsDefault } = options;
    this.#addresses = addresses;
    this.history = history;
    for (let i = 0; i < clients; i++) {
      const client = new ReconnectingClient(addresses, { sessionTimeoutMs, first: i });
      this.#clients.push(client);
      for (let lane = 0; lane < lanes; lane++) {
        const path = `${folder}/${name}${i}-${lane}`;
        this.#lanes.push(new Lane(path, client, history, seededRandom(seed * 1000 + i * lanes + lane)));
      }
    }
  }

  /** Writes that were turned down because the disk is full: they must not be there. */
  get refused(): number {
    return this.#refused;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Makes the folder that all write below, unless it is there. */
  async begin(): Promise<void> {
    const client = await this.#clients[0]!.attached();
    if ((await client.exists(folder)) !== null) return;
    const { zxid } = await client.request(OPCODE.create, (w) =>
      writeCreate(w, { path: folder, data: null, acl: OPEN_ACL, flags: 0 }),
    );
    this.history.record(zxid, [{ kind: "create", path: folder, data: "" }]);
  }

  start(): void {
    this.#isStopping = false;
    this.#running = this.#lanes.map(async (lane) => {
      while (!this.#isStopping) await this.#write(lane);
    });
    for (const lane of this.#running) lane.catch(() => {}); // met by whoever waits
  }

  /** Until so many more writes were acknowledged. */
  async until(writes: number): Promise<void> {
    this.#wanted = this.#acknowledged + writes;
    const failed = Promise.all(this.#running).then(() => {});
    while (this.#acknowledged < this.#wanted) await Promise.race([failed, sleep(2)]);
  }

  async #write(lane: Lane): Promise<void> {
    const outcome = await lane.write();
    const before = this.#lastAt;
    if (outcome === "applied") {
      this.#acknowledged++;
      this.#lastAt = performance.now();
      this.longestGapMs = Math.max(this.longestGapMs, this.#lastAt - before);
    }
    if (outcome !== "refused") return;
    this.#refused++;
    await sleep(refusedPauseMs);
  }

  /** Lets what is in flight come to its end, over a restart if need be. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  /** A session that leaves an ephemeral node behind it until it ends in good order. */
  async visit(name: string): Promise<void> {
    const client = await ZooKeeperClient.connect(this.#addresses[0]!, { sessionTimeoutMs: sessionTimeoutMsDefault });
    const path = `${folder}/${name}`;
    const created = await client.request(OPCODE.create, (w) =>
      writeCreate(w, { path, data: null, acl: OPEN_ACL, flags: 1 }),
    );
    this.history.record(created.zxid, [{ kind: "create", path, data: "" }]);
    const closed = await client.request(OPCODE.closeSession);
    this.history.record(closed.zxid, [{ kind: "delete", path }]);
    this.history.recordClosed(client.session.id, closed.zxid);
    client.destroy();
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}

interface Node {
  readonly path: string;
  data: string;
}

/** One request after another on nodes of its own. */
class Lane {
  readonly #name: string;
  readonly #client: ReconnectingClient;
  readonly #history: History;
  readonly #random: Random;
  readonly #nodes: Node[] = [];
  #count = 0;

  constructor(name: string, client: ReconnectingClient, history: History, random: Random) {
    this.#name = name;
    this.#client = client;
    this.#history = history;
    this.#random = random;
  }

  /** "applied": acknowledged, or seen to be there when the reply was lost. */
  async write(): Promise<"applied" | "lost" | "refused"> {
    const effects = this.#next();
    const client = await this.#client.attached();
    let zxid: number | null;
    try {
      const reply = await client.request(...requestOf(effects));
      if (reply.error === systemError) return "refused";
      zxid = zxidOf(reply, effects);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      zxid = await this.#settle(effects[0]!);
    }
    if (zxid === null) return "lost";
    this.#history.record(zxid, effects);
    for (const effect of effects) this.#note(effect);
    return "applied";
  }

  /** The number of a change whose reply was lost; null: it was not applied, and will not be. */
  async #settle(sign: Effect): Promise<number | null> {
    for (;;) {
      try {
        const client = await this.#client.attached();
        await client.sync();
        const there = await client.exists(sign.path);
        if (there === null) return null;
        if (sign.kind === "create") return there.czxid;
        if (sign.kind === "delete") throw new Error("a delete leaves no sign");
        return (await client.getData(sign.path)).data === fromByteString(sign.data) ? there.mzxid : null;
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
    }
  }

  /** The first effect is the sign by which it is known whether all were applied. */
  #next(): Effect[] {
    const data = this.#data();
    const create: Effect = { kind: "create", path: `${this.#name}-${this.#count}`, data };
    const some = this.#nodes[this.#random.below(Math.max(this.#nodes.length, 1))];
    if (some === undefined || (this.#nodes.length < nodesMax && this.#random.chance(0.3))) return [create];
    if (this.#nodes.length < 3 || this.#random.chance(0.5)) return [{ kind: "set", path: some.path, data }];
    const last = this.#nodes.at(-1)!;
    const first = this.#nodes[0]!;
    return [create, { kind: "set", path: last.path, data }, { kind: "delete", path: first.path }];
  }

  /** Nobody else's, of any length; many are mostly zeros, which look like sectors that never came. */
  #data(): string {
    const name = `${this.#name}#${++this.#count} `;
    const length = this.#random.chance(0.5) ? this.#random.below(60) : this.#random.below(dataBytesMax);
    const filler = this.#random.chance(0.4) ? "\0" : "x";
    return toByteString(`${name}${filler.repeat(length)}${this.#random.chance(0.5) ? "." : ""}`);
  }

  #note(effect: Effect): void {
    if (effect.kind === "create") this.#nodes.push({ path: effect.path, data: effect.data });
    if (effect.kind === "delete")
      this.#nodes.splice(
        this.#nodes.findIndex(({ path }) => path === effect.path),
        1,
      );
  }
}

function zxidOf({ zxid, error }: Reply, effects: readonly Effect[]): number {
  if (error !== 0) throw new Error(`${effects.map(({ kind, path }) => `${kind} ${path}`).join(", ")}: error ${error}`);
  return zxid;
}

function requestOf(effects: readonly Effect[]): Parameters<ZooKeeperClient["request"]> {
  if (effects.length > 1) return [OPCODE.multi, (w) => writeMulti(w, effects.map(operationOf))];
  const operation = operationOf(effects[0]!);
  if (operation.kind === "create") return [OPCODE.create, (w) => writeCreate(w, operation.request)];
  if (operation.kind === "set-data") return [OPCODE.setData, (w) => writeSetData(w, operation.request)];
  throw new Error(`a ${operation.kind} stands in a transaction here`);
}

function operationOf(effect: Effect): MultiRequest {
  const { path } = effect;
  switch (effect.kind) {
    case "create":
      return {
        kind: "create",
        opcode: OPCODE.create,
        request: { path, data: Buffer.from(effect.data, "latin1"), acl: OPEN_ACL, flags: 0 },
      };
    case "set":
      return {
        kind: "set-data",
        opcode: OPCODE.setData,
        request: { path, data: Buffer.from(effect.data, "latin1"), version: -1 },
      };
    case "delete":
      return { kind: "delete", opcode: OPCODE.delete, request: { path, version: -1 } };
  }
}
