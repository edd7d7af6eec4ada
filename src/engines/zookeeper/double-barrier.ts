// A double barrier in Curator's layout: an ephemeral node for each participant, and the node `ready` once enough are there. Those
// who wait watch `ready` alone. The last to come counts the participants, and creates it.
//
// `ready` may be of an earlier round: participants that died inside leave it behind, and slow ones still go out while the next come.
// So it admits only the participants that were there when it was created or changed.
//
// One transaction opens the barrier:
// 1. It changes the node of each participant that it counts. A participant that gives up deletes its node only in the version of
//    one that was not counted. So it is counted and enters, or it was never there.
// 2. It creates `ready`.
// 3. It changes the directory, whose version then names this round. `ready` is removed only in that version, so a late participant
//    does not remove the next round's.

import { assert } from "../../base/assert.ts";
import { CoordinationError } from "../../base/errors.ts";
import { op, type Stat } from "../../protocols/zookeeper/client/index.ts";
import type {
  BarrierParticipant,
  ContenderState,
  EntryCancellation,
  LeaveProgress,
  OnRefused,
} from "../../recipes/engine.ts";
import type { NodeContext } from "./nodes.ts";
import { ProtectedNode } from "./protected-node.ts";
import { ReadWatch } from "./read-watch.ts";
import { RetriedRemoval } from "./retried-removal.ts";
import { isRefusal, retry } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";

const READY = "ready";
/** The end of a node's name if it is ours. Nodes of Curator and kazoo are checked, not changed. */
const MEMBER = "member";

/** The versions of `ready` and of the directory when it was admitted; null where another program created `ready`. */
interface Round {
  readonly readyVersion: number;
  readonly directoryVersion: number | null;
}

/**
 * This program's participants that are going out, by session and place. The next one waits for them: a node that is being removed
 * must not be counted beside the new one.
 */
const leaving = new WeakMap<ZooKeeperSession, Map<string, Set<Promise<void>>>>();

export class NodeBarrierParticipant implements BarrierParticipant {
  readonly #context: NodeContext;
  readonly #session: ZooKeeperSession;
  readonly #path: string;
  readonly #members: number;
  readonly #node: ProtectedNode;
  #readWatch: ReadWatch | null = null;
  #isLeft = false;
  #isLeaving = false;
  /** The participants inside when it was admitted, itself included; sorted. */
  #participants: readonly string[] = [];
  #round: Round | null = null;
  readonly #closing: RetriedRemoval;

