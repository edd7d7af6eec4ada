// How a replica ends. On request it lets what is under way finish for a while, hands leadership over, and closes. After a failure it
// closes at once. Either way whoever waits for it hears so.

import type { Clock } from "../base/clock.ts";
import { closeAll } from "../base/close-all.ts";
import type { Handover } from "./handover.ts";
import type { LeaseQuestions } from "./lease-questions.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LinearizableReads } from "./linearizable-reads.ts";
import type { PeerLink } from "./peer-link.ts";
import type { Log } from "./ports.ts";
import type { Proposals } from "./proposals.ts";
import type { Snapshotter } from "./snapshotter.ts";
import type { Status } from "./status.ts";

const LOOK_AGAIN_MS = 10;
const AT_ONCE: StopOptions = { transferLeadership: false, graceMs: 0 };

export interface ShutdownParts {
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly status: Status;
  readonly proposals: Proposals;
  readonly reads: LinearizableReads;
  readonly leaseQuestions: LeaseQuestions;
  readonly handover: Handover;
  readonly snapshotter: Snapshotter;
  readonly link: PeerLink;
  readonly log: Log;
}

export interface StopOptions {
  readonly transferLeadership: boolean;
  /** How long what is under way may take, and a successor. */
  readonly graceMs: number;
}

export class Shutdown {
  readonly #parts: ShutdownParts;
  #stopping: Promise<void> | null = null;

  constructor(parts: ShutdownParts) {
    this.#parts = parts;
    const { lifecycle, clock } = parts;
    // The failure may be in the middle of a command: whoever waits hears in a turn of its own. What cannot be closed is told to the
    // owner, who calls `stop` as well.
    lifecycle.afterFailure(() => clock.defer(() => void this.stop(AT_ONCE).catch(() => {})));
  }

  /** Completes when all is closed, also for whoever asks again or after a failure. Rejects where something could not be closed. */
  stop(options: StopOptions): Promise<void> {
    this.#stopping ??= this.#stop(options);
    return this.#stopping;
  }

  async #stop({ transferLeadership, graceMs }: StopOptions): Promise<void> {
    const { lifecycle, status, clock, proposals, handover } = this.#parts;
    if (lifecycle.beginStopping()) {
      status.note();
      const deadline = clock.now() + graceMs;
      await this.#until(() => proposals.isEmpty, deadline);
      if (transferLeadership) handover.begin();
      await this.#until(() => !transferLeadership || handover.isOver, deadline);
    }
    await this.#close();
  }

  /** The doors hear first that nothing is admitted any more: they close their connections. */
  async #close(): Promise<void> {
    const { lifecycle, status, reads, leaseQuestions, proposals, snapshotter, link, log } = this.#parts;
    lifecycle.end();
    await closeAll([
      () => status.note(),
      () => reads.refuseAll(),
      () => leaseQuestions.refuseAll(),
      () => proposals.refuseAll(),
      () => snapshotter.close(),
      () => link.close(),
      () => log.close(),
    ]);
  }

  #until(condition: () => boolean, deadline: number): Promise<void> {
    const { clock, lifecycle } = this.#parts;
    return new Promise((resolve) => {
      const look = (): void => {
        if (condition() || clock.now() >= deadline || lifecycle.isStopped) resolve();
        else clock.after(LOOK_AGAIN_MS, look);
      };
      look();
    });
  }
}
