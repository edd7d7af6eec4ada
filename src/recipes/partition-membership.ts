// One member's part in a partition. It watches the other members, computes its own items, waits for the items' locks, and asks
// the program to yield items that now belong to others.

import { CoordinationError } from "../base/errors.ts";
import { acquire, type Wanted } from "./acquire.ts";
import type { Assignment } from "./assignment.ts";
import { bytesOf } from "./bytes.ts";
import { Condition } from "./condition.ts";
import type { Contender, Directory, Engine, EntryView, HasMutexes, PlaceOptions } from "./engine.ts";
import { type HoldOptions, messageOf } from "./handle.ts";
import type { Registration, RegistrationState } from "./registration.ts";
import { type Share, ShareHandle } from "./share.ts";
import { Subscription } from "./subscription.ts";
import { pause, type WaitOptions } from "./wait-scope.ts";

interface PartitionContext {
  /** As errors speak of it: `partition "shards"`. */
  readonly what: string;
  readonly items: readonly string[];
  readonly party: Directory;
  readonly access: PlaceOptions;
  readonly settleMs: number;
  readonly yieldWithinMs: number | undefined;
  readonly hold: HoldOptions;
  /** The lock of an item. */
  placeOf(item: string): string;
  assign(items: readonly string[], members: readonly string[]): Assignment;
}

/** Between two tries to get a lock that the servers refuse. */
const RETRY_MS = 1000;

/** One item of this member's: it waits for the item's lock until `share` is set. */
interface Hold {
  readonly giveUp: AbortController;
  share: ShareHandle | null;
}

/**
 * Invariants: there is at most one hold, so one share, for each item. An item that it holds and did not ask back is its own by
 * the last settled list of members.
 */
export class PartitionMembership implements AsyncIterable<Share>, AsyncDisposable {
  readonly #engine: Engine & HasMutexes;
  readonly #registration: Registration;
  readonly #context: PartitionContext;
  readonly #holds = new Map<string, Hold>();
  /** Shares that the loop has not given out yet. */
  readonly #fresh = new Set<ShareHandle>();
  readonly #changed = new Condition();
  #subscription: Subscription<readonly EntryView[]> | null = null;
  #members: readonly string[] = [];
  #own: ReadonlySet<string> = new Set();
  #stopSettling: () => void = () => {};
  #isOver = false;

  private constructor(engine: Engine & HasMutexes, registration: Registration, context: PartitionContext) {
    this.#engine = engine;
    this.#registration = registration;
    this.#context = context;
  }

  /** Takes over the registration: leaves if this fails. */
  static async begin(
    engine: Engine & HasMutexes,
    registration: Registration,
    context: PartitionContext,
    wait: WaitOptions,
  ): Promise<PartitionMembership> {
    const self = new PartitionMembership(engine, registration, context);
    const source = {
      what: context.what,
      read: context.party.list.bind(context.party),
      onValue: (members: readonly EntryView[]) => self.#onMembers(members.map(({ name }) => name)),
      onEnd: () => self.#end("the connection was closed"),
    };
    try {
      self.#subscription = await Subscription.open(engine, source, wait);
      return self;
    } catch (error) {
      await registration[Symbol.asyncDispose]();
      throw error;
    }
  }

  get id(): string {
    return this.#registration.name;
  }

  get state(): RegistrationState {
    return this.#registration.state;
  }

  /** The members' ids, sorted, as last seen. */
  get members(): readonly string[] {
    return this.#members;
  }