  constructor(context: NodeContext, session: ZooKeeperSession, path: string, members: number) {
    this.#context = context;
    this.#session = session;
    this.#path = path;
    this.#members = members;
    this.#node = new ProtectedNode(context, path, MEMBER, new Uint8Array(0), session, "ephemeral");
    this.#closing = new RetriedRemoval(
      context,
      () => `${path}/${READY}`,
      () => this.#removeReady(),
    );
  }

  async poll(): Promise<ContenderState> {
    await Promise.all(leaving.get(this.#session)?.get(this.#path) ?? []);
    await this.#node.create();
    for (;;) {
      const readWatch = this.#beginWaiting();
      const ready = await this.#readyNow(readWatch);
      const { names, directory } = await this.#present();
      if (this.#isLeft || this.#node.name === null || !names.includes(this.#node.name)) {
        readWatch.unwatch();
        return { kind: "gone" };
      }
      if (ready !== null && ready.mzxid > this.#node.token) {
        readWatch.unwatch();
        assert(names.length > 0, "nobody enters alone by an empty list");
        this.#participants = names;
        const isOfThisRound = directory?.mzxid === ready.mzxid;
        this.#round = { readyVersion: ready.version, directoryVersion: isOfThisRound ? directory.version : null };
        return { kind: "granted", token: this.#node.token };
      }
      const missing = this.#members - names.length;
      if (missing > 0) return { kind: "waiting", ahead: missing, changed: readWatch.changed };
      readWatch.unwatch();
      await this.#makeReady(ready, names);
    }
  }

  #beginWaiting(): ReadWatch {
    this.#readWatch?.unwatch();
    this.#readWatch = new ReadWatch(this.#context.client, this.#session.session);
    return this.#readWatch;
  }

  async #readyNow(readWatch: ReadWatch): Promise<Stat | null> {
    const { session } = this.#session;
    const path = `${this.#path}/${READY}`;
    const { client } = this.#context;
    const stat = await retry(this.#context, () => client.exists(path, { session, watch: readWatch.watcher }));
    readWatch.note(path, "data");
    return stat;
  }

  /** The participants' names, sorted, and the directory's stat. */
  async #present(): Promise<{ readonly names: readonly string[]; readonly directory: Stat | null }> {
    const { session } = this.#session;
    const { client } = this.#context;
    try {
      const { children, stat } = await retry(this.#context, () => client.getChildrenWithStat(this.#path, { session }));
      return { names: children.filter((name) => name !== READY).sort(), directory: stat };
    } catch (error) {
      if (isRefusal(error, "no-node")) return { names: [], directory: null };
      throw error;
    }
  }

  /** May be called twice: the next poll tells who opened it. */
  async #makeReady(old: Stat | null, names: readonly string[]): Promise<void> {
    const { client } = this.#context;
    const { session } = this.#session;
    const path = `${this.#path}/${READY}`;
    const others = names.filter((name) => name !== this.#node.name);
    assert(names.includes(this.#node.name ?? ""), "who opens the barrier is there itself");
    const counted = [this.#node.name!, ...others.slice(0, this.#members - 1)];
    const change = [
      ...counted.map((name) => this.#count(`${this.#path}/${name}`)),
      old === null ? op.create(path, "", { acl: this.#context.aclOf(path) }) : op.setData(path, "", old.version),
      op.setData(this.#path, ""),
    ];
    try {
      await retry(this.#context, () => client.multi(change, { session }));
    } catch (error) {
      if (!PASSED.some((reason) => isRefusal(error, reason))) throw error;
    }
  }

  #count(path: string) {
    return path.endsWith(MEMBER) ? op.setData(path, "") : op.check(path);
  }

  // ------------------------------------------------------------------------------------------------- giving up

  /** Waits for the servers' answer as long as they are reached: no longer than the session's timeout. */
  async cancelEntry(): Promise<EntryCancellation> {
    const unknown: EntryCancellation = { kind: "unknown" };
    if (!this.#node.isAskedFor) return { kind: "gone" };
    if (this.#session.state.kind !== "sure") return unknown;
    let stop = () => {};
    const unreached = new Promise<EntryCancellation>((resolve) => {
      stop = this.#session.onState(({ kind }) => (kind === "sure" ? undefined : resolve(unknown)));
    });
    try {
      return await Promise.race([this.#withdraw().catch(() => unknown), unreached]);
    } finally {
      stop();
    }
  }

  async #withdraw(): Promise<EntryCancellation> {
    this.#readWatch?.unwatch();
    try {
      await this.#node.create();
    } catch (error) {
      if (!this.#node.mayBeThere) return { kind: "gone" };
      throw error;
    }
    const { session } = this.#session;
    try {
      await this.#context.client.delete(this.#node.path, { version: 0, session });
      return { kind: "gone" };
    } catch (error) {
      if (isRefusal(error, "no-node")) return { kind: "gone" };
      if (!isRefusal(error, "bad-version")) throw error;
    }
    const standing = await this.poll();
    return standing.kind === "waiting" ? { kind: "unknown" } : standing;
  }

  // ---------------------------------------------------------------------------------------------------------- leaving

  /**
   * The first by name is the last to go, and watches the others one after another. The others go at once, and watch the first. So
   * each is woken once. When the first dies, the next by name is watched.
   */
  async leave(): Promise<LeaveProgress> {
    this.#isLeaving = true;
    const own = this.#node.name;
    const isLast = this.#participants[0] === own;
    if (!isLast) await this.#node.remove();
    for (;;) {
      const present = new Set((await this.#present()).names);
      const inside = this.#participants.filter((name) => name !== own && present.has(name));
      const watched = isLast ? inside.at(-1) : inside[0];
      if (watched === undefined) break;
      const readWatch = this.#beginWaiting();
      if (await this.#watchOver(watched, readWatch)) {
        return { kind: "waiting", inside: inside.length, changed: readWatch.changed };
      }
      readWatch.unwatch();
    }
    await this.#closing.run();
    await this.#node.remove();
    return { kind: "over" };
  }

  /** False: the node is gone. */
  async #watchOver(name: string, readWatch: ReadWatch): Promise<boolean> {
    const { session } = this.#session;
    const path = `${this.#path}/${name}`;
    const { client } = this.#context;
    try {
      // Not `exists`, which would leave a watch on a node that is gone.
      await retry(this.#context, () => client.getData(path, { session, watch: readWatch.watcher }));
      readWatch.note(path, "data");
      return true;
    } catch (error) {
      if (isRefusal(error, "no-node")) return false;
      throw error;
    }
  }

  /** Removes `ready`, unless it is of a later round. */
  async #removeReady(): Promise<void> {
    const { client } = this.#context;
    const { session } = this.#session;
    const path = `${this.#path}/${READY}`;
    if (this.#round === null) return;
    const { readyVersion, directoryVersion } = this.#round;
    try {
      if (directoryVersion === null) {
        await retry(this.#context, () => client.delete(path, { version: readyVersion, session }));
      } else {
        const removal = [op.check(this.#path, directoryVersion), op.delete(path)];
        await retry(this.#context, () => client.multi(removal, { session }));
      }
    } catch (error) {
      if (!PASSED.some((reason) => isRefusal(error, reason))) throw error;
    }
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    return this.#node.guard(() => {
      if (!this.#isLeaving) onGone("deleted");
    });
  }

  async release(onRefused?: OnRefused): Promise<void> {
    this.#isLeft = true;
    this.#readWatch?.unwatch();
    this.#readWatch = null;
    await this.#goOut(onRefused);
    if (this.#round === null) return;
    // It was inside, and goes out without waiting: the last to go removes `ready`.
    if (this.#closing.hasBegun || !(await this.#isAnybodyThere())) await this.#closing.run(onRefused);
  }

  #goOut(onRefused?: OnRefused): Promise<void> {
    const places = leaving.get(this.#session) ?? new Map<string, Set<Promise<void>>>();
    leaving.set(this.#session, places);
    const all = places.get(this.#path) ?? new Set();
    places.set(this.#path, all);
    const going = this.#node.remove(onRefused).finally(() => {
      all.delete(going);
      if (all.size === 0) places.delete(this.#path);
    });
    all.add(going);
    return going;
  }

  /** Where the servers do not tell, `ready` stays: it admits nobody of a later round. */
  async #isAnybodyThere(): Promise<boolean> {
    try {
      return (await this.#present()).names.length > 0;
    } catch (error) {
      if (error instanceof CoordinationError) return true;
      throw error;
    }
  }
}

/** Another participant was faster, or this one itself when an answer was lost. */
const PASSED = ["node-exists", "bad-version", "no-node"] as const;
