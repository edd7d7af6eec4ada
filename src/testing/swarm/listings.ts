// The listings of directories that a program's servers sent it, each with its zxid. They are read from the frames that pass.

import { ByteReader } from "../../base/bytes.ts";
import type { Link, LinkEvents, Target, Transport } from "../../protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../protocols/zookeeper/codec/opcodes.ts";

export interface Listing {
  readonly path: string;
  readonly zxid: number;
  /** Counted by this program. */
  readonly number: number;
}

/** So many of the last ones are remembered: nobody waits for longer. */
const KEPT = 500;

export class Listings implements Transport {
  readonly #inner: Transport;
  readonly #all: Listing[] = [];
  #count = 0;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** Those of a directory, after the first `count` of all. */
  of(path: string, count: number): Listing[] {
    return this.#all.filter((each) => each.path === path && each.number >= count);
  }

  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void {
    return this.#inner.resolve(host, done);
  }

  dial(target: Target, events: LinkEvents): Link {
    const asked = new Map<number, string>();
    const requests = new Frames((frame) => {
      const reader = new ByteReader(frame);
      const xid = reader.int32();
      const opcode = reader.int32();
      if (opcode !== OPCODE.getChildren && opcode !== OPCODE.getChildren2) return;
      asked.set(xid, reader.text(reader.int32()));
    });
    const replies = new Frames((frame) => {
      const reader = new ByteReader(frame);
      const path = asked.get(reader.int32());
      const zxid = Number(reader.bigint64());
      if (path === undefined || reader.int32() !== 0) return;
      this.#all.push({ path, zxid, number: this.#count++ });
      if (this.#all.length > KEPT) this.#all.shift();
    });
    const link = this.#inner.dial(target, {
      onOpen: () => events.onOpen(),
      onClose: (error) => events.onClose(error),
      onData: (chunk) => {
        replies.add(chunk);
        events.onData(chunk);
      },
    });
    return {
      write: (bytes) => {
        requests.add(bytes);
        link.write(bytes);
      },
      destroy: (done) => link.destroy(done),
    };
  }
}

/** Chunks as frames, but for the first of a connection, which is the handshake's. */
class Frames {
  readonly #onFrame: (frame: Uint8Array) => void;
  #bytes = new Uint8Array(0);
  #isGreeted = false;

  constructor(onFrame: (frame: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  add(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + chunk.length);
    all.set(this.#bytes);
    all.set(chunk, this.#bytes.length);
    let at = 0;
    while (all.length - at >= 4) {
      const end = at + 4 + new ByteReader(all, at).int32();
      if (end > all.length) break;
      if (this.#isGreeted) this.#onFrame(all.subarray(at + 4, end));
      this.#isGreeted = true;
      at = end;
    }
    this.#bytes = all.slice(at);
  }
}
