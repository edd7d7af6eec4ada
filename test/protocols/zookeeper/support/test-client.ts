// A client of the protocol whose port is in memory.

import assert from "node:assert/strict";
import { ByteReader, ByteWriter } from "../../../../src/base/bytes.ts";
import { bytesOf, toByteString } from "../../../../src/base/text.ts";
import {
  type ConnectReply,
  type ConnectRequest,
  readConnectReply,
  readReplyHeader,
  readWatchEvent,
  writeConnectRequest,
  XID,
} from "../../../../src/protocols/zookeeper/codec/records.ts";
import type { CertifiedPeer, Connection } from "../../../../src/protocols/zookeeper/connection.ts";
import type { Service } from "../../../../src/protocols/zookeeper/service.ts";
import type { ConnectionPort } from "../../../../src/transport/connection.ts";
import type { VirtualClock } from "./fake-member.ts";
import type { World } from "./world.ts";

class FakePort implements ConnectionPort {
  received: Uint8Array[] = [];
  isPaused = false;
  isEnded = false;
  isDestroyed = false;
  /** The client fetches nothing. */
  isStuck = false;
  /** How many bytes of a write are taken at once, where nothing waits already. */
  takesAtOnce = Number.POSITIVE_INFINITY;
  unsentBytes = 0;
  connection: Connection | null = null;

  write(bytes: Uint8Array): boolean {
    assert(!this.isEnded && !this.isDestroyed, "written after the end");
    this.received.push(bytes.slice());
    const taken = this.isStuck || this.unsentBytes > 0 ? 0 : Math.min(bytes.length, this.takesAtOnce);
    this.unsentBytes += bytes.length - taken;
    return taken === bytes.length;
  }

  /** So many of the bytes that wait leave; as with a socket, it is told when the last has. */
  leave(count: number): void {
    if (this.unsentBytes === 0) return;
    this.unsentBytes = Math.max(0, this.unsentBytes - count);
    if (this.unsentBytes === 0) this.connection!.onDrain();
  }

  drain(): void {
    this.unsentBytes = 0;
    this.isStuck = false;
    this.connection!.onDrain();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  get isClosed(): boolean {
    return this.isEnded || this.isDestroyed;
  }
}

export interface ReplyFrame {
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
  readonly body: ByteReader;
}

/** A client that writes what it is told and keeps what it gets. */
export class TestClient {
  readonly port = new FakePort();
  readonly connection: Connection;
  readonly clock: VirtualClock;
  sessionId = 0;
  password: Uint8Array = new Uint8Array(16);
  #bytes = new Uint8Array(0);
  #xid = 0;

  constructor(world: World, peer: Partial<CertifiedPeer>, service: Service = world.service) {
    this.clock = world.clock;
    const whole: CertifiedPeer = { address: "127.0.0.1", port: 5000, secure: false, certificateName: null, ...peer };
    this.connection = service.accept(this.port, whole);
    this.port.connection = this.connection;
  }

  /** Bytes as they are; nothing is run yet. */
  write(bytes: Uint8Array): void {
    this.connection.onChunk(bytes.slice());
  }

  connect(request: Partial<ConnectRequest> = {}): ConnectReply | null {
    const writer = new ByteWriter();
    writeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: 0,
      timeoutMs: 10_000,
      sessionId: 0,
      password: new Uint8Array(16),
      readOnly: false,
      ...request,
    });
    this.write(writer.copy());
    this.clock.turn();
    const frame = this.takeFrame();
    if (frame === null) return null;
    const reply = readConnectReply(frame);
    this.sessionId = reply.sessionId;
    this.password = reply.password!.slice();
    return reply;
  }

  /** Sends a request, lets nothing happen yet; returns its number. */
  send(opcode: number, encode: (writer: ByteWriter) => void = () => {}, xid = ++this.#xid): number {
    this.write(frameOf(xid, opcode, encode));
    return xid;
  }

  /** Sends, lets everything happen, and takes the next reply, which must be this request's. */
  call(opcode: number, encode: (writer: ByteWriter) => void = () => {}, xid?: number): ReplyFrame {
    const sent = this.send(opcode, encode, xid);
    this.clock.turn();
    const reply = this.takeReply();
    assert.equal(reply?.xid, sent);
    return reply!;
  }

  takeReply(): ReplyFrame | null {
    const body = this.takeFrame();
    if (body === null) return null;
    return { ...readReplyHeader(body), body };
  }

  takeReplies(): ReplyFrame[] {
    const replies: ReplyFrame[] = [];
    for (let reply = this.takeReply(); reply !== null; reply = this.takeReply()) replies.push(reply);
    return replies;
  }

  /** All that came, in words: `reply 3`, `reply 4 error -101`, `event 2 /a`. */
  takeStory(): string[] {
    return this.takeReplies().map(({ xid, error, body }) => {
      if (xid !== XID.notification) return error === 0 ? `reply ${xid}` : `reply ${xid} error ${error}`;
      const { type, path } = readWatchEvent(body);
      return `event ${type} ${path}`;
    });
  }

  takeFrame(): ByteReader | null {
    this.#gather();
    if (this.#bytes.length < 4) return null;
    const length = new ByteReader(this.#bytes).int32();
    assert(this.#bytes.length >= 4 + length, "half a frame was sent");
    const frame = new ByteReader(this.#bytes, 4, 4 + length);
    this.#bytes = this.#bytes.subarray(4 + length);
    return frame;
  }

  takeBytes(): Uint8Array {
    this.#gather();
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array(0);
    return bytes;
  }

  get isClosed(): boolean {
    return this.port.isClosed;
  }

  #gather(): void {
    this.clock.turn();
    this.#bytes = new Uint8Array(Buffer.concat([this.#bytes, ...this.port.received]));
    this.port.received = [];
  }
}

export function frameOf(xid: number, opcode: number, encode: (writer: ByteWriter) => void = () => {}): Uint8Array {
  const writer = new ByteWriter();
  writer.int32(0);
  writer.int32(xid);
  writer.int32(opcode);
  encode(writer);
  writer.setInt32(0, writer.length - 4);
  return writer.copy();
}

export const text = (value: string): Uint8Array => bytesOf(toByteString(value));
