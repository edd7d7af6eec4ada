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

import { CoordinationError } from "../../base/errors.ts";
import { op, type Stat } from "../../protocols/zookeeper/client/index.ts";
import type { Attendee, Departure, OnRefused, Standing, Withdrawal } from "../../recipes/engine.ts";
import type { Place } from "./nodes.ts";
import { isRefusal, persistently } from "./persistently.ts";
import { ProtectedNode } from "./protected-node.ts";
import type { ZooKeeperSession } from "./session.ts";
import { TakeBack } from "./take-back.ts";
import { WakeUp } from "./wake-up.ts";

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

export class MeetingAttendee implements Attendee {
  readonly #place: Place;
  readonly #session: ZooKeeperSession;
  readonly #path: string;
  readonly #members: number;
  readonly #node: ProtectedNode;
  #wakeUp: WakeUp | null = null;
  #isLeft = false;
  #isDeparting = false;
  /** Who was inside with it when it was let in, itself included; in order. */
  #fellows: readonly string[] = [];
  #round: Round | null = null;
  readonly #closing: TakeBack;

  constructor(place: Place, session: ZooKeeperSession, path: string, members: number) {
    this.#place = place;
    this.#session = session;
    this.#path = path;
    this.#members = members;
    this.#node = new ProtectedNode(place, path, MEMBER, new Uint8Array(0), session, "ephemeral");
    this.#closing = new TakeBack(
      place,
      () => `${path}/${READY}`,
      () => this.#removeReady(),
    );
  }

  async look(): Promise<Standing> {
    await Promise.all(leaving.get(this.#session)?.get(this.#path) ?? []);
    await this.#node.create();
    for (;;) {
      const wakeUp = this.#beginWaiting();
      const ready = await this.#readyNow(wakeUp);
      const { names, directory } = await this.#present();
      if (this.#isLeft || this.#node.name === null || !names.includes(this.#node.name)) {
        wakeUp.forget();
        return { kind: "gone" };
      }
      if (ready !== null && ready.mzxid > this.#node.token) {
        wakeUp.forget();
        this.#fellows = names;
        const isOfThisRound = directory?.mzxid === ready.mzxid;
        this.#round = { readyVersion: ready.version, directoryVersion: isOfThisRound ? directory.version : null };
        return { kind: "granted", token: this.#node.token };
      }
      const missing = this.#members - names.length;
      if (missing > 0) return { kind: "waiting", ahead: missing, changed: wakeUp.changed };
      wakeUp.forget();
      await this.#makeReady(ready, names);
    }
  }

  #beginWaiting(): WakeUp {
    this.#wakeUp?.forget();
    this.#wakeUp = new WakeUp(this.#place.client, this.#session);
    return this.#wakeUp;
  }

  async #readyNow(wakeUp: WakeUp): Promise<Stat | null> {
    const { session } = this.#session;
    const path = `${this.#path}/${READY}`;
    const { client } = this.#place;
    const stat = await persistently(this.#place, () => client.exists(path, { session, watch: wakeUp.watcher }));
    wakeUp.note(path, "data");
    return stat;
  }

  /** The names of those who are there, in order, and the directory's own stat. */
  async #present(): Promise<{ readonly names: readonly string[]; readonly directory: Stat | null }> {
    const { session } = this.#session;
    const { client } = this.#place;
    try {
      const { children, stat } = await persistently(this.#place, () =>
        client.getChildrenWithStat(this.#path, { session }),
      );
      return { names: children.filter((name) => name !== READY).sort(), directory: stat };
    } catch (error) {
      if (isRefusal(error, "no-node")) return { names: [], directory: null };
      throw error;
    }
  }

  /** Whether this one made it, or another at the same time, the next look tells; so it may be asked twice. */
  async #makeReady(old: Stat | null, names: readonly string[]): Promise<void> {
    const { client } = this.#place;
    const { session } = this.#session;
    const path = `${this.#path}/${READY}`;
    const others = names.filter((name) => name !== this.#node.name);
    const counted = [this.#node.name!, ...others.slice(0, this.#members - 1)];
    const change = [
      ...counted.map((name) => this.#count(`${this.#path}/${name}`)),
      old === null ? op.create(path, "", { acl: this.#place.aclOf(path) }) : op.setData(path, "", old.version),
      op.setData(this.#path, ""),
    ];
    try {
      await persistently(this.#place, () => client.multi(change, { session }));
    } catch (error) {
      if (!PASSED.some((reason) => isRefusal(error, reason))) throw error;
    }
  }

  #count(path: string) {
    return path.endsWith(MEMBER) ? op.setData(path, "") : op.check(path);
  }

  // ------------------------------------------------------------------------------------------------- giving up, in time

  /** Waits for the servers' word as long as they are reached: no longer than the session's timeout. */
  async withdraw(): Promise<Withdrawal> {
    const unknown: Withdrawal = { kind: "unknown" };
    if (!this.#node.isAskedFor) return { kind: "gone" };
    if (this.#session.state.kind !== "sure") return unknown;
    let stop = () => {};
    const unreached = new Promise<Withdrawal>((resolve) => {
      stop = this.#session.onState(({ kind }) => (kind === "sure" ? undefined : resolve(unknown)));
    });
    try {
      return await Promise.race([this.#withdraw().catch(() => unknown), unreached]);
    } finally {
      stop();
    }
  }

  async #withdraw(): Promise<Withdrawal> {
    this.#wakeUp?.forget();
    await this.#node.create();
    const { session } = this.#session;
    try {
      await this.#place.client.delete(this.#node.path, { version: 0, session });
      return { kind: "gone" };
    } catch (error) {
      if (isRefusal(error, "no-node")) return { kind: "gone" };
      if (!isRefusal(error, "bad-version")) throw error;
    }
    const standing = await this.look();
    return standing.kind === "waiting" ? { kind: "unknown" } : standing;
  }

  // ---------------------------------------------------------------------------------------------------------- going out

  /**
   * The first of them by name is the last to go, and watches the others one after another; the others go at once, and watch
   * the first. So each of them is woken once. When it dies, the next by name is watched.
   */
  async depart(): Promise<Departure> {
    this.#isDeparting = true;
    const own = this.#node.name;
    const isLast = this.#fellows[0] === own;
    if (!isLast) await this.#node.remove();
    for (;;) {
      const present = new Set((await this.#present()).names);
      const inside = this.#fellows.filter((name) => name !== own && present.has(name));
      const watched = isLast ? inside.at(-1) : inside[0];
      if (watched === undefined) break;
      const wakeUp = this.#beginWaiting();
      if (await this.#watchOver(watched, wakeUp)) {
        return { kind: "waiting", inside: inside.length, changed: wakeUp.changed };
      }
      wakeUp.forget();
    }
    await this.#closing.run();
    await this.#node.remove();
    return { kind: "over" };
  }

  /** False: it is not there any more. */
  async #watchOver(name: string, wakeUp: WakeUp): Promise<boolean> {
    const { session } = this.#session;
    const path = `${this.#path}/${name}`;
    const { client } = this.#place;
    try {
      // Not `exists`, which would leave a watch on a node that is gone.
      await persistently(this.#place, () => client.getData(path, { session, watch: wakeUp.watcher }));
      wakeUp.note(path, "data");
      return true;
    } catch (error) {
      if (isRefusal(error, "no-node")) return false;
      throw error;
    }
  }

  /** `ready` goes, unless it has been made anew for others. */
  async #removeReady(): Promise<void> {
    const { client } = this.#place;
    const { session } = this.#session;
    const path = `${this.#path}/${READY}`;
    if (this.#round === null) return;
    const { readyVersion, directoryVersion } = this.#round;
    try {
      if (directoryVersion === null) {
        await persistently(this.#place, () => client.delete(path, { version: readyVersion, session }));
      } else {
        const removal = [op.check(this.#path, directoryVersion), op.delete(path)];
        await persistently(this.#place, () => client.multi(removal, { session }));
      }
    } catch (error) {
      if (!PASSED.some((reason) => isRefusal(error, reason))) throw error;
    }
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    return this.#node.guard(() => {
      if (!this.#isDeparting) onGone("deleted");
    });
  }

  async leave(onRefused?: OnRefused): Promise<void> {
    this.#isLeft = true;
    this.#wakeUp?.forget();
    this.#wakeUp = null;
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
