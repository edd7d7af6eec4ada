// Served by a server without a quorum, a client looks for one that has it: it asks the others, one at a time and less and
// less often, by ZooKeeper's word for that.

import { byteString, bytesOf } from "../../../base/text.ts";
import { type Server, shuffled } from "./dialer.ts";
import { SEEK_MS_MAX, SEEK_MS_MIN, SEEK_PATIENCE_MS } from "./limits.ts";
import type { ClientPorts, Link, Target } from "./ports.ts";
import { nothing } from "./request.ts";

const QUESTION = "isro";
const HAS_QUORUM = "rw";

export class Seeker {
  readonly #servers: readonly Server[];
  readonly #ports: Pick<ClientPorts, "transport" | "clock" | "random">;
  readonly #onFound: (target: Target) => void;
  #queue: Server[] = [];
  #pauseMs = SEEK_MS_MIN;
  #callOff: () => void = nothing;

  constructor(
    servers: readonly Server[],
    ports: Pick<ClientPorts, "transport" | "clock" | "random">,
    onFound: (target: Target) => void,
  ) {
    this.#servers = servers;
    this.#ports = ports;
    this.#onFound = onFound;
  }

  start(): void {
    this.#pauseMs = SEEK_MS_MIN;
    this.#pause();
  }

  stop(): void {
    this.#callOff();
    this.#callOff = nothing;
  }

  #pause(): void {
    this.#callOff = this.#ports.clock.after(this.#pauseMs, () => this.#ask());
    this.#pauseMs = Math.min(SEEK_MS_MAX, this.#pauseMs * 2);
  }

  #ask(): void {
    if (this.#queue.length === 0) this.#queue = shuffled(this.#servers, this.#ports.random);
    const server = this.#queue.shift()!;
    const question = new Question(server, this.#ports, (target) => {
      this.#callOff = nothing;
      if (target === null) this.#pause();
      else this.#onFound(target);
    });
    // A question that was answered in no time has been seen to already.
    if (!question.isOver) this.#callOff = () => question.end();
  }
}

/** One server is asked; `done` hears once, with null where it has no quorum, or does not say so in time. */
class Question {
  isOver = false;
  readonly #ports: Pick<ClientPorts, "transport" | "clock" | "random">;
  readonly #done: (target: Target | null) => void;
  readonly #stopTimer: () => void;
  #forgetName: () => void = nothing;
  #link: Link | null = null;
  #answer = "";

  constructor(
    server: Server,
    ports: Pick<ClientPorts, "transport" | "clock" | "random">,
    done: (target: Target | null) => void,
  ) {
    this.#ports = ports;
    this.#done = done;
    this.#stopTimer = ports.clock.after(SEEK_PATIENCE_MS, () => this.#finish(null));
    const forget = ports.transport.resolve(server.host, (error, addresses) => {
      this.#forgetName = nothing;
      const [address] = shuffled(addresses, ports.random);
      if (error !== null || address === undefined) this.#finish(null);
      else this.#dial({ ...server, address });
    });
    if (!this.isOver && this.#link === null) this.#forgetName = forget;
  }

  /** Without another word. */
  end(): void {
    this.isOver = true;
    this.#stopTimer();
    this.#forgetName();
    this.#link?.destroy();
  }

  #dial(target: Target): void {
    const link = this.#ports.transport.dial(target, {
      onOpen: () => link.write(bytesOf(QUESTION)),
      onData: (chunk) => this.#onAnswer(chunk, target),
      onClose: () => this.#finish(null),
    });
    this.#link = link;
  }

  #onAnswer(chunk: Uint8Array, target: Target): void {
    this.#answer += byteString(chunk, 0, chunk.length);
    if (this.#answer.length >= HAS_QUORUM.length) this.#finish(this.#answer === HAS_QUORUM ? target : null);
  }

  #finish(target: Target | null): void {
    if (this.isOver) return;
    this.end();
    this.#done(target);
  }
}
