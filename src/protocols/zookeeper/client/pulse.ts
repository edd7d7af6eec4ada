// A connection's pulse: pings when idle for a third of the session's timeout, and an end for what was silent for two.

import { ownCall } from "./call.ts";
import type { Connection } from "./connection.ts";
import { ping } from "./operations.ts";
import type { ClientPorts } from "./ports.ts";
import { nothing } from "./request.ts";

export class Pulse {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #clock: ClientPorts["clock"];
  #isStopped = false;
  #stopTimer: () => void = nothing;

  constructor(connection: Connection, timeoutMs: number, clock: ClientPorts["clock"]) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#wait();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer();
  }

  get #pingAt(): number {
    return this.#connection.sentAt + this.#timeoutMs / 3;
  }

  get #silentAt(): number {
    return this.#connection.heardAt + (this.#timeoutMs * 2) / 3;
  }

  #wait(): void {
    const milliseconds = Math.min(this.#pingAt, this.#silentAt) - this.#clock.now();
    this.#stopTimer = this.#clock.after(Math.max(1, milliseconds), () => this.#look());
  }

  #look(): void {
    const now = this.#clock.now();
    if (now >= this.#silentAt) {
      this.#suspectSilence(this.#connection.heardAt);
      return;
    }
    if (now >= this.#pingAt) this.#connection.send([ownCall(ping(), nothing)]);
    if (!this.#isStopped) this.#wait();
  }

  /** This process may only have been kept from listening: what has arrived meanwhile is read first. */
  #suspectSilence(heardAt: number): void {
    this.#clock.defer(() => {
      if (this.#isStopped) return;
      if (this.#connection.heardAt > heardAt) this.#wait();
      else this.#connection.end(`was silent for ${Math.round(this.#clock.now() - heardAt)} ms`);
    });
  }
}
