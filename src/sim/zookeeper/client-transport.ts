// The transport of one client library: the simulated network, and a clock of its own.

import { assert } from "../../base/assert.ts";
import type { Link, LinkEvents, Target, Transport } from "../../protocols/zookeeper/client/index.ts";
import type { ClientConnection, ClientNetwork } from "../kernel/client-network.ts";
import type { SimulatedMember } from "../kernel/member.ts";
import type { VirtualClock } from "../kernel/time.ts";
import { ZOOKEEPER } from "./door.ts";

export class SimulatedTransport implements Transport {
  readonly #client: number;
  readonly #clock: VirtualClock;
  readonly #network: ClientNetwork;
  readonly #members: readonly SimulatedMember[];

  constructor(client: number, clock: VirtualClock, network: ClientNetwork, members: readonly SimulatedMember[]) {
    this.#client = client;
    this.#clock = clock;
    this.#network = network;
    this.#members = members;
  }

  /** Of all members, as a connect string says it. */
  get servers(): string {
    return this.#members.map(({ id }) => `member${id}:2181`).join();
  }

  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void {
    done(null, [host]);
    return () => {};
  }

  dial(target: Target, events: LinkEvents): Link {
    const member = this.#members.find(({ id }) => `member${id}` === target.host);
    assert(member !== undefined, "a member that nobody knows is dialled");
    return new SimulatedLink(this.#client, this.#clock, this.#network, member, events);
  }
}

class SimulatedLink implements Link {
  readonly #clock: VirtualClock;
  readonly #events: LinkEvents;
  #connection: ClientConnection | null = null;
  #isOver = false;

  constructor(
    client: number,
    clock: VirtualClock,
    network: ClientNetwork,
    member: SimulatedMember,
    events: LinkEvents,
  ) {
    this.#clock = clock;
    this.#events = events;
    clock.defer(() => {
      if (this.#isOver) return;
      this.#connection = network.dial(client, member, ZOOKEEPER, {
        onBytes: (bytes) => this.#hear(() => events.onData(bytes)),
        onClosed: () => this.#hear(() => this.#close(null)),
      });
      if (this.#connection === null) this.#close(new Error("nobody listens"));
      else events.onOpen();
    });
  }

  /** When its process runs again. */
  #hear(tell: () => void): void {
    this.#clock.deliver(() => {
      if (!this.#isOver) tell();
    });
  }

  #close(error: Error | null): void {
    this.#isOver = true;
    this.#events.onClose(error);
  }

  write(bytes: Uint8Array): void {
    this.#connection?.send(bytes);
  }

  destroy(done: () => void = () => {}): void {
    this.#isOver = true;
    this.#connection?.close();
    this.#connection = null;
    this.#clock.defer(done);
  }
}
