// Partition: the items of a set, spread over the members of a group; each item has one owner at a time. An owner holds the
// item's lock, and the next owner waits for it. So two members never work on one item, whatever they believe of each other.

import { whenAborted } from "../base/abort.ts";
import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import { type Assignment, assignEvenly } from "./assignment.ts";
import { bytesOf } from "./bytes.ts";
import type { Directory, Engine, HasDirectories, HasMutexes, PlaceOptions } from "./engine.ts";
import { LockLostError } from "./errors.ts";
import { freshId } from "./fresh-id.ts";
import { HOLD, type HoldOptions } from "./handle.ts";
import { checkName, checkPlainName } from "./names.ts";
import { checkOptions } from "./options.ts";
import { PartitionMembership } from "./partition-membership.ts";
import { Registration } from "./registration.ts";
import { runWhileHeld } from "./run.ts";
import type { Share } from "./share.ts";
import { readOnce } from "./subscription.ts";
import { WAIT, type WaitOptions } from "./wait-scope.ts";

export interface PartitionOptions extends AccessOptions {
  /** The items: plain names, each once. All members must use the same. */
  readonly items: readonly string[];
  /**
   * Assigns the items to members; evenly, and with few moves, unless given. All members must use the same function. It may
   * depend only on its arguments: the items as given, and the members' ids, sorted.
   */
  readonly assign?: ((items: readonly string[], members: readonly string[]) => Assignment) | undefined;
}

export interface ShareOptions extends HoldOptions {
  /** The member's id; random unless given. */
  readonly id?: string | undefined;
  /** Items move only after the members have stayed the same for so many milliseconds; 200 unless given. */
  readonly settleMs?: number | undefined;
  /**
   * An item that was asked back is released after so many milliseconds, whatever its owner does; never unless given. Its signal
   * aborts then; a body that works longer may run beside the next owner's.
   */
  readonly yieldWithinMs?: number | undefined;
}

const PARTITION: OptionRules<PartitionOptions> = {
  items: OPTION.required(OPTION.list),
  assign: OPTION.callback,
  ...ACCESS,
};
const SHARE: OptionRules<ShareOptions & WaitOptions> = {
  id: OPTION.any,
  settleMs: OPTION.duration,
  yieldWithinMs: OPTION.duration,
  ...HOLD,
  ...WAIT,
};

const SETTLE_MS = 200;

export class Partition {
  readonly name: string;
  readonly items: readonly string[];
  readonly #engine: Engine & HasMutexes;
  readonly #party: Directory;
  readonly #place: string;
  readonly #access: PlaceOptions;
  readonly #assign: (items: readonly string[], members: readonly string[]) => Assignment;
  readonly #what: string;

  constructor(engine: Engine & HasDirectories & HasMutexes, name: string, options: PartitionOptions) {
    checkName("partition", name);
    this.#what = `partition ${JSON.stringify(name)}`;
    const access = accessOf(this.#what, options, PARTITION);
    const { items, assign } = options;
    for (const item of items) checkPlainName("item", item);
    if (items.length === 0) throw refused(this.#what, "it has no items");
    if (new Set(items).size < items.length) throw refused(this.#what, "an item is in it twice");
    this.name = name;
    this.items = [...items];
    this.#engine = engine;
    this.#place = name.startsWith("/") ? name : `/partitions/${name}`;
    this.#access = { ...access, within: this.#place };
    this.#party = engine.directory("membership", `${this.#place}/party`, this.#access);
    this.#assign = assign ?? assignEvenly;
    for (const item of items) engine.mutex(this.#placeOf(item), this.#access); // throws for an impossible name
  }

  /**
   * Becomes a member, and completes when others see it. Its shares come one by one: `for await (const share of membership)`.
   * After a lost session it enters again by itself, with new shares. Fails as waits do, and then leaves nothing.
   */
  async join(options: ShareOptions & WaitOptions = {}): Promise<PartitionMembership> {
    checkOptions(this.#what, options, SHARE);
    const { id, settleMs = SETTLE_MS, yieldWithinMs, onUnsure, ...wait } = options;
    const name = id ?? freshId(this.#engine.runtime.random);
    checkPlainName("member", name);
    const entry = { what: `member ${JSON.stringify(name)} of ${this.#what}`, name, data: bytesOf("") };
    const registration = await Registration.enter(this.#engine, this.#party, entry, wait);
    const context = {
      what: this.#what,
      items: this.items,
      party: this.#party,
      access: this.#access,
      settleMs,
      yieldWithinMs,
      hold: { onUnsure },
      placeOf: (item: string) => this.#placeOf(item),
      assign: this.#assign,
    };
    return PartitionMembership.begin(this.#engine, registration, context, wait);
  }

  /**
   * A member until the signal aborts, that runs `body` for each share. The body works until `share.yielding` aborts, finishes,
   * and returns, which releases the share; at `share.signal` it stops at once. A body that returns before it is asked runs
   * again when its item is granted again. Ends when all bodies have ended; fails then with the first body's error.
   */
  async run(body: (share: Share) => void | Promise<void>, options: ShareOptions & WaitOptions = {}): Promise<void> {
    checkOptions(this.#what, options, SHARE);
    const { signal } = options;
    const membership = await this.join(options).catch((error) => {
      if (signal?.aborted && error instanceof CoordinationError && error.code === "aborted") return null;
      throw error;
    });
    if (membership === null) return;
    const failure: { error: unknown }[] = [];
    const working = new Set<Promise<void>>();
    const leave = () => void membership.leave().catch(() => {});
    const forget = signal === undefined ? () => {} : whenAborted(signal, leave);
    if (signal?.aborted) leave();
    try {
      for await (const share of membership) {
        const work = runWhileHeld(this.#engine, share, body).catch((error) => {
          if (error instanceof LockLostError && error === share.signal.reason) return;
          failure.push({ error });
          leave();
        });
        working.add(work);
        void work.then(() => working.delete(work));
      }
    } finally {
      forget();
      await Promise.all(working);
      await membership[Symbol.asyncDispose]();
    }
    if (failure[0] !== undefined) throw failure[0].error;
  }

  /** The members' ids, sorted. */
  async members(options: WaitOptions = {}): Promise<readonly string[]> {
    const views = await readOnce(this.#engine, this.#what, (how) => this.#party.list(how), options);
    return views.map(({ name }) => name);
  }

  #placeOf(item: string): string {
    return `${this.#place}/locks/${item}`;
  }
}

function refused(what: string, why: string): CoordinationError {
  return new CoordinationError("rejected", "not-applied", `${what}: ${why}`);
}
