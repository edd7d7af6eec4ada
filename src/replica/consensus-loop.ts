// The loop around the Raft core. Whatever happens becomes an input; inputs are taken one at a time, and the effects of
// each step are carried out, in their order, before the next. Persisting is done here; all else goes to its handler.

import type { Clock } from "../base/clock.ts";
import type { Raft } from "../consensus/raft/raft.ts";
import type { Effect, Input, MemberId, Message } from "../consensus/raft/types.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log } from "./ports.ts";
import type { ReplicaStats } from "./replica-stats.ts";

/** What the rest of the replica may ask the core; only the loop steps it. */
export type RaftView = Omit<Raft, "step">;

type Of<Kind extends Effect["kind"]> = Effect & { readonly kind: Kind };

/** Who carries out the effects of a step. */
export interface EffectHandlers {
  onSend(to: MemberId, message: Message): void;
  onCommitted(index: number): void;
  onReadable(context: number, index: number): void;
  onRoleChanged(change: Of<"role-changed">): void;
  onConfigurationChanged(): void;
  onFetch(request: Of<"fetch">): void;
  onReadSnapshot(request: Of<"read-snapshot">): void;
  onWriteSnapshot(chunk: Of<"write-snapshot">): void;
  onDiscardSnapshot(): void;
  onRuleBroken(by: MemberId, why: string): void;
}

export interface ConsensusLoopParts {
  readonly raft: Raft;
  readonly log: Log;
  readonly clock: Clock;
  readonly stats: ReplicaStats;
  readonly lifecycle: Lifecycle;
}

export class ConsensusLoop {
  readonly raft: RaftView;
  readonly #raft: Raft;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #stats: ReplicaStats;
  readonly #lifecycle: Lifecycle;
  readonly #handlers: EffectHandlers;
  readonly #inputs: Input[] = [];
  #isStepping = false;
  /** Writes that the disk has not completed, and since when it has had some. */
  #writesPending = 0;
  #writesPendingSince: number | null = null;

  constructor({ raft, log, clock, stats, lifecycle }: ConsensusLoopParts, handlers: EffectHandlers) {
    this.raft = raft;
    this.#raft = raft;
    this.#log = log;
    this.#clock = clock;
    this.#stats = stats;
    this.#lifecycle = lifecycle;
    this.#handlers = handlers;
  }

  /** Takes an input, now or behind those that are being taken. An exception in a step or a handler ends the replica. */
  submit(input: Input): void {
    this.#inputs.push(input);
    if (this.#isStepping || this.#lifecycle.isStopped) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#raft.step(next)) this.#carryOut(effect);
      }
    } catch (error) {
      this.#lifecycle.fail(error);
    } finally {
      this.#isStepping = false;
    }
  }

  /** For how long the disk has not completed what it was asked for; 0 while nothing is pending. */
  get diskSilentMs(): number {
    return this.#writesPendingSince === null ? 0 : this.#clock.now() - this.#writesPendingSince;
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "send":
        this.#handlers.onSend(effect.to, effect.message);
        break;
      case "persist":
        this.#persist(effect);
        break;
      case "commit":
        this.#handlers.onCommitted(effect.index);
        break;
      case "readable":
        this.#handlers.onReadable(effect.context, effect.index);
        break;
      case "read-refused":
        break; // asked again by the next ticks, until its deadline
      case "role-changed":
        this.#handlers.onRoleChanged(effect);
        break;
      case "configuration-changed":
        this.#handlers.onConfigurationChanged();
        break;
      case "fetch":
        this.#handlers.onFetch(effect);
        break;
      case "read-snapshot":
        this.#handlers.onReadSnapshot(effect);
        break;
      case "write-snapshot":
        this.#handlers.onWriteSnapshot(effect);
        break;
      case "refused":
        this.#handlers.onRuleBroken(effect.from, effect.why);
        break;
      case "discard-snapshot":
        this.#handlers.onDiscardSnapshot();
        break;
    }
  }

  #persist(effect: Of<"persist">): void {
    this.#writesPending++;
    if (this.#raft.role !== "leader") this.#stats.proposalsReceived += effect.entries.length;
    this.#writesPendingSince ??= this.#clock.now();
    this.#log.write(effect, () => {
      this.#writesPending--;
      this.#writesPendingSince = this.#writesPending === 0 ? null : this.#clock.now();
      this.submit({ kind: "persisted", sequence: effect.sequence });
    });
  }
}
