// A network that loses, delays, duplicates and partitions, as the seed decides. Between two machines that are connected,
// frames keep their order, as on TCP; what was under way when a connection broke is lost.

import type { Random } from "../base/random.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import type { PeerEvents, Peers } from "../replica/ports.ts";
import type { VirtualClock, VirtualTime } from "./time.ts";

export interface NetworkOptions {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Probability that a frame breaks the connection that it travels on. */
  readonly breakProbability: number;
}

interface Endpoint {
  readonly events: PeerEvents;
  readonly clock: VirtualClock;
}

/** One direction between two machines. */
interface Link {
  isUp: boolean;
  /** A broken connection's frames never arrive: each connection has its own number. */
  connection: number;
  lastArrival: number;
}

export class VirtualNetwork {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #endpoints = new Map<MemberId, Endpoint>();
  readonly #links = new Map<string, Link>();
  readonly #cut = new Set<string>();
  options: NetworkOptions;
  framesSent = 0;
  framesLost = 0;

  constructor(time: VirtualTime, random: Random, options: NetworkOptions) {
    this.#time = time;
    this.#random = random;
    this.options = options;
  }

  /** A machine comes up: the others connect to it, and it to them. */
  attach(id: MemberId, events: PeerEvents, clock: VirtualClock): Peers {
    this.#endpoints.set(id, { events, clock });
    for (const other of this.#endpoints.keys()) if (other !== id) this.#connectSoon(id, other);
    return {
      send: (to, frame) => this.#send(id, to, frame),
      reconcile: () => {},
      isConnected: (to) => this.#link(id, to).isUp,
      close: async () => this.detach(id),
    };
  }

  /** A machine is gone: its connections close at once, as when a process dies. */
  detach(id: MemberId): void {
    if (!this.#endpoints.delete(id)) return;
    for (const other of this.#endpoints.keys()) this.#disconnect(id, other);
  }

  /** Nothing passes from `from` to `to` until healed; connections stay, silently, as with a lost route. */
  cut(from: MemberId, to: MemberId): void {
    this.#cut.add(key(from, to));
  }

  heal(): void {
    this.#cut.clear();
  }

  #connectSoon(one: MemberId, other: MemberId): void {
    this.#time.after(this.#delay(), () => {
      const a = this.#endpoints.get(one);
      const b = this.#endpoints.get(other);
      if (a === undefined || b === undefined || this.#link(one, other).isUp) return;
      if (this.#isCut(one, other) || this.#isCut(other, one)) {
        this.#time.after(50, () => this.#connectSoon(one, other));
        return;
      }
      for (const link of [this.#link(one, other), this.#link(other, one)]) {
        link.isUp = true;
        link.connection++;
      }
      a.clock.deliver(() => a.events.onConnect(other));
      b.clock.deliver(() => b.events.onConnect(one));
    });
  }

  #disconnect(one: MemberId, other: MemberId): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const link = this.#link(from, to);
      if (!link.isUp) continue;
      link.isUp = false;
      const endpoint = this.#endpoints.get(to);
      this.#time.after(0, () => endpoint?.clock.deliver(() => endpoint.events.onDisconnect(from)));
    }
    this.#connectSoon(one, other);
  }

  #send(from: MemberId, to: MemberId, frame: Uint8Array): void {
    const link = this.#link(from, to);
    if (!link.isUp) return;
    this.framesSent++;
    if (this.#random.chance(this.options.breakProbability)) {
      this.framesLost++;
      this.#time.after(0, () => this.#disconnect(from, to));
      return;
    }
    const { connection } = link;
    const arrival = Math.max(link.lastArrival, this.#time.now + this.#delay());
    link.lastArrival = arrival;
    const copy = frame.slice(); // the sender's memory is not the receiver's
    this.#time.after(arrival - this.#time.now, () => {
      const endpoint = this.#endpoints.get(to);
      if (endpoint === undefined || link.connection !== connection || !link.isUp || this.#isCut(from, to)) {
        this.framesLost++;
        return;
      }
      endpoint.clock.deliver(() => endpoint.events.onFrame(from, copy));
    });
  }

  #delay(): number {
    const { delayMinMs, delayMaxMs } = this.options;
    return delayMinMs + ((delayMaxMs - delayMinMs) * this.#random.below(1000)) / 1000;
  }

  #isCut(from: MemberId, to: MemberId): boolean {
    return this.#cut.has(key(from, to));
  }

  #link(from: MemberId, to: MemberId): Link {
    let link = this.#links.get(key(from, to));
    if (link === undefined) {
      link = { isUp: false, connection: 0, lastArrival: 0 };
      this.#links.set(key(from, to), link);
    }
    return link;
  }
}

function key(from: MemberId, to: MemberId): string {
  return `${from}>${to}`;
}
