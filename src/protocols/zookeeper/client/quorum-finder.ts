// The search for a server with a quorum, while the connected server has none: it asks the others with ZooKeeper's `isro`, one at a
// time and less and less often.

import { byteString, bytesOf } from "../../../base/text.ts";
import { QUORUM_ANSWER_MS_MAX, QUORUM_SEARCH_MS_MAX, QUORUM_SEARCH_MS_MIN } from "./limits.ts";
import type { ClientPorts, Target } from "./ports.ts";
import { nothing } from "./request.ts";
import { type Server, shuffled } from "./server-selector.ts";

const QUESTION = "isro";
const HAS_QUORUM = "rw";

export class QuorumFinder {
  readonly #servers: readonly Server[];
  readonly #ports: Pick<ClientPorts, "transport" | "clock" | "random">;
  readonly #onFound: (target: Target) => void;
  #queue: Server[] = [];
  #pauseMs = QUORUM_SEARCH_MS_MIN;
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
    this.#pauseMs = QUORUM_SEARCH_MS_MIN;
    this.#pause();
  }

  stop(): void {
    this.#callOff();
    this.#callOff = nothing;
  }

  #pause(): void {
    this.#callOff = this.#ports.clock.after(this.#pauseMs, () => this.#ask());
    this.#pauseMs = Math.min(QUORUM_SEARCH_MS_MAX, this.#pauseMs * 2);
  }

  #ask(): void {
    if (this.#queue.length === 0) this.#queue = shuffled(this.#servers, this.#ports.random);
    const server = this.#queue.shift()!;
    const { transport, clock, random } = this.#ports;
    let forget: () => void = nothing;
    let cut: () => void = nothing;
    const end = () => {
      stopTimer();
      forget();
      cut();
      this.#callOff = nothing;
    };
    const fail = () => {
      end();
      this.#pause();
    };
    const stopTimer = clock.after(QUORUM_ANSWER_MS_MAX, fail);
    this.#callOff = end;
    forget = transport.resolve(server.host, (error, addresses) => {
      const [address] = shuffled(addresses, random);
      if (error !== null || address === undefined) return fail();
      cut = this.#askAt({ ...server, address }, end, fail);
    });
  }

  #askAt(target: Target, end: () => void, fail: () => void): () => void {
    let answer = "";
    const link = this.#ports.transport.dial(target, {
      onOpen: () => link.write(bytesOf(QUESTION)),
      onData: (chunk) => {
        answer += byteString(chunk, 0, chunk.length);
        if (answer.length < HAS_QUORUM.length) return;
        if (answer !== HAS_QUORUM) return fail();
        end();
        this.#onFound(target);
      },
      onClose: fail,
    });
    return () => link.destroy();
  }
}
