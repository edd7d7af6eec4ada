// A network that loses, delays, duplicates, reorders, blocks and partitions frames, as the seed decides. Frames between two
// connected machines keep their order, as on TCP, unless the network is unruly. When a connection breaks, the frames in flight
// are lost.

import { WIRE_VERSION, WIRE_VERSION_OLDEST } from "../../adapters/peers/hello.ts";
import { assert } from "../../base/assert.ts";
import type { Random } from "../../base/random.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import type { PeerEvents, Peers } from "../../replica/ports.ts";
import { Routes, routeOf } from "./routes.ts";
import type { VirtualClock, VirtualTime } from "./time.ts";

export interface NetworkOptions {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** The probability that a frame is delayed by up to `spikeMs`. */
  readonly spikeProbability: number;
  readonly spikeMs: number;
  /** Probability that a frame breaks the connection that it travels on. */
  readonly breakProbability: number;
  /** The probabilities that a frame is silently lost, doubled, or overtakes others, which TCP never does. */
  readonly lossProbability: number;
  readonly duplicateProbability: number;
  readonly reorderProbability: number;
}

export const QUIET_NETWORK: NetworkOptions = {
  delayMinMs: 0.1,
  delayMaxMs: 1,
  spikeProbability: 0,
  spikeMs: 0,
  breakProbability: 0,
  lossProbability: 0,
  duplicateProbability: 0,
  reorderProbability: 0,
};

interface Endpoint {
  readonly events: PeerEvents;
  readonly clock: VirtualClock;
  /** The members that it wants to be connected to; null until it has told them. */
  wanted: ReadonlySet<MemberId> | null;
  /** Its ensemble's number; 0: not known yet. */
  cluster: number;
}

/** One direction between two machines. */
interface Link {
  isUp: boolean;
  /** The number of the present connection. Frames of an earlier connection never arrive. */
  connection: number;
  lastArrival: number;
  /** Nothing arrives before this moment; until then frames stay with their sender. */
  cloggedUntil: number;
  /** How many bytes it carries in a millisecond. */
  bytesPerMs: number;
  /** The bytes of the frames in flight on the connection. */
  bytesUnderWay: number;
}

const REDIAL_MS = 50;
const BACKLOG_MS = 1000;
/** The silence after which a connection counts as broken. */
const SILENCE_MS = 5000;

export class VirtualNetwork {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #endpoints = new Map<MemberId, Endpoint>();
  readonly #links = new Map<number, Link>();
  readonly #routes = new Routes();
  readonly #dialing = new Set<number>();
  options: NetworkOptions;
  framesSent = 0;
  framesLost = 0;
  /** Hears of every frame that arrives. */
  onArrival: (from: MemberId, to: MemberId, bytes: number) => void = () => {};
  /** The newest wire version that the program of each member speaks. */
  readonly versions = new Map<MemberId, number>();
  /** The oldest wire version that each member still speaks, as its latest process asked for. */
  readonly required = new Map<MemberId, number>();
  /** A member closed the connection to another for breaking a rule, which correct members never do. */
  onHangUp: (by: MemberId, on: MemberId, why: string) => void = (by, on, why) => {
    throw new Error(`member ${by} hung up on member ${on}: ${why}`);
  };

  constructor(time: VirtualTime, random: Random, options: NetworkOptions) {
    this.#time = time;
    this.#random = random;
    this.options = options;
  }