  /** Its shares, by item; also those that are asked back. */
  get shares(): ReadonlyMap<string, Share> {
    const held = [...this.#holds].flatMap(([item, { share }]) => (share === null ? [] : [[item, share] as const]));
    return new Map(held);
  }

  /**
   * Each share once, as it is granted. Work on several at the same time: do not wait for one inside the loop. Shares that ended
   * before are skipped. Ends when this member has left. One loop at a time.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Share, void, void> {
    for (;;) {
      const { notified } = this.#changed;
      const [share] = this.#fresh;
      if (share !== undefined) {
        this.#fresh.delete(share);
        yield share;
      } else if (this.#isOver) {
        return;
      } else {
        await notified;
      }
    }
  }

  /**
   * Asks all shares back, and completes when their owners have released them (after a loss no `release` is needed). From the
   * call on this member gets no new shares.
   */
  async leave(): Promise<void> {
    this.#end("this member leaves");
    await this.#registration.leave();
    for (;;) {
      const { notified } = this.#changed;
      if (this.shares.size === 0) return;
      await notified;
    }
  }

  /** Releases all shares at once, whatever their owners do. Never fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end("this member leaves");
    const shares = [...this.shares.values()].map((share) => share[Symbol.asyncDispose]());
    await Promise.all([...shares, this.#registration[Symbol.asyncDispose]()]);
  }

  #end(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopSettling();
    this.#subscription?.[Symbol.dispose]();
    this.#own = new Set();
    for (const item of [...this.#holds.keys()]) this.#giveUp(item, why);
    this.#changed.notify();
  }

  // --------------------------------------------------------------------------------------------------- its own items

  #onMembers(members: readonly string[]): void {
    if (this.#isOver) return;
    this.#members = members;
    this.#stopSettling();
    this.#stopSettling = this.#engine.runtime.after(this.#context.settleMs, () => this.#onSettled());
  }

  #onSettled(): void {
    const { items, assign, what } = this.#context;
    try {
      const assignment = assign(items, this.#members);
      this.#own = new Set(items.filter((item) => assignment.get(item) === this.id));
    } catch (error) {
      this.#engine.logger.error(`${what}: assign failed, and all stays as it is: ${messageOf(error)}`);
      return;
    }
    for (const item of [...this.#holds.keys()])
      if (!this.#own.has(item)) this.#giveUp(item, "it is another member's now");
    for (const item of this.#own) this.#want(item);
  }

  /** Stops waiting for the item; asks it back if it is held. */
  #giveUp(item: string, why: string): void {
    const hold = this.#holds.get(item);
    if (hold === undefined) return;
    const { share } = hold;
    if (share === null) {
      hold.giveUp.abort();
      return;
    }
    if (share.yielding.aborted) return;
    share.ask(why);
    if (this.#fresh.delete(share)) void share[Symbol.asyncDispose](); // nobody works on it yet
    const { yieldWithinMs } = this.#context;
    if (yieldWithinMs === undefined) return;
    const stop = this.#engine.runtime.after(yieldWithinMs, () => void share[Symbol.asyncDispose]());
    share.signal.addEventListener("abort", stop, { once: true });
  }

  /** Begins to wait for it, unless it waits for it or holds it already. */
  #want(item: string): void {
    if (this.#holds.has(item)) return;
    const hold: Hold = { giveUp: new AbortController(), share: null };
    this.#holds.set(item, hold);
    void this.#obtain(item, hold);
  }

  /** Never fails. */
  async #obtain(item: string, hold: Hold): Promise<void> {
    const { what, hold: options } = this.#context;
    const { signal } = hold.giveUp;
    const mutex = this.#engine.mutex(this.#context.placeOf(item), this.#context.access);
    const wanted: Wanted<Contender> = {
      what: `item ${JSON.stringify(item)} of ${what}`,
      name: item,
      contend: (session) => mutex.contend(session, bytesOf(this.id)),
    };
    try {
      const grant = await acquire(this.#engine, wanted, { signal });
      let share: ShareHandle | null = null;
      share = new ShareHandle(this.#engine, grant, options, item, () => this.#onEnded(item, hold, share));
      if (share.signal.aborted) return; // lost before it was set; its end has been handled
      hold.share = share;
      this.#fresh.add(share);
      this.#changed.notify();
      if (!this.#own.has(item)) this.#giveUp(item, "it is another member's now");
    } catch (error) {
      const isRefused = error instanceof CoordinationError && error.code === "rejected";
      if (isRefused) {
        this.#engine.logger.error(`${what}: ${messageOf(error)}`);
        await pause(this.#engine, RETRY_MS, signal);
      }
      if (this.#engine.status.kind === "closed") this.#end("the connection was closed");
      this.#onEnded(item, hold, null);
    }
  }

  /** After a release, a loss or a withdrawal: waits again if the item is still its own. */
  #onEnded(item: string, hold: Hold, share: ShareHandle | null): void {
    if (this.#holds.get(item) === hold) this.#holds.delete(item);
    if (share !== null) this.#fresh.delete(share);
    this.#changed.notify();
    if (this.#own.has(item) && !this.#isOver) this.#want(item);
  }
}
