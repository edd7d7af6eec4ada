// Servers of the protocol in memory, which answer, keep silent, refuse or hang up as the test says.

import assert from "node:assert/strict";
import { ByteReader, ByteWriter } from "../../../../src/base/bytes.ts";
import type { LinkEvents } from "../../../../src/protocols/zookeeper/client/index.ts";
import { readBuffer, readString, writeBuffer, writeString } from "../../../../src/protocols/zookeeper/codec/jute.ts";
import { OPCODE } from "../../../../src/protocols/zookeeper/codec/opcodes.ts";
import { XID } from "../../../../src/protocols/zookeeper/codec/records.ts";
import type { World } from "./stage.ts";

const READS: ReadonlySet<number> = new Set([OPCODE.exists, OPCODE.getData, OPCODE.getChildren]);

export interface KnownSession {
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

export function writeStat(writer: ByteWriter): void {
  const at = writer.reserve(68);
  writer.bytes.fill(0, at, at + 68);
}
