// Connections between clients and members. Bytes arrive in order, after a delay, in pieces of any size. A lost route drops them
// silently; the end of a process closes the connection. A member's writes are accepted whole, one byte at a time, or not at
// all.

import type { Random } from "../../base/random.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import type { ConnectionPort } from "../../transport/connection.ts";
import type { ServerConnection } from "./door.ts";
import type { SimulatedMember } from "./member.ts";
import { Routes } from "./routes.ts";
import { SendBuffer, type SendManner } from "./send-buffer.ts";
import type { VirtualTime } from "./time.ts";

export interface ConnectionOptions {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Probability that what a client sends comes in two pieces. */
  readonly splitProbability: number;
  /** How much of what a member writes is taken at once, drawn anew for each connection; "everything" unless given. */
  readonly sendManners?: readonly SendManner[];
}

/** The events of a connection, for its client. */
export interface ClientEnd {
  onBytes(bytes: Uint8Array): void;
  onClosed(): void;
}

export class ClientNetwork {
  readonly time: VirtualTime;
  readonly random: Random;
  options: ConnectionOptions;
  /** Routes from clients to members; replies take the same route back. */
  readonly #routes = new Routes();
  readonly #connections = new Set<ClientConnection>();
  readonly #paces = new Map<number, readonly [from: number, to: number]>();
  #ports = 1024;

  constructor(time: VirtualTime, random: Random, options: ConnectionOptions) {
    this.time = time;
    this.random = random;
    this.options = options;
  }

  /** Connects to a door of a member. Null if nobody listens. A lost route drops what is sent. */
  dial(client: number, member: SimulatedMember, door: string, end: ClientEnd): ClientConnection | null {
    const server = member.doors.get(door);
    if (server === undefined || this.isCut(client, member.id)) return null;
    const { sendManners = EVERYTHING } = this.options;
    const manner = sendManners.length === 1 ? sendManners[0]! : sendManners[this.random.below(sendManners.length)]!;
    const connection = new ClientConnection(this, client, member, end, manner);
    this.#connections.add(connection);
    const port = ++this.#ports;
    member.clock.deliver(() => {
      const peer = { address: `10.0.0.${client}`, port, secure: false, certificate: null };
      connection.serverSide = server.accept(connection, peer);
      if (connection.serverSide === null) connection.destroy();
    });
    return connection;
  }

  cut(client: number, member: MemberId): void {
    this.#routes.cut(client, member);
  }

  /** Restores the route. */
  join(client: number, member: MemberId): void {
    this.#routes.restore(client, member);
  }

  heal(): void {
    this.#routes.restoreAll();
  }

  isCut(client: number, member: MemberId): boolean {
    return this.#routes.isCut(client, member);
  }

  /** A process has ended: its connections close. After a loss of power they fall silent instead. */
  onGone(member: SimulatedMember, silently: boolean): void {
    for (const connection of this.#connections) {
      if (connection.member === member) connection.onProcessGone(silently);
    }
  }

  /** Connections on which the same reply has been due since the last check, although it could be sent. */
  findStuck(): readonly string[] {
    const stuck: string[] = [];
    for (const connection of this.#connections) if (connection.isStuck()) stuck.push(connection.name);
    return stuck;
  }

  forget(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  /** Sets the delays of one client's connections apart from the others'. */
  pace(client: number, delayMs: readonly [from: number, to: number]): void {
    this.#paces.set(client, delayMs);
  }

  delay(client: number): number {
    const [delayMinMs, delayMaxMs] = this.#paces.get(client) ?? [this.options.delayMinMs, this.options.delayMaxMs];
    return delayMinMs + ((delayMaxMs - delayMinMs) * this.random.below(1000)) / 1000;
  }
}

const EVERYTHING: readonly SendManner[] = ["everything"];

export class ClientConnection implements ConnectionPort {
  readonly member: SimulatedMember;
  serverSide: ServerConnection | null = null;
  readonly #sendBuffer: SendBuffer;
  readonly #network: ClientNetwork;
  readonly #client: number;
  readonly #end: ClientEnd;
  /** The process that it was opened to. */
  readonly #clock: SimulatedMember["clock"];
  #lastToClient = 0;
  #lastToMember = 0;
  #isPaused = false;
  #held: Uint8Array[] = [];
  #isClosedForClient = false;
  #isClosedForMember = false;
  /** How many packets had been sent when a reply was last seen due. */
  #dueSince = -1;

  constructor(network: ClientNetwork, client: number, member: SimulatedMember, end: ClientEnd, manner: SendManner) {
    this.#network = network;
    this.#client = client;
    this.member = member;
    this.#end = end;
    this.#clock = member.clock;
    this.#sendBuffer = new SendBuffer(manner, {
      random: network.random,
      after: (task) => network.time.after(network.delay(client), task),
      onLeft: (bytes) => this.#toClient(bytes),
      onEmpty: () => this.#clock.deliver(() => this.#isClosedForMember || this.serverSide?.onDrain()),
    });
  }

