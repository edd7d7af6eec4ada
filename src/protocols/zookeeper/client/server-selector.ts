// Which server is tried next: all servers in rounds, each round in a new random order. A name is resolved when its turn comes, so that
// servers that move are found. The pauses between failed rounds grow.

import type { Random } from "../../../base/random.ts";
import { BACKOFF_MS_MIN } from "./limits.ts";
import type { ClientPorts, Target } from "./ports.ts";

/** One server of a connect string: a name or an address, and the port for clients. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

export function showServer({ host, port }: Server): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A target in logs and errors: the host, and its address where that is another text. */
export function nameOf(target: Target): string {
  const name = showServer(target);
  return target.host === target.address ? name : `${name} (${target.address})`;
}

export interface ServerSelectorOwner {
  /** How long one attempt may take now, and how long a pause. */
  attemptMs(): number;
  pauseMsMax(): number;
  /** The next target to try. If that fails, `next` gives another. */
  onTarget(target: Target): void;
  /** A name that could not be resolved. `isRefusal`: there is no such host. */
  onUnresolved(server: Server, why: string, isRefusal: boolean): void;
}

export class ServerSelector {
  readonly #servers: readonly Server[];
  readonly #owner: ServerSelectorOwner;
  readonly #ports: Pick<ClientPorts, "transport" | "clock" | "random">;
  readonly #onRoundFailed: () => void;
  #round: Server[] = [];
  #targets: Target[] = [];
  #last: Target | null = null;
  /** Failed rounds in a row. */
  #rounds = 0;
  #callOff: () => void = () => {};

  constructor(
    servers: readonly Server[],
    owner: ServerSelectorOwner,
    ports: Pick<ClientPorts, "transport" | "clock" | "random">,
    onRoundFailed: () => void,
  ) {
    this.#servers = servers;
    this.#owner = owner;
    this.#onRoundFailed = onRoundFailed;
    this.#ports = ports;
  }

  /** A new round. `last`, whose connection was just lost, comes at its end. */
  begin(last: Target | null): void {
    this.stop();
    const isLast = ({ host, port }: Server) => host === last?.host && port === last.port;
    this.#round = withLast(shuffled(this.#servers, this.#ports.random), isLast);
    this.#targets = [];
    this.#last = last;
    this.#go();
  }

  /** A new round that begins with this target. */
  beginAt(first: Target): void {
    this.stop();
    this.#round = shuffled(this.#servers, this.#ports.random);
    this.#targets = [first];
    this.#last = null;
    this.#go();
  }

  /** As `begin`, after a pause: for connections that end as soon as they have begun. */
  beginLater(last: Target | null): void {
    this.stop();
    this.#pause(last);
  }

  /** The next target, after a pause at the end of a round. */
  next(): void {
    this.stop();
    this.#go();
  }

  stop(): void {
    this.#callOff();
    this.#callOff = () => {};
  }

  /** A connection has lived: the pauses begin small again. */
  forgetFailures(): void {
    this.#rounds = 0;
  }

  #go(): void {
    const target = this.#targets.shift();
    if (target !== undefined) {
      this.#owner.onTarget(target);
      return;
    }
    const server = this.#round.shift();
    if (server !== undefined) {
      this.#resolve(server);
      return;
    }
    this.#pause(null);
    this.#onRoundFailed(); // the last: it may close the client
  }

  #pause(last: Target | null): void {
    const max = Math.min(this.#owner.pauseMsMax(), BACKOFF_MS_MIN * 2 ** Math.min(this.#rounds, 16));
    this.#rounds += 1;
    // Half of it is random, so that the clients of a lost server do not come together.
    const milliseconds = max / 2 + this.#ports.random.below(Math.ceil(max / 2));
    this.#callOff = this.#ports.clock.after(milliseconds, () => this.begin(last));
  }

  #resolve(server: Server): void {
    const { transport, clock, random } = this.#ports;
    let isOver = false;
    let forget: () => void = () => {};
    const end = () => {
      isOver = true;
      stopTimer();
      forget();
      this.#callOff = () => {};
    };
    const stopTimer = clock.after(this.#owner.attemptMs(), () => {
      end();
      this.#fail(server, "its name is not resolved in time");
    });
    this.#callOff = end;
    forget = transport.resolve(server.host, (error, addresses) => {
      if (isOver) return;
      end();
      if (error !== null) {
        const isUnknown = "code" in error && error.code === "ENOTFOUND";
        return this.#fail(server, `its name is not resolved: ${error.message}`, isUnknown);
      }
      const isLast = (address: string) => address === this.#last?.address && server.port === this.#last.port;
      this.#targets = withLast(shuffled(addresses, random), isLast).map((address) => ({ ...server, address }));
      if (this.#targets.length === 0) return this.#fail(server, "its name has no address");
      this.#go();
    });
    if (isOver) forget();
  }

  #fail(server: Server, why: string, isRefusal = false): void {
    this.#owner.onUnresolved(server, why, isRefusal);
    this.#go();
  }
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function withLast<T>(items: readonly T[], isLast: (item: T) => boolean): T[] {
  return [...items.filter((item) => !isLast(item)), ...items.filter(isLast)];
}
