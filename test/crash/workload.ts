// The load under which members are attacked: clients of every kind on all members, and one ledger of what they were told.
// It is begun and ended again and again on the same data, so that what there is to check stays small.
import { setTimeout as sleep } from "node:timers/promises";
import { Ledger, type View, violations } from "../failover/ledger.ts";
import { CarefulWriter, PipeliningWriter, prepare, readBack, root, type Writer } from "../failover/writers.ts";
import type { Ensemble, Member } from "../support/ensemble.ts";
import { ReconnectingClient } from "../support/reconnecting-client.ts";
import { ConnectionLost, ZooKeeperClient, ZooKeeperError } from "../support/zookeeper-client.ts";
import {
  counterOf,
  HeavyWriter,
  Holder,
  heavyBytes,
  LinearReader,
  type Observer,
  unaware,
  Watcher,
  wrongRead,
} from "./clients.ts";
import type { Lab } from "./lab.ts";

const noNode = -101;
const deletesAtOnceMax = 500;
const patienceMs = 30_000;

export interface WorkloadOptions {
  /** Where clients connect, by member. */
  readonly addresses: readonly string[];
  readonly sessionTimeoutMs: number;
  /** How long a client tries one server. */
  readonly patienceMs?: number;
  /** Few clients and small values, whose data are soon read through. */
  readonly isLight?: boolean;
}

export class Workload {
  readonly ledger = new Ledger();
  readonly writers: readonly Writer[];
  readonly #holders: readonly Holder[];
  readonly #readers: readonly LinearReader[];
  readonly #watchers: readonly Watcher[];