  /** A process listens. Others connect to it from now on, and it connects to those that it names. */
  attach(id: MemberId, events: PeerEvents, clock: VirtualClock): Peers {
    const endpoint: Endpoint = { events, clock, wanted: null, cluster: 0 };
    this.#endpoints.set(id, endpoint);
    this.required.set(id, WIRE_VERSION_OLDEST);
    // A connection of the machine's last process, which ended silently. A sender on it now hears that it is closed.
    for (const other of this.#endpoints.keys())
      if (other !== id && this.#link(id, other).isUp) this.#disconnect(id, other);
    for (const [other, { wanted }] of this.#endpoints) if (wanted?.has(id)) this.#connectSoon(id, other); // it is called
    return {
      send: (to, frame) => {
        if (this.#endpoints.get(id) === endpoint) this.#send(id, to, frame);
      },
      reconcile: (cluster, members) => {
        endpoint.cluster = cluster;
        if (this.#endpoints.get(id) === endpoint) this.#reconcile(id, endpoint, members);
      },
      isConnected: (to) => this.#link(id, to).isUp,
      versionOf: (member) => (member === id || this.#link(id, member).isUp ? this.#versionOf(member) : null),
      requireVersion: (oldest) => {
        assert(oldest <= WIRE_VERSION, "a wire version that no member of this program speaks");
        this.required.set(id, oldest);
        for (const other of this.#endpoints.keys()) {
          if (this.#versionOf(other) < oldest && this.#link(id, other).isUp) this.#disconnect(id, other);
        }
      },
      unsentBytes: (to) => this.#unsentBytes(id, to),
      mayFollow: () => true,
      hangUp: (on, why) => {
        this.onHangUp(id, on, why);
        if (this.#link(id, on).isUp) this.#disconnect(id, on);
      },
      close: async () => {
        if (this.#endpoints.get(id) === endpoint) this.detach(id);
      },
    };
  }

  /** A process has ended: its connections close at once, or silently after a loss of power. */
  detach(id: MemberId, silently = false): void {
    if (!this.#endpoints.delete(id)) return;
    for (const other of this.#endpoints.keys()) {
      if (silently) this.#time.after(SILENCE_MS, () => this.#dropDead(id, other));
      else this.#disconnect(id, other);
    }
  }

  /** Cuts the route from `from` to `to` until it is healed. The connection stays until its silence is noticed. */
  cut(from: MemberId, to: MemberId): void {
    this.#routes.cut(from, to);
    this.#time.after(SILENCE_MS, () => {
      if (this.isCut(from, to) && this.#link(from, to).isUp) this.#disconnect(from, to);
    });
  }

  /** Restores the route between them in both directions. */
  join(one: MemberId, other: MemberId): void {
    this.#routes.restore(one, other);
    this.#routes.restore(other, one);
  }

  /** Delays everything from `from` to `to` for this time; then it arrives. */
  clog(from: MemberId, to: MemberId, milliseconds: number): void {
    this.#link(from, to).cloggedUntil = this.#time.now + milliseconds;
  }

  /** Limits the link from `from` to `to` to so many bytes a millisecond, one frame after the other. */
  slow(from: MemberId, to: MemberId, bytesPerMs: number): void {
    this.#link(from, to).bytesPerMs = bytesPerMs;
  }

  /** Breaks the connection between them; both hear of it. */
  reset(one: MemberId, other: MemberId): void {
    this.#disconnect(one, other);
  }

  /** Breaks the connections of slow links, because what is in them would take too long to arrive. */
  heal(): void {
    this.#routes.restoreAll();
    for (const [pair, link] of this.#links) {
      const wasSlow = link.bytesPerMs !== Number.POSITIVE_INFINITY;
      link.cloggedUntil = 0;
      link.bytesPerMs = Number.POSITIVE_INFINITY;
      if (wasSlow && link.lastArrival > this.#time.now + BACKLOG_MS) {
        link.lastArrival = 0;
        this.#disconnect(pair >> 8, pair & 255);
      }
    }
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#routes.isCut(from, to);
  }

  #reconcile(id: MemberId, endpoint: Endpoint, members: readonly { readonly id: MemberId }[]): void {
    endpoint.wanted = new Set(members.map((member) => member.id));
    for (const other of this.#endpoints.keys()) {
      if (other !== id && !this.#areStrangers(id, other)) this.#connectSoon(id, other);
    }
  }

  /** Whether neither wants to be connected to the other. */
  #areStrangers(one: MemberId, other: MemberId): boolean {
    const a = this.#endpoints.get(one)?.wanted;
    const b = this.#endpoints.get(other)?.wanted;
    return a?.has(other) !== true && b?.has(one) !== true;
  }

  #connectSoon(one: MemberId, other: MemberId): void {
    const pair = routeOf(Math.min(one, other), Math.max(one, other));
    if (this.#dialing.has(pair) || this.#link(one, other).isUp) return;
    this.#dialing.add(pair);
    const dial = (): void => {
      const a = this.#endpoints.get(one);
      const b = this.#endpoints.get(other);
      if (a === undefined || b === undefined || this.#link(one, other).isUp || this.#areStrangers(one, other)) {
        this.#dialing.delete(pair);
        return;
      }
      const isCut = this.isCut(one, other) || this.isCut(other, one);
      if (isCut || a.clock.isPaused || b.clock.isPaused || areOfTwoEnsembles(a, b) || this.#isTooOld(one, other)) {
        this.#time.after(REDIAL_MS, dial);
        return;
      }
      this.#dialing.delete(pair);
      for (const link of [this.#link(one, other), this.#link(other, one)]) {
        link.isUp = true;
        link.connection++;
        link.bytesUnderWay = 0;
      }
      a.clock.deliver(() => a.events.onConnect(other));
      b.clock.deliver(() => b.events.onConnect(one));
    };
    this.#time.after(this.#delay(), dial);
  }

  #disconnect(one: MemberId, other: MemberId): void {
    if (this.#link(one, other).isUp) {
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        this.#link(from, to).isUp = false;
        const endpoint = this.#endpoints.get(to);
        this.#time.after(0, () => endpoint?.clock.deliver(() => endpoint.events.onDisconnect(from)));
      }
    }
    this.#connectSoon(one, other);
  }

  #versionOf(id: MemberId): number {
    return this.versions.get(id) ?? WIRE_VERSION;
  }

  /** Whether they have no common version. Then the connection is refused, and tried again. */
  #isTooOld(one: MemberId, other: MemberId): boolean {
    const refuses = (by: MemberId, caller: MemberId): boolean => this.#versionOf(caller) < (this.required.get(by) ?? 0);
    return refuses(one, other) || refuses(other, one);
  }

  /** Notices the silence of a machine without power, in the end. */
  #dropDead(dead: MemberId, other: MemberId): void {
    const link = this.#link(dead, other);
    if (!this.#endpoints.has(dead) && link.isUp) this.#disconnect(dead, other);
  }

  #send(from: MemberId, to: MemberId, frame: Uint8Array): void {
    const link = this.#link(from, to);
    if (!link.isUp) return;
    this.framesSent++;
    const { options } = this;
    const random = this.#random;
    if (options.breakProbability > 0 && random.chance(options.breakProbability)) {
      this.framesLost++;
      this.#time.after(0, () => this.#disconnect(from, to));
      return;
    }
    if (options.lossProbability > 0 && random.chance(options.lossProbability)) {
      this.framesLost++;
      return;
    }
    const copy = frame.slice(); // the sender's memory is not the receiver's
    this.#deliver(from, to, link, copy);
    if (options.duplicateProbability > 0 && random.chance(options.duplicateProbability)) {
      this.#deliver(from, to, link, frame.slice());
    }
  }

  #deliver(from: MemberId, to: MemberId, link: Link, frame: Uint8Array): void {
    const { connection } = link;
    const { reorderProbability } = this.options;
    const passes = frame.length / link.bytesPerMs;
    const soonest = Math.max(link.cloggedUntil, this.#time.now + this.#delay()) + passes;
    const overtakes = reorderProbability > 0 && this.#random.chance(reorderProbability);
    const arrival = overtakes ? soonest : Math.max(link.lastArrival + passes, soonest);
    link.lastArrival = Math.max(link.lastArrival, arrival);
    link.bytesUnderWay += frame.length;
    this.#time.after(arrival - this.#time.now, () => {
      if (link.connection === connection) link.bytesUnderWay -= frame.length;
      const endpoint = this.#endpoints.get(to);
      if (endpoint === undefined || link.connection !== connection || !link.isUp || this.isCut(from, to)) {
        this.framesLost++;
        return;
      }
      this.onArrival(from, to, frame.length);
      endpoint.clock.deliver(() => endpoint.events.onFrame(from, frame));
    });
  }

  #delay(): number {
    const { delayMinMs, delayMaxMs, spikeProbability, spikeMs } = this.options;
    const usual = delayMinMs + ((delayMaxMs - delayMinMs) * this.#random.below(1000)) / 1000;
    const isSpike = spikeProbability > 0 && this.#random.chance(spikeProbability);
    return isSpike ? usual + (spikeMs * this.#random.below(1000)) / 1000 : usual;
  }

  /** Whether frames leave at once. On a blocked or slow link they stay with their sender. */
  #unsentBytes(from: MemberId, to: MemberId): number {
    const { isUp, cloggedUntil, bytesPerMs, bytesUnderWay } = this.#link(from, to);
    const isHeldUp = cloggedUntil > this.#time.now || bytesPerMs !== Number.POSITIVE_INFINITY;
    return isUp && isHeldUp ? bytesUnderWay : 0;
  }

  #link(from: MemberId, to: MemberId): Link {
    const number = routeOf(from, to);
    let link = this.#links.get(number);
    if (link === undefined) {
      link = {
        isUp: false,
        connection: 0,
        lastArrival: 0,
        cloggedUntil: 0,
        bytesPerMs: Number.POSITIVE_INFINITY,
        bytesUnderWay: 0,
      };
      this.#links.set(number, link);
    }
    return link;
  }
}

/** Whether they are of different ensembles. Then they refuse each other, and try again. */
function areOfTwoEnsembles(one: Endpoint, other: Endpoint): boolean {
  return one.cluster !== 0 && other.cluster !== 0 && one.cluster !== other.cluster;
}
