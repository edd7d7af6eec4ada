// ZooKeeper's frames, for a transport in between: which request changes something, and where a reply ends, so that a reply of our own
// can be inserted in the right order.

import { OPCODE } from "../protocols/zookeeper/codec/opcodes.ts";

const CHANGES: ReadonlySet<number> = new Set([
  OPCODE.create,
  OPCODE.create2,
  OPCODE.createContainer,
  OPCODE.createTtl,
  OPCODE.delete,
  OPCODE.setData,
  OPCODE.setAcl,
  OPCODE.multi,
]);

const READS: ReadonlySet<number> = new Set([OPCODE.exists, OPCODE.getData, OPCODE.getChildren, OPCODE.getChildren2]);

const NOTIFICATION = -1;

interface RequestFrame {
  readonly frame: Uint8Array;
  readonly xid: number;
  readonly isChange: boolean;
  readonly isRead: boolean;
}

/** Cuts a client's bytes into requests. The first frame is the handshake, which has no xid. */
export class Requests {
  #rest = new Uint8Array(0);
  #isFirst = true;

  take(bytes: Uint8Array): RequestFrame[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const view = new DataView(all.buffer);
    const frames: RequestFrame[] = [];
    let at = 0;
    while (all.length - at >= 4) {
      const end = at + 4 + view.getInt32(at);
      if (end > all.length) break;
      const hasHead = !this.#isFirst && end - at >= 12;
      const xid = hasHead ? view.getInt32(at + 4) : 0;
      const opcode = hasHead ? view.getInt32(at + 8) : 0;
      frames.push({ frame: all.subarray(at, end), xid, isChange: CHANGES.has(opcode), isRead: READS.has(opcode) });
      this.#isFirst = false;
      at = end;
    }
    this.#rest = all.slice(at);
    return frames;
  }
}

/** Passes on a server's bytes as they come, and inserts our own replies between its replies, each in its turn. */
export class RepliesInOrder {
  readonly #pass: (bytes: Uint8Array) => void;
  /** For each request without a reply, in order: null where the server answers, otherwise our reply. */
  readonly #due: (Uint8Array | null)[] = [];
  /** The first bytes of the current frame: its length, and its xid. */
  readonly #head = new Uint8Array(8);
  #taken = 0;

  constructor(pass: (bytes: Uint8Array) => void) {
    this.#pass = pass;
  }

  /** The server answers the next request. */
  expect(): void {
    this.#due.push(null);
  }

  /** We answer the next request, with an error. */
  answer(xid: number, errorCode: number): void {
    const reply = new Uint8Array(20);
    const view = new DataView(reply.buffer);
    view.setInt32(0, 16);
    view.setInt32(4, xid);
    view.setInt32(16, errorCode); // the zxid between stays 0: nothing new was seen
    this.#due.push(reply);
  }

  /** Inserts our own replies whose turn it is. */
  giveDue(): void {
    if (this.#taken > 0) return; // in the middle of a frame
    while (this.#due[0] instanceof Uint8Array) this.#pass(this.#due.shift()!);
  }

  take(chunk: Uint8Array): void {
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#taken < 8) {
        this.#head[this.#taken++] = chunk[at++]!;
        if (this.#taken < 8) continue;
      }
      const view = new DataView(this.#head.buffer);
      const missing = 4 + view.getInt32(0) - this.#taken;
      const step = Math.min(missing, chunk.length - at);
      this.#taken += step;
      at += step;
      if (step < missing) break;
      this.#taken = 0;
      if (view.getInt32(4) === NOTIFICATION) continue;
      this.#due.shift();
      if (!(this.#due[0] instanceof Uint8Array)) continue;
      this.#pass(chunk.subarray(from, at));
      from = at;
      this.giveDue();
    }
    if (from < chunk.length) this.#pass(chunk.subarray(from));
  }
}