  private constructor({ addresses, isLight = false, ...options }: WorkloadOptions) {
    let first = 0;
    const client = () => new ReconnectingClient(addresses, { ...options, first: first++ });
    const { ledger } = this;
    const acknowledged = () => {};
    const some = <T>(kind: string, count: number, make: (name: string, client: ReconnectingClient) => T): T[] =>
      Array.from({ length: count }, (_, i) => make(`${kind}${i}`, client()));
    this.#holders = some("holder", isLight ? 1 : 2, (name, client) => new Holder(name, client, ledger, acknowledged));
    this.writers = [
      ...some("careful", isLight ? 2 : 3, (name, client) => new CarefulWriter(name, client, ledger, acknowledged)),
      ...some(
        "pipelining",
        isLight ? 1 : 2,
        (name, client) => new PipeliningWriter(name, client, ledger, acknowledged),
      ),
      ...some("heavy", 1, (name, client) => {
        const writer = new HeavyWriter(name, client, ledger, acknowledged);
        if (isLight) writer.sizes = heavyBytes.slice(0, 1);
        return writer;
      }),
      ...this.#holders,
    ];
    this.#readers = addresses.map(() => new LinearReader(client(), ledger));
    this.#watchers = ["careful0", "heavy0"].map((name) =>
      Watcher.open(addresses, { ...options, first: first++ }, counterOf(name)),
    );
  }

  /** Clears what an earlier one left, and begins. `address`: of a member that serves. */
  static async begin(options: WorkloadOptions, address: string): Promise<Workload> {
    const workload = new Workload(options);
    const names = workload.writers.map((writer) => writer.name);
    await persisting(async () => {
      await clear(address);
      await prepare(address, names, workload.ledger);
    });
    for (const each of [...workload.writers, ...workload.#observers]) each.start();
    return workload;
  }

  get #observers(): readonly Observer[] {
    return [...this.#readers, ...this.#watchers];
  }

  get acknowledged(): number {
    return this.writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
  }

  /** What clients met on their way that must not be, an ended session included. */
  get met(): readonly string[] {
    const clients = [...this.writers, ...this.#observers].map((each) => each.client);
    return [
      ...this.ledger.contradictions,
      ...this.#observers.flatMap((observer) => observer.violations),
      ...[...this.writers, ...this.#observers].flatMap(({ failure }) =>
        failure === undefined ? [] : [`a client stopped: ${failure instanceof Error ? failure.stack : failure}`],
      ),
      ...clients.flatMap(({ expiredAfterMs }) =>
        expiredAfterMs.map((ms) => `a session had ended ${ms.toFixed(0)} ms after its client last heard from a server`),
      ),
    ];
  }

  /** Until every writer, or every one that is meant, has had so many more writes acknowledged; says how long that took. */
  async progress(
    lab: Lab,
    writes: number,
    options: { withinMs?: number; of?: readonly Writer[] } = {},
  ): Promise<number> {
    const { withinMs = patienceMs, of: writers = this.writers } = options;
    const began = performance.now();
    const goals = writers.map((writer) => writer.acknowledged + writes);
    for (;;) {
      lab.judge("under load", this.met);
      const late = writers.filter((writer, i) => writer.acknowledged < goals[i]!);
      const ms = performance.now() - began;
      if (late.length === 0) return ms;
      if (ms > withinMs) {
        const states = late.map(({ name, client }) => `${name}, at ${client.address ?? "no server"}`);
        lab.judge(`no progress within ${withinMs} ms`, states);
      }
      await sleep(5);
    }
  }

  /** Lets the load end, finds every member to hold what it must, and counts it. Every member must be running. */
  async end(lab: Lab, ensemble: Ensemble): Promise<void> {
    await this.#within(lab, "writers ended", Promise.all(this.writers.map((writer) => writer.pause())));
    await this.verify(lab, ensemble, "with the load at rest");
    await this.#watchersKnow(lab);
    lab.judge("under load", this.met);
    await this.#within(lab, "sessions closed", this.close());
    await this.verify(lab, ensemble, "with all sessions closed");
    lab.count("writes acknowledged", this.acknowledged);
    lab.count(
      "linear reads",
      this.#readers.reduce((sum, reader) => sum + reader.seen, 0),
    );
    lab.count(
      "connections lost",
      this.writers.reduce((sum, { client }) => sum + client.losses, 0),
    );
  }

  /** Every member's data keep the invariants, and are the same everywhere. The writers must be at rest. */
  async verify(lab: Lab, ensemble: Ensemble, when: string): Promise<void> {
    await ensemble.waitReady();
    const views = await Promise.all(ensemble.members.map((member) => persisting(() => readBack(member.address))));
    views.forEach((view, i) => {
      lab.judge(`member ${i + 1} ${when}`, violations(this.ledger, view));
      lab.judge(`members 1 and ${i + 1} ${when}`, differences(views[0]!, view));
    });
  }

  /** One member, read through under load, holds at least what was acknowledged before. */
  async readThrough(lab: Lab, member: Member): Promise<void> {
    const held = new Set(this.#holders.flatMap((holder) => holder.held)); // may be deleted while it is read
    const created = [...this.ledger.created].filter(([path]) => !held.has(path));
    const counters = [...this.ledger.counters];
    const view = await persisting(() => readBack(member.address));
    lab.judge(`member ${member.id} under load`, [
      ...created.flatMap(([path, data]) => (view.get(path)?.data === data ? [] : [`lost: ${path} was acknowledged`])),
      ...counters.flatMap(([path, { version: acknowledged }]) => {
        const found = view.get(path);
        if (found === undefined) return [`lost: ${path} is not there`];
        return wrongRead({ path, acknowledged, seenBefore: 0, found });
      }),
    ]);
    lab.count("values read after it", view.size);
  }

  /** Leaves everything as it is, whatever becomes of the servers: for when an attack has failed. */
  abandon(): void {
    for (const { client } of [...this.writers, ...this.#observers]) client.abandon();
  }

  async close(): Promise<void> {
    await Promise.all([...this.writers, ...this.#observers].map((each) => each.stop()));
  }

  async #watchersKnow(lab: Lab): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (unaware(this.#watchers, this.ledger).length > 0 && performance.now() < deadline) await sleep(10);
    lab.judge("when all was at rest", unaware(this.#watchers, this.ledger));
  }

  async #within(lab: Lab, what: string, done: Promise<unknown>): Promise<void> {
    const late = new AbortController();
    const limit = sleep(patienceMs, "late", { signal: late.signal }).catch(() => "over");
    const first = await Promise.race([done.then(() => "done"), limit]);
    late.abort();
    if (first === "late") lab.judge(`${what}: not within ${patienceMs} ms`, ["a client waits without end"]);
  }
}

/** Where two members' data are not the same. */
export function differences(one: View, other: View): string[] {
  const found: string[] = [];
  for (const path of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [one.get(path), other.get(path)];
    if (a?.data === b?.data && a?.version === b?.version && a?.czxid === b?.czxid) continue;
    found.push(`different: ${path} is at version ${a?.version} of zxid ${a?.czxid}, and ${b?.version} of ${b?.czxid}`);
  }
  return found;
}

/** A member that ended by itself is told with its last words. */
export function fallen(members: readonly Member[]): string[] {
  return members
    .filter((member) => member.pid === undefined)
    .map((member) => `member ${member.id} ended by itself:\n${member.log().slice(-3000)}`);
}

/** Begins again when the connection is lost: a member that takes in a snapshot lets its clients go. */
async function persisting<T>(act: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ConnectionLost) || performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function clear(address: string): Promise<void> {
  const client = await ZooKeeperClient.connect(address, { patienceMs: 20_000 });
  await client.sync();
  if ((await client.exists(root)) !== null) {
    for (const folder of await client.getChildren(root)) {
      const paths = (await client.getChildren(`${root}/${folder}`)).map((name) => `${root}/${folder}/${name}`);
      for (let i = 0; i < paths.length; i += deletesAtOnceMax) {
        await Promise.all(paths.slice(i, i + deletesAtOnceMax).map((path) => deleted(client, path)));
      }
      await deleted(client, `${root}/${folder}`);
    }
    await deleted(client, root);
  }
  await client.close();
}

async function deleted(client: ZooKeeperClient, path: string): Promise<void> {
  try {
    await client.delete(path);
  } catch (error) {
    if (!(error instanceof ZooKeeperError) || error.code !== noNode) throw error; // an ephemeral may end meanwhile, or an earlier attempt have come through
  }
}
