// A stage for the client alone: time that moves when told, and servers of memory that do what the script says. The client
// is the real one, whole; only the world behind its ports is made.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter } from "../../../../src/base/bytes.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  type ClientOptions,
  type ClientPorts,
  type ClientState,
  type Link,
  type LinkEvents,
  type Target,
  ZooKeeperClient,
} from "../../../../src/protocols/zookeeper/client/index.ts";
import { readBuffer, readString, writeBuffer, writeString } from "../../../../src/protocols/zookeeper/codec/jute.ts";
import { OPCODE } from "../../../../src/protocols/zookeeper/codec/opcodes.ts";
import { XID } from "../../../../src/protocols/zookeeper/codec/records.ts";

const MICROTASKS = 40; // more than the longest chain of awaits behind one settled promise

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < MICROTASKS; i++) await null;
}

/** Tasks in the order of their times; between two, every promise settles. */
class Clock {
  #now = 1000;
  readonly #tasks: { at: number; task: () => void }[] = [];
  /** Deferred tasks and timers that were not called off. */
  get pending(): number {
    return this.#tasks.length;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  defer(task: () => void): void {
    this.after(0, task);
  }

  after(milliseconds: number, task: () => void): () => void {
    const entry = { at: this.#now + Math.max(0, milliseconds), task };
    this.#tasks.push(entry);
    return () => {
      const at = this.#tasks.indexOf(entry);
      if (at !== -1) this.#tasks.splice(at, 1);
    };
  }

  async run(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    await settle();
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 100_000, "the loop spins");
      const next = this.#first();
      if (next === undefined || next.at > until) break;
      this.#tasks.splice(this.#tasks.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.task();
      await settle();
    }
    this.#now = until;
  }

  /** In their order: the array keeps the order in which they were made. */
  #first(): { at: number; task: () => void } | undefined {
    let first = this.#tasks[0];
    for (const task of this.#tasks) if (task.at < first!.at) first = task;
    return first;
  }

  /** The process was kept from running: time went by, and nothing happened. */
  block(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

const READS: ReadonlySet<number> = new Set([OPCODE.exists, OPCODE.getData, OPCODE.getChildren]);

interface KnownSession {
  readonly password: Uint8Array;
  timeoutMs: number;
}

/** A request as a server reads it. */
export interface Asked {
  readonly xid: number;
  readonly opcode: number;
  readonly path: string | null;
  readonly body: ByteReader;
}

/** What a server makes of connections. `silent`: nothing comes back. `deaf`: dialling never ends. */
export type Behaviour = "serve" | "silent" | "refuse" | "deaf" | "hang-up";

/** One client's connection to one of the servers, from the servers' side. */
export class Peer {
  readonly server: Server;
  readonly events: LinkEvents;
  readonly asked: Asked[] = [];
  sessionId = 0n;
  isOpen = true;
  /** The client has cut it. */
  isCut = false;
  handshake: { readonly lastZxidSeen: bigint; readonly sessionId: bigint; readonly timeoutMs: number } | null = null;
  /** Answers are kept until `release`. */
  isHeld = false;
  #held: Uint8Array[] = [];
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(server: Server, events: LinkEvents) {
    this.server = server;
    this.events = events;
  }

  onBytes(bytes: Uint8Array): void {
    if (!this.isOpen || this.server.behaviour === "silent") return;
    this.#bytes = new Uint8Array(Buffer.concat([this.#bytes, bytes]));
    if (Buffer.from(this.#bytes).toString("latin1") === "isro") {
      this.#held.push(Buffer.from(this.server.isReadOnly ? "ro" : "rw"));
      this.release();
      return;
    }
    while (this.#bytes.length >= 4) {
      const length = new ByteReader(this.#bytes).int32();
      if (this.#bytes.length < 4 + length) return;
      const frame = this.#bytes.slice(4, 4 + length);
      this.#bytes = this.#bytes.slice(4 + length);
      this.#onFrame(new ByteReader(frame));
    }
  }

  #onFrame(reader: ByteReader): void {
    if (this.handshake === null) {
      reader.int32();
      const lastZxidSeen = reader.bigint64();
      const timeoutMs = reader.int32();
      const sessionId = reader.bigint64();
      this.handshake = { lastZxidSeen, timeoutMs, sessionId };
      this.server.onHandshake(this, readBuffer(reader) ?? new Uint8Array(0));
      return;
    }
    const [xid, opcode] = [reader.int32(), reader.int32()];
    const body = new ByteReader(reader.bytes, reader.offset);
    const hasPath = opcode > 0 && opcode < 20 && opcode !== OPCODE.ping && opcode !== OPCODE.multi;
    const asked = { xid, opcode, path: hasPath ? readString(reader) : null, body };
    this.asked.push(asked);
    if (this.server.isCutOff && !READS.has(opcode)) return;
    if (!this.server.isCutOff) this.server.world.touch(this.sessionId);
    this.server.world.onRequest(this, asked);
  }

  /** The numbers of what was asked, pings left out. */
  get opcodes(): number[] {
    return this.asked.map(({ opcode }) => opcode).filter((opcode) => opcode !== OPCODE.ping);
  }

  reply(xid: number, error = 0, write: (writer: ByteWriter) => void = () => {}, zxid?: bigint): void {
    this.send((writer) => {
      writer.int32(xid);
      writer.bigint64(zxid ?? this.server.world.zxid);
      writer.int32(error);
      if (error === 0) write(writer);
    });
  }

  event(type: number, path: string, zxid = -1n): void {
    this.send((writer) => {
      writer.int32(XID.notification);
      writer.bigint64(zxid);
      writer.int32(0);
      writer.int32(type);
      writer.int32(3);
      writeString(writer, path);
    });
  }

  send(write: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter();
    writer.int32(0);
    write(writer);
    writer.setInt32(0, writer.length - 4);
    this.#held.push(writer.copy());
    if (!this.isHeld) this.release();
  }

  /** Everything that is held arrives as one chunk. */
  release(): void {
    this.isHeld = false;
    const chunk = new Uint8Array(Buffer.concat(this.#held.splice(0)));
    const { clock } = this.server.world;
    clock.after(this.server.world.delayMs, () => {
      if (!this.isCut && this.server.behaviour !== "silent") this.events.onData(chunk);
    });
  }

  hangUp(error: Error | null = null): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { clock, delayMs } = this.server.world;
    clock.after(delayMs, () => {
      if (!this.isCut) this.events.onClose(error);
    });
  }
}

export class Server {
  readonly world: World;
  readonly host: string;
  behaviour: Behaviour = "serve";
  /** It has no quorum. */
  isReadOnly = false;
  /** Its leader hears nothing of it: reads are answered, and nobody's session is prolonged. */
  isCutOff = false;
  readonly peers: Peer[] = [];
  dials = 0;

  constructor(world: World, host: string) {
    this.world = world;
    this.host = host;
  }

  /** The connection that is open, or was last. */
  get peer(): Peer {
    const peer = this.peers.at(-1);
    assert.ok(peer !== undefined, `nobody has called ${this.host}`);
    return peer;
  }

  onHandshake(peer: Peer, password: Uint8Array): void {
    const { sessions } = this.world;
    const { sessionId, timeoutMs } = peer.handshake!;
    if (this.isCutOff) return; // it is a write
    if (this.behaviour === "hang-up") {
      peer.hangUp();
      return;
    }
    if (sessionId === 0n) peer.sessionId = this.world.newSession(timeoutMs);
    else if (Buffer.compare(sessions.get(sessionId)?.password ?? new Uint8Array(0), password) === 0) {
      peer.sessionId = sessionId;
      for (const other of this.world.peers) if (other !== peer && other.sessionId === sessionId) other.hangUp();
    }
    const session = sessions.get(peer.sessionId);
    this.world.touch(peer.sessionId);
    peer.send((writer) => {
      writer.int32(0);
      writer.int32(session?.timeoutMs ?? 0);
      writer.bigint64(peer.sessionId);
      writeBuffer(writer, session?.password ?? new Uint8Array(16));
      writer.boolean(this.isReadOnly);
    });
    if (session === undefined) peer.hangUp();
  }

  /** Dies: its connections are cut, and calls refused. */
  die(): void {
    this.behaviour = "refuse";
    for (const peer of this.peers) peer.hangUp(new Error("read ECONNRESET"));
  }
}

/** Servers a, b and c that share their sessions, and answer as well as these tests need. */
export class World {
  readonly clock = new Clock();
  readonly servers: readonly Server[];
  readonly sessions = new Map<bigint, KnownSession>();
  readonly clients: ZooKeeperClient[] = [];
  readonly logged: string[] = [];
  zxid = 10n;
  delayMs = 1;
  /** The addresses of a name; a name that is missing here leads nowhere. */
  readonly names = new Map<string, readonly string[]>();
  resolutions = 0;
  /** As names that are addresses are. */
  isResolvedAtOnce = false;
  isNameServiceDeaf = false;
  /** Links that were made and neither closed nor destroyed. */
  links = 0;
  #nextSession = 0x7f00_0000_0000_0001n;
  #onExpiry: ((id: bigint) => void) | null = null;
  readonly #expiries = new Map<bigint, () => void>();
  #scripts: ((peer: Peer, asked: Asked) => boolean)[] = [];

  constructor(hosts: readonly string[] = ["a", "b", "c"]) {
    this.servers = hosts.map((host) => new Server(this, host));
    for (const host of hosts) this.names.set(host, [host]);
  }

  get peers(): Peer[] {
    return this.servers.flatMap(({ peers }) => peers);
  }

  /** The server that has the client now. */
  get serving(): Server {
    const found = this.servers.filter(({ peers }) => peers.some(({ isOpen, sessionId }) => isOpen && sessionId !== 0n));
    assert.equal(found.length, 1, "one server has the client");
    return found[0]!;
  }

  server(host: string): Server {
    return this.servers.find((server) => server.host === host)!;
  }

  /** From now on the servers expire whom they have not heard for its timeout, to the millisecond; `onExpiry` is told first. */
  expireSilent(onExpiry: (id: bigint) => void): void {
    this.#onExpiry = onExpiry;
  }

  /** An operator ends every session. */
  endSessions(): void {
    for (const callOff of this.#expiries.values()) callOff();
    this.sessions.clear();
    for (const peer of this.peers) if (peer.sessionId !== 0n) peer.hangUp();
  }

  touch(id: bigint): void {
    const session = this.sessions.get(id);
    if (session === undefined || this.#onExpiry === null) return;
    this.#expiries.get(id)?.();
    const expire = () => {
      this.#onExpiry?.(id);
      this.sessions.delete(id);
      for (const peer of this.peers) if (peer.sessionId === id) peer.hangUp();
    };
    this.#expiries.set(id, this.clock.after(session.timeoutMs, expire));
  }

  newSession(timeoutMs: number): bigint {
    const id = this.#nextSession++;
    this.sessions.set(id, { password: new Uint8Array(16).fill(Number(id & 0xffn)), timeoutMs });
    return id;
  }

  /** Asked before the servers' own answer: says whether it has seen to the request. */
  script(play: (peer: Peer, asked: Asked) => boolean): void {
    this.#scripts.unshift(play);
  }

  onRequest(peer: Peer, asked: Asked): void {
    if (this.#scripts.some((play) => play(peer, asked))) return;
    const { xid, opcode, path } = asked;
    const answer = this.#answerOf(peer, opcode, path);
    peer.reply(xid, 0, answer);
  }

  #answerOf(peer: Peer, opcode: number, path: string | null): (writer: ByteWriter) => void {
    switch (opcode) {
      case OPCODE.create:
        this.zxid += 1n;
        return (writer) => writeString(writer, path);
      case OPCODE.exists:
      case OPCODE.setData:
        return writeStat;
      case OPCODE.getData:
        return (writer) => {
          writeBuffer(writer, new Uint8Array([1, 2, 3]));
          writeStat(writer);
        };
      case OPCODE.getChildren:
        return (writer) => writer.int32(0);
      case OPCODE.closeSession:
        this.sessions.delete(peer.sessionId);
        return () => {};
      default:
        return () => {};
    }
  }

  get ports(): ClientPorts {
    return {
      transport: {
        resolve: (host, done) => {
          this.resolutions += 1;
          if (this.isNameServiceDeaf) return () => {};
          const addresses = this.names.get(host);
          const answer = () =>
            addresses === undefined ? done(new Error(`getaddrinfo ENOTFOUND ${host}`), []) : done(null, addresses);
          if (!this.isResolvedAtOnce) return this.clock.after(0, answer);
          answer();
          return () => {};
        },
        dial: (target, events) => this.#dial(target, events),
      },
      clock: this.clock,
      random: seededRandom(7),
      hashes: {
        md5: (bytes) => createHash("md5").update(bytes).digest(),
        randomBytes: (count) => new Uint8Array(count).fill(7),
      },
    };
  }

  #dial(target: Target, events: LinkEvents): Link {
    const server = this.server(target.address);
    const peer = new Peer(server, events);
    server.dials += 1;
    this.links += 1;
    let isGone = false;
    const gone = () => {
      if (!isGone) this.links -= 1;
      isGone = true;
    };
    if (server.behaviour === "refuse") {
      peer.isOpen = false;
      this.clock.after(this.delayMs, () => {
        if (isGone) return;
        gone();
        events.onClose(new Error(`connect ECONNREFUSED ${target.address}:${target.port}`));
      });
    } else {
      server.peers.push(peer);
      this.clock.after(this.delayMs, () => {
        if (peer.isOpen && server.behaviour !== "deaf") events.onOpen();
      });
    }
    return {
      write: (bytes) => {
        const copy = bytes.slice();
        if (peer.isCut) return;
        this.clock.after(this.delayMs, () => peer.onBytes(copy));
      },
      destroy: (done = () => {}) => {
        peer.isOpen = false;
        peer.isCut = true;
        gone();
        this.clock.after(0, done);
      },
    };
  }

  client(options: ClientOptions = {}, servers = this.servers.map(({ host }) => host).join(",")): ZooKeeperClient {
    const say = (line: string) => void this.logged.push(line);
    const logger = { info: say, warn: say, error: say };
    const client = new ZooKeeperClient(
      servers,
      { sessionTimeoutMs: 9000, clockRateMargin: 0, logger, ...options },
      this.ports,
    );
    this.clients.push(client);
    return client;
  }

  /** A client that is connected. */
  async connected(options: ClientOptions = {}, servers?: string): Promise<ZooKeeperClient> {
    const client = this.client(options, servers);
    await this.clock.run(10);
    assert.equal(client.state.kind, "connected");
    return client;
  }

  /** Closes every client, and finds nothing left of any. */
  async end(): Promise<void> {
    for (const callOff of this.#expiries.values()) callOff();
    this.#onExpiry = null;
    const closing = Promise.all(this.clients.map((client) => client.close()));
    await this.clock.run(10_000);
    await closing;
    assert.equal(this.links, 0, "links are left");
    await this.clock.run(0);
    assert.equal(this.clock.pending, 0, "timers are left");
  }
}

function writeStat(writer: ByteWriter): void {
  const at = writer.reserve(68);
  writer.bytes.fill(0, at, at + 68);
}

/** Promises that someone awaits later: that one of them fails before is no accident. */
export function outcomeOf<T>(promise: Promise<T>): {
  value: T | undefined;
  error: Error | undefined;
  isSettled: boolean;
} {
  const outcome: { value: T | undefined; error: Error | undefined; isSettled: boolean } = {
    value: undefined,
    error: undefined,
    isSettled: false,
  };
  promise.then(
    (value) => Object.assign(outcome, { value, isSettled: true }),
    (error: Error) => Object.assign(outcome, { error, isSettled: true }),
  );
  return outcome;
}

/** The story of a client's states, with why. */
export function storyOf(client: ZooKeeperClient): string[] {
  const story: string[] = [];
  client.onState((state: ClientState) => {
    if (state.kind === "unsure") story.push(`unsure: ${state.why}`);
    else if (state.kind === "lost") story.push(`lost: ${state.reason.lossCause}`);
    else story.push(state.kind);
  });
  return story;
}
