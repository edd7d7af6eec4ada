// Frames of ZooKeeper's protocol, read and written for tests by code of their own.

import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import { fromByteString, toByteString } from "../../src/base/text.ts";
import type { ConnectOptions, Session, Stat } from "./zookeeper-client.ts";

/** Cuts a stream into frames. */
export class Frames {
  #kept: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    while (this.pushOne(chunk, onFrame)) chunk = new Uint8Array(0);
  }

  /** Takes in a chunk and hands on at most one frame; says whether there was one. */
  pushOne(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): boolean {
    if (chunk.length > 0) this.#kept = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    if (this.#kept.length < 4) return false;
    const end = 4 + new ByteReader(this.#kept).int32();
    if (this.#kept.length < end) return false;
    const frame = this.#kept.subarray(4, end);
    this.#kept = this.#kept.subarray(end);
    onFrame(frame);
    return true;
  }
}

/** A payload behind its length. */
export function frameOf(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.int32(0);
  write(writer);
  writer.setInt32(0, writer.length - 4);
  return writer.copy();
}

export function writeConnectRequest(writer: ByteWriter, options: ConnectOptions = {}): void {
  writer.int32(0); // protocol version
  writer.int64(options.lastZxidSeen ?? 0);
  writer.int32(options.session?.timeoutMs ?? options.sessionTimeoutMs ?? 30_000);
  const id = options.session?.id ?? 0n;
  writer.int32(Number(BigInt.asIntN(32, id >> 32n)));
  writer.int32(Number(BigInt.asIntN(32, id)));
  writeBytes(writer, options.session?.password ?? new Uint8Array(16));
  writer.boolean(options.readOnly ?? false);
}

export function readConnectResponse(frame: Uint8Array): Session {
  const reader = new ByteReader(frame);
  reader.int32(); // protocol version
  const timeoutMs = reader.int32();
  const id = reader.bigint64();
  const password = reader.view(reader.int32()).slice();
  return { id, password, timeoutMs };
}

/** Length −1 stands for null. */
export function writeBytes(writer: ByteWriter, bytes: Uint8Array | string | null): void {
  if (typeof bytes === "string") {
    writeText(writer, bytes);
  } else {
    writer.int32(bytes === null ? -1 : bytes.length);
    if (bytes !== null) writer.raw(bytes);
  }
}

export function writeText(writer: ByteWriter, text: string): void {
  const bytes = toByteString(text);
  writer.int32(bytes.length);
  writer.text(bytes);
}

/** One rule: everything to everyone. */
export function writeOpenAcl(writer: ByteWriter): void {
  writer.int32(1);
  writer.int32(31);
  writeText(writer, "world");
  writeText(writer, "anyone");
}

export function writePathAndWatch(writer: ByteWriter, path: string, watch: boolean): void {
  writeText(writer, path);
  writer.boolean(watch);
}

export function readText(reader: ByteReader): string | null {
  const length = reader.int32();
  return length < 0 ? null : fromByteString(reader.text(length));
}

export function readStat(reader: ByteReader): Stat {
  return {
    czxid: reader.int64(),
    mzxid: reader.int64(),
    ctime: reader.int64(),
    mtime: reader.int64(),
    version: reader.int32(),
    cversion: reader.int32(),
    aversion: reader.int32(),
    ephemeralOwner: reader.bigint64(),
    dataLength: reader.int32(),
    numChildren: reader.int32(),
    pzxid: reader.int64(),
  };
}
