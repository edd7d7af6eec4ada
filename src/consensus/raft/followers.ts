// The members that a leader sends its log to: those that a configuration names, and guests, whom none names and who count
// for nothing. Knows who is heard, who keeps up, and what each still needs from the disk.

import { peersOf } from "./configuration.ts";
import type { RaftLog } from "./log.ts";
import { Progress } from "./progress.ts";
import type { TickClock } from "./tick-clock.ts";
import type { Configuration, MemberId, RaftOptions } from "./types.ts";

/** Members about to join, and observers that nobody has listed: rarely more than one at a time. */
const GUESTS_MAX = 16;
/** In election timeouts: a follower that takes longer over one message is not waited for. */
const SILENCE_MAX = 256;

/** Invariants: `all` is ascending and holds each id of the map once; a guest is in the map and in no configuration. */
export class Followers {
  readonly #options: RaftOptions;
  readonly #log: RaftLog;
  readonly #clock: TickClock;
  readonly #byId = new Map<MemberId, Progress>();
  readonly #guests = new Set<MemberId>();
  #all: readonly Progress[] = [];

  constructor(options: RaftOptions, log: RaftLog, clock: TickClock) {
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
    this.#add();
  }

  /** Ascending by id. */
  get all(): readonly Progress[] {
    return this.#all;
  }

  get(id: MemberId): Progress | undefined {
    return this.#byId.get(id);
  }

  has(id: MemberId): boolean {
    return this.#byId.has(id);
  }

  /**
   * Another configuration is in force. Those who leave are told so by `farewell`, once: they are to be sent the entry that
   * says it, and what becomes of it there does not matter to anyone.
   */
  onConfiguration(configuration: Configuration, farewell: (peer: Progress) => void): void {
    this.#add();
    for (const id of peersOf(configuration, this.#options.id)) this.#guests.delete(id); // it belongs now
    const staying = new Set([...peersOf(configuration, this.#options.id), ...this.#guests]);
    for (const peer of this.#all) {
      if (staying.has(peer.id)) continue;
      farewell(peer);
      this.#byId.delete(peer.id);
    }
    this.#all = this.#all.filter((peer) => staying.has(peer.id));
  }

  #add(): void {
    for (const id of [...peersOf(this.#log.configuration, this.#options.id), ...this.#guests]) {
      if (!this.#byId.has(id)) this.#byId.set(id, new Progress(id, this.#log.lastIndex + 1, this.#options));
    }
    this.#all = [...this.#byId.values()].sort((one, other) => one.id - other.id);
  }

  // ----------------------------------------------------------------------------------------------------------- guests

  /** A member that no configuration names is sent the log as well, as long as it is connected. Null: not this one. */
  addGuest(id: MemberId): Progress | null {
    if (this.#byId.has(id) || this.#guests.size >= GUESTS_MAX) return null;
    this.#guests.add(id);
    this.#add();
    return this.#byId.get(id)!;
  }

  isGuest(id: MemberId): boolean {
    return this.#guests.has(id);
  }

  dropGuest(id: MemberId): void {
    if (!this.#guests.delete(id)) return;
    this.#byId.delete(id);
    this.#all = this.#all.filter((peer) => peer.id !== id);
  }

  // -------------------------------------------------------------------------------------------------------- who keeps up

  /** It was heard from within an election timeout. */
  isActive(peer: Progress): boolean {
    return this.#clock.tick - peer.contactTick <= this.#options.electionTicks;
  }

  /** The first entry that a follower within reach has yet to get; one past the last where all have all. */
  get neededFrom(): number {
    let first = this.#log.lastIndex + 1;
    for (const peer of this.#all) {
      if (!this.#isWithinReach(peer)) continue;
      first = Math.min(first, (peer.transfer?.snapshot.index ?? peer.matchIndex) + 1);
    }
    return first;
  }

  /** Whether one within reach is being sent the snapshot of this index. */
  isSending(snapshotIndex: number): boolean {
    return this.#all.some((peer) => peer.transfer?.snapshot.index === snapshotIndex && this.#isWithinReach(peer));
  }

  /** One that is fed from the disk may hear nothing else for as long as one large message takes on a slow link. */
  #isWithinReach(peer: Progress): boolean {
    if (this.isActive(peer)) return true;
    const next = peer.matchIndex + 1;
    const isFedFromDisk = peer.transfer !== null || (next <= this.#log.lastIndex && !this.#log.isInMemory(next));
    const silence = this.#clock.tick - peer.contactTick;
    return isFedFromDisk && peer.isConnected && silence <= SILENCE_MAX * this.#options.electionTicks;
  }
}
