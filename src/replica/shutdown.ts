// How a replica ends on request: it lets what is under way finish for a while, hands leadership over, and closes.

import type { Clock } from "../base/clock.ts";
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

  constructor(parts: ShutdownParts) {
    this.#parts = parts;
  }

  async stop({ transferLeadership, graceMs }: StopOptions): Promise<void> {
    const { lifecycle, status, clock, proposals, handover } = this.#parts;
    if (!lifecycle.beginStopping()) return;
    status.note();
    const deadline = clock.now() + graceMs;
    await this.#until(() => proposals.isEmpty, deadline);
    if (transferLeadership) handover.begin();
    await this.#until(() => !transferLeadership || handover.isOver, deadline);
    await this.#close();
  }

  async #close(): Promise<void> {
    const { lifecycle, reads, leaseQuestions, proposals, snapshotter, link, log } = this.#parts;
    if (!lifecycle.end()) return;
    reads.refuseAll();
    leaseQuestions.refuseAll();
    proposals.refuseAll();
    await snapshotter.close();
    await link.close();
    await log.close();
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
