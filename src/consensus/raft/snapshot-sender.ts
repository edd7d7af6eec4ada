// The leader's side of sending a snapshot to a follower that the log no longer reaches. It sends chunk by chunk, and reads the
// next one when the follower has the last one on its disk. So a slow follower costs the leader one chunk of memory.

import { assert } from "../../base/assert.ts";
import type { EffectQueue } from "./effect-queue.ts";
import type { RaftLog } from "./log.ts";
import type { Progress, Transfer } from "./progress.ts";
import type { TickClock } from "./tick-clock.ts";
import type { Input, Message, RaftOptions } from "./types.ts";

/** In election timeouts: a chunk that a disk has not written is sent again no more often than this in the end. */
const PATIENCE_MAX = 32;

export class SnapshotSender {
  readonly #options: RaftOptions;
  readonly #term: number;
  readonly #log: RaftLog;
  readonly #effects: EffectQueue;
  readonly #clock: TickClock;

  constructor(options: RaftOptions, term: number, log: RaftLog, effects: EffectQueue, clock: TickClock) {
    this.#clock = clock;
    this.#options = options;
    this.#term = term;
    this.#log = log;
    this.#effects = effects;
  }

  begin(peer: Progress): void {
    const { snapshot } = this.#log;
    assert(snapshot.index > 0, "a log that has lost its beginning to no snapshot");
    this.#read(peer, peer.transferSnapshot(snapshot, this.#clock.tick, this.#options.electionTicks));
  }

  onRead(peer: Progress, input: Input & { kind: "snapshot-read" }, round: number): void {
    const { transfer } = peer;
    if (transfer === null || transfer.awaits !== "disk") return;
    const { snapshot, offset } = transfer;
    if (input.index !== snapshot.index || input.offset !== offset) return; // read for an earlier attempt
    if (input.data === null) {
      if (this.#log.snapshot.index > snapshot.index) this.begin(peer);
      else transfer.awaits = "heartbeat"; // no newer one is known yet
      return;
    }
    transfer.awaits = "follower";
    transfer.since = this.#clock.tick;
    transfer.round = round;
    const { data, done } = input;
    this.#effects.send(peer.id, { kind: "snapshot", term: this.#term, snapshot, offset, data, done, round });
  }

  /** Returns whether the follower has the whole state now. */
  onReply(peer: Progress, reply: Message & { kind: "snapshot-reply" }): boolean {
    const { transfer } = peer;
    if (transfer === null || reply.index !== transfer.snapshot.index) return false;
    if (reply.done) {
      peer.installed(reply.index);
      return true;
    }
    if (transfer.awaits !== "follower") return false;
    transfer.offset = reply.offset;
    transfer.patience = this.#options.electionTicks;
    this.#read(peer, transfer);
    return false;
  }

  /**
   * At a heartbeat: a chunk is sent again when it was lost, and not while it is on its way. On a slow link it takes long,
   * and each copy would make the next one take longer. Messages keep their order: while nothing that was sent after the
   * chunk is answered, it is on its way. Once it is over there, a slow disk may hold up its answer.
   */
  retry(peer: Progress): void {
    const { transfer } = peer;
    if (transfer === null) return;
    if (transfer.awaits === "heartbeat") this.begin(peer);
    else if (transfer.awaits === "follower" && this.#isLost(peer.confirmedRound, transfer)) {
      const { electionTicks } = this.#options;
      transfer.patience = Math.min(Math.max(electionTicks, 2 * transfer.patience), PATIENCE_MAX * electionTicks);
      this.#read(peer, transfer);
    }
  }

  #isLost(confirmedRound: number, { round, since, patience }: Transfer): boolean {
    return confirmedRound > round && this.#clock.tick - since >= patience;
  }

  #read(peer: Progress, transfer: Transfer): void {
    transfer.awaits = "disk";
    const { snapshotChunkBytes: bytesMax } = this.#options;
    const { snapshot, offset } = transfer;
    this.#effects.push({ kind: "read-snapshot", to: peer.id, index: snapshot.index, offset, bytesMax });
  }
}
