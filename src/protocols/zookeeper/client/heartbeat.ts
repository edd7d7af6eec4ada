// The heartbeat of a connection: a ping every third of the session's timeout, whatever else is sent. It ends a connection whose server
// owes an answer and was silent for two thirds of the timeout, or has answered no ping for so long. A server of the second kind is
// cut off from its leader, and may still answer reads. The last third is for finding another server.

import { ownCall } from "./call.ts";
import type { Connection } from "./connection.ts";
import type { ClientPorts } from "./ports.ts";
import { nothing } from "./request.ts";
import { ping } from "./session-requests.ts";
import type { StallDetector } from "./stall-detector.ts";

export class Heartbeat {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #clock: ClientPorts["clock"];
  readonly #stallDetector: StallDetector;
  #isStopped = false;
  #stopTimer: () => void = nothing;

  constructor(connection: Connection, timeoutMs: number, clock: ClientPorts["clock"], stallDetector: StallDetector) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#stallDetector = stallDetector;
    this.#wait();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer();
  }

  get #pingAt(): number {
    return this.#connection.pingedAt + this.#timeoutMs / 3;
  }

  /** When this server is given up, unless it is heard until then. */
  get #givenUpAt(): number {
    return Math.min(this.#silentAt, this.#leaderlessAt);
  }

  get #silentAt(): number {
    const { heardAt, oldestRequestAt } = this.#connection;
    return this.#overdueAt(heardAt, oldestRequestAt);
  }

  get #leaderlessAt(): number {
    const { confirmationHeardAt, oldestPingAt } = this.#connection;
    return this.#overdueAt(confirmationHeardAt, oldestPingAt);
  }

  /** A request that was sent late, by a process that could not run, has a third of the timeout for its answer. */
  #overdueAt(heardAt: number, askedAt: number | null): number {
    if (askedAt === null) return Number.POSITIVE_INFINITY; // it owes no answer
    return Math.max(heardAt + (this.#timeoutMs * 2) / 3, askedAt + this.#timeoutMs / 3);
  }

  #wait(): void {
    const milliseconds = Math.min(this.#pingAt, this.#givenUpAt) - this.#clock.now();
    this.#stopTimer = this.#stallDetector.after(Math.max(1, milliseconds), () => this.#check());
  }

  #check(): void {
    const now = this.#clock.now();
    if (now >= this.#givenUpAt) {
      this.#giveUpSoon();
      return;
    }
    if (now >= this.#pingAt) this.#connection.send([ownCall(ping(), nothing)]);
    if (!this.#isStopped) this.#wait();
  }

  /** This process may only have been blocked: what has arrived meanwhile is read first. */
  #giveUpSoon(): void {
    this.#clock.defer(() => {
      if (this.#isStopped) return;
      const now = this.#clock.now();
      if (now < this.#givenUpAt) {
        this.#wait();
        return;
      }
      this.#connection.end(this.#whyGivenUp(now));
    });
  }

  #whyGivenUp(now: number): string {
    const { heardAt, confirmationHeardAt } = this.#connection;
    if (now >= this.#silentAt) return `was silent for ${Math.round(now - heardAt)} ms`;
    return `answered no ping for ${Math.round(now - confirmationHeardAt)} ms, as a server does that is cut off from its leader`;
  }
}
