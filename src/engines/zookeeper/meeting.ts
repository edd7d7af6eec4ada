// A meeting, in the layout of Curator's double barrier: an ephemeral node for each who is there, and the node `ready` from
// when enough are. Those who wait watch that one alone. Whoever comes last counts them, and makes it.
//
// `ready` may be of another time: members that died inside leave it behind, and slow ones still go out while the next come.
// So it lets in only those who were there when it was made, or made anew; for others it is as if there were none.

import type { Stat } from "../../protocols/zookeeper/client/index.ts";
import type { Attendee, Departure, Standing } from "../../recipes/engine.ts";
import { type Place, ProtectedNode } from "./nodes.ts";
import { isOver, isRefusal, persistently } from "./persistently.ts";
import type { ZooKeeperSession } from "./session.ts";
import { WakeUp } from "./wake-up.ts";

const READY = "ready";

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
  #ready: Stat | null = null;

  constructor(place: Place, session: ZooKeeperSession, path: string, members: number) {
    this.#place = place;
    this.#session = session;
    this.#path = path;
    this.#members = members;
    this.#node = new ProtectedNode(place, path, "member", new Uint8Array(0), session, "ephemeral");
  }

  async look(): Promise<Standing> {
    await this.#node.create();
    for (;;) {
      const wakeUp = this.#beginWaiting();
      const ready = await this.#readyNow(wakeUp);
      const names = await this.#present();
      if (this.#isLeft || this.#node.name === null || !names.includes(this.#node.name)) {
        wakeUp.forget();
        return { kind: "gone" };
      }
      if (ready !== null && ready.mzxid > this.#node.token) {
        wakeUp.forget();
        this.#fellows = names;
        this.#ready = ready;
        return { kind: "granted", token: this.#node.token };
      }
      const missing = this.#members - names.length;
      if (missing > 0) return { kind: "waiting", ahead: missing, changed: wakeUp.changed };
      wakeUp.forget();
      await this.#makeReady(ready);
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
    const stat = await persistently(() => this.#place.client.exists(path, { session, watch: wakeUp.watcher }));
    wakeUp.note(path, "data");
    return stat;
  }

  /** The names of those who are there, in order. */
  async #present(): Promise<readonly string[]> {
    const { session } = this.#session;
    try {
      const names = await persistently(() => this.#place.client.getChildren(this.#path, { session }));
      return names.filter((name) => name !== READY).sort();
    } catch (error) {
      if (isRefusal(error, "no-node")) return [];
      throw error;
    }
  }

  /** Whether this one made it, or another at the same time, the next look tells; so it may be asked twice. */
  async #makeReady(old: Stat | null): Promise<void> {
    const { client } = this.#place;
    const { session } = this.#session;
    const path = `${this.#path}/${READY}`;
    try {
      if (old === null) await persistently(() => client.create(path, "", { session }));
      else await persistently(() => client.setData(path, "", { version: old.version, session }));
    } catch (error) {
      if (!PASSED.some((reason) => isRefusal(error, reason))) throw error;
    }
  }

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
      const present = new Set(await this.#present());
      const inside = this.#fellows.filter((name) => name !== own && present.has(name));
      const watched = isLast ? inside.at(-1) : inside[0];
      if (watched === undefined) break;
      const wakeUp = this.#beginWaiting();
      if (await this.#watchOver(watched, wakeUp)) {
        return { kind: "waiting", inside: inside.length, changed: wakeUp.changed };
      }
      wakeUp.forget();
    }
    await this.#close();
    return { kind: "over" };
  }

  /** False: it is not there any more. */
  async #watchOver(name: string, wakeUp: WakeUp): Promise<boolean> {
    const { session } = this.#session;
    const path = `${this.#path}/${name}`;
    try {
      // Not `exists`, which would leave a watch on a node that is gone.
      await persistently(() => this.#place.client.getData(path, { session, watch: wakeUp.watcher }));
      wakeUp.note(path, "data");
      return true;
    } catch (error) {
      if (isRefusal(error, "no-node")) return false;
      throw error;
    }
  }

  /** Nobody is inside: `ready` goes, unless it has been made anew for others; and with it the last of them. */
  async #close(): Promise<void> {
    const { client } = this.#place;
    const { session } = this.#session;
    const version = this.#ready?.version ?? 0;
    try {
      await persistently(() => client.delete(`${this.#path}/${READY}`, { version, session }));
    } catch (error) {
      if (!isOver(error) && !PASSED.some((reason) => isRefusal(error, reason))) throw error;
    }
    await this.#node.remove();
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    return this.#node.guard(() => {
      if (!this.#isDeparting) onGone("deleted");
    });
  }

  leave(): Promise<void> {
    this.#isLeft = true;
    this.#wakeUp?.forget();
    this.#wakeUp = null;
    return this.#node.remove();
  }
}

/** Another was faster, or this one itself when the answer was lost. */
const PASSED = ["node-exists", "bad-version", "no-node"] as const;
