// A world for the client under test: virtual time, and servers in memory.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ByteWriter } from "../../../../src/base/bytes.ts";
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
import { writeBuffer, writeString } from "../../../../src/protocols/zookeeper/codec/jute.ts";
import { OPCODE } from "../../../../src/protocols/zookeeper/codec/opcodes.ts";
import { Clock } from "./virtual-clock.ts";
import { type Asked, type KnownSession, Peer, Server, writeStat } from "./virtual-servers.ts";

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