  get name(): string {
    return `client ${this.#client} at member ${this.member.id}`;
  }

  /** Whether the same reply has been due since the last call. */
  isStuck(): boolean {
    const { serverSide } = this;
    if (this.#clock.isStopped || this.#clock.isPaused || serverSide?.owesReply !== true) {
      this.#dueSince = -1;
      return false;
    }
    const wasDue = this.#dueSince === serverSide.traffic.packetsSent;
    this.#dueSince = serverSide.traffic.packetsSent;
    return wasDue;
  }

  // -------------------------------------------------------------------------------------------------- as the client's

  send(bytes: Uint8Array): void {
    const { random, options } = this.#network;
    if (bytes.length > 1 && random.chance(options.splitProbability)) {
      const at = 1 + random.below(bytes.length - 1);
      this.#toMember(bytes.subarray(0, at));
      this.#toMember(bytes.subarray(at));
    } else {
      this.#toMember(bytes);
    }
  }

  /** Closes the connection from the client's side. */
  close(): void {
    if (this.#isClosedForClient) return;
    this.#isClosedForClient = true;
    this.#network.forget(this);
    if (this.#isCut) return;
    this.#network.time.after(this.#network.delay(this.#client), () =>
      this.#clock.deliver(() => this.#closeForMember()),
    );
  }

  get #isCut(): boolean {
    return this.#network.isCut(this.#client, this.member.id);
  }

  #toMember(bytes: Uint8Array): void {
    const { time } = this.#network;
    const copy = bytes.slice();
    this.#lastToMember = Math.max(this.#lastToMember, time.now + this.#network.delay(this.#client));
    time.after(this.#lastToMember - time.now, () => {
      if (this.#isCut) return this.#lose();
      this.#clock.deliver(() => this.#arrive(copy));
    });
  }

  /** After the first loss on a route nothing arrives any more, so the connection is dead. */
  #lose(): void {
    this.#isClosedForMember = true;
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#isClosedForMember) return;
    if (this.#isPaused || this.#held.length > 0) this.#held.push(bytes);
    else this.serverSide?.onChunk(bytes);
  }

  #closeForMember(): void {
    if (this.#isClosedForMember) return;
    this.#isClosedForMember = true;
    this.serverSide?.onClosed();
  }

  onProcessGone(silently: boolean): void {
    this.#isClosedForMember = true;
    if (!silently) this.#closeForClient();
  }

  // ------------------------------------------------------------------------------------------------- as the server's

  get unsentBytes(): number {
    return this.#sendBuffer.bytes;
  }

  write(bytes: Uint8Array): boolean {
    return this.#sendBuffer.write(bytes);
  }

  #toClient(bytes: Uint8Array): void {
    const { time } = this.#network;
    this.#lastToClient = Math.max(this.#lastToClient, time.now + this.#network.delay(this.#client));
    time.after(this.#lastToClient - time.now, () => {
      if (this.#isClosedForClient) return;
      if (this.#isCut) this.#isClosedForClient = true;
      else this.#end.onBytes(bytes);
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#clock.defer(() => this.#giveHeld());
  }

  #giveHeld(): void {
    while (!this.#isPaused && !this.#isClosedForMember) {
      const bytes = this.#held.shift();
      if (bytes === undefined) return;
      this.serverSide?.onChunk(bytes);
    }
  }

  end(): void {
    this.#sendBuffer.whenEmpty(() => this.#closeForClient());
    this.#clock.defer(() => this.#closeForMember());
  }

  destroy(): void {
    this.#sendBuffer.discard();
    this.#closeForClient();
    this.#clock.defer(() => this.#closeForMember());
  }

  /** Behind everything that was written. */
  #closeForClient(): void {
    const { time } = this.#network;
    this.#lastToClient = Math.max(this.#lastToClient, time.now + this.#network.delay(this.#client));
    time.after(this.#lastToClient - time.now, () => {
      this.#network.forget(this);
      if (this.#isClosedForClient || this.#isCut) return;
      this.#isClosedForClient = true;
      this.#end.onClosed();
    });
  }
}
