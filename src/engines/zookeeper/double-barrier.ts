// A double barrier, in the layout of Curator's: an ephemeral node for each who is there, and the node `ready` from when
// enough are. Those who wait watch that one alone. Whoever comes last counts them, and makes it.
//
// `ready` may be of another time: members that died inside leave it behind, and slow ones still go out while the next come.
// So it lets in only those who were there when it was made, or made anew; for others it is as if there were none.
//
// Whoever makes it does three things as one. (1) It changes the node of each member that it counts: a member that gives up
// deletes its node in the version of one that was not counted yet, so either it is counted, and enters, or it was not there.
// (2) It makes `ready`. (3) It changes the directory, whose version from then on names this round: `ready` is removed only
// while that is the version, so whoever is late with it does not remove the next round's.

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
/** Behind a UUID, the name of a node of ours. Others, of Curator or kazoo, are not changed. */
const MEMBER = "member";

/** Of when it was let in: `ready`, and the directory's version then; null where another program made `ready`. */
interface Round {
  readonly readyVersion: number;
  readonly directoryVersion: number | null;
}

/**
 * Members of this program that go out, by their session and place. Who comes next waits for them: a place whose withdrawal is
 * under way is nobody's, and must not be counted beside the new one.
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
  /** Who was inside with it when it was let in, itself included; in order. */
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

  /** The names of those who are there, in order, and the directory's own stat. */
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

  /** Whether this one made it, or another at the same time, the next look tells; so it may be asked twice. */
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

  // ------------------------------------------------------------------------------------------------- giving up, in time

  /** Waits for the servers' word as long as they are reached: no longer than the session's timeout. */
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

  // ---------------------------------------------------------------------------------------------------------- going out

  /**
   * The first of them by name is the last to go, and watches the others one after another; the others go at once, and watch
   * the first. So each of them is woken once. When it dies, the next by name is watched.
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

  /** False: it is not there any more. */
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

  /** `ready` goes, unless it has been made anew for others. */
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
    // Who was inside goes out without waiting: the last of them leaves no open door behind.
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

  /** Where nobody can say, it is left as it is: then it lets nobody in. */
  async #isAnybodyThere(): Promise<boolean> {
    try {
      return (await this.#present()).names.length > 0;
    } catch (error) {
      if (error instanceof CoordinationError) return true;
      throw error;
    }
  }
}

/** Another was faster, or this one itself when the answer was lost. */
const PASSED = ["node-exists", "bad-version", "no-node"] as const;
