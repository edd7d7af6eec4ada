// What a recorded member has told its clients, at each moment: read off its sockets, where the client would read it.
import { ByteReader } from "../../../src/base/bytes.ts";
import type { Step, SystemCall } from "./system-calls.ts";

const connectResponseBytes = [36, 37];
const headerBytes = 16;
const openingBits = 45;

/** Bytes to one client that are not a whole frame yet. */
interface Stream {
  kept: Buffer;
  isGreeted: boolean;
}

export class Acknowledgements {
  /** The latest change that any client has heard of: whoever told it has to remember it, and all before it. */
  zxid = 0;
  /** Sessions that a client was given. */
  readonly sessions = new Set<bigint>();
  readonly #streams = new Map<number, Stream>();

  /** With what clients had been told before. */
  constructor(before: { readonly zxid: number; readonly sessions: readonly bigint[] } = { zxid: 0, sessions: [] }) {
    this.zxid = before.zxid;
    for (const session of before.sessions) this.sessions.add(session);
  }

  /** Whether a client may have heard something new in it. What a call begins to say counts as said. */
  apply(step: Step): boolean {
    if (step.kind === "death") return false;
    const { call, kind } = step;
    if (call.name.startsWith("accept")) {
      if (kind === "end" && call.result !== undefined && call.result >= 0) {
        this.#streams.set(call.result, { kept: Buffer.alloc(0), isGreeted: false });
      }
      return false;
    }
    const fd = Number(call.args[0]);
    if (call.name === "close" && kind === "begin") this.#streams.delete(fd);
    if (call.name !== "write" && call.name !== "writev" && call.name !== "sendto" && call.name !== "sendmsg")
      return false;
    const stream = this.#streams.get(fd);
    if (stream === undefined) return false;
    if (kind === "begin") return this.#hear(stream, saidIn(call));
    const count = call.error === null ? (call.result ?? 0) : 0; // the rest is said again
    this.#keep(stream, saidIn(call).subarray(0, count));
    return false;
  }

  /** The process is gone, and its connections with it. */
  closeAll(): void {
    this.#streams.clear();
  }

  #hear(stream: Stream, said: Buffer): boolean {
    const before = this.zxid + this.sessions.size;
    let { isGreeted } = stream;
    for (const frame of framesOf(Buffer.concat([stream.kept, said])).frames) {
      this.#onFrame(frame, isGreeted);
      isGreeted = true;
    }
    return this.zxid + this.sessions.size !== before;
  }

  #keep(stream: Stream, said: Buffer): void {
    const { frames, rest } = framesOf(Buffer.concat([stream.kept, said]));
    stream.kept = rest;
    stream.isGreeted ||= frames.length > 0;
  }

  #onFrame(frame: Buffer, isGreeted: boolean): void {
    const reader = new ByteReader(frame);
    if (!isGreeted) {
      if (!connectResponseBytes.includes(frame.length)) return; // not ZooKeeper's protocol
      const [, timeoutMs] = [reader.int32(), reader.int32()];
      if (timeoutMs > 0) this.#onSession(reader.bigint64());
      return;
    }
    if (frame.length < headerBytes) return;
    reader.int32();
    this.zxid = Math.max(this.zxid, reader.int64());
  }

  /** A session's number holds that of the change which opened it. */
  #onSession(id: bigint): void {
    this.sessions.add(id);
    this.zxid = Math.max(this.zxid, Number(BigInt.asUintN(openingBits, id)));
  }
}

function saidIn(call: SystemCall): Buffer {
  return Buffer.concat(call.args.filter((argument) => argument instanceof Uint8Array));
}

/** The four-letter words are answered in text, whose first letters are no length that anything here has. */
function framesOf(bytes: Buffer): { frames: Buffer[]; rest: Buffer } {
  const frames: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return { frames, rest: bytes.subarray(at) };
}
