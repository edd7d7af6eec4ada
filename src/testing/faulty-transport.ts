// A transport with faults on demand, around any other.

import type { Link, LinkEvents, Target, Transport } from "../protocols/zookeeper/client/index.ts";
import { RepliesInOrder, Requests } from "./frames.ts";
import type { Refusal } from "./stage.ts";

/** How long no server is found after a write that was refused for want of a quorum. */
const NO_QUORUM_MS = 300;

/** ZooKeeper's error codes: a system error (Cabildo's for a full disk), a throttled request, a quota. */
const SYSTEM_ERROR = -1;
const ANSWERS: Partial<Record<Refusal, number>> = {
  "no-space": SYSTEM_ERROR,
  overloaded: -127,
  "quota-exceeded": -125,
};

export class FaultyTransport implements Transport {
  readonly #inner: Transport;
  readonly #defer: (task: () => void) => void;
  readonly #after: (milliseconds: number, task: () => void) => void;
  readonly #links = new Set<FaultyLink>();
  #isSilent = false;
  #losesAnswer = false;
  #hasNoQuorum = false;
  #refusal: { readonly kind: Refusal; readonly from: number; readonly until: number } | null = null;
  #readsToRefuse = 0;
  /** Pieces that were written, pings included. */
  writes = 0;
  /** Requests that change something, refused ones included. */
  changes = 0;

  /** `after` is the clock's, for faults that pass by themselves. */
  constructor(
    inner: Transport,
    defer: (task: () => void) => void,
    after: (milliseconds: number, task: () => void) => void = (milliseconds, task) =>
      void setTimeout(task, milliseconds),
  ) {
    this.#inner = inner;
    this.#defer = defer;
    this.#after = after;
  }

  /** Drops everything in both directions, on open connections and on new ones. */
  silence(): void {
    this.#isSilent = true;
    for (const link of this.#links) link.isSilent = true;
  }

  /** New connections work again. Connections that were silent stay silent, because bytes were lost on them. */
  heal(): void {
    this.#isSilent = false;
    this.#hasNoQuorum = false;
    this.#refusal = null;
  }

  cut(): void {
    for (const link of [...this.#links]) link.cut();
  }

  /** The next bytes that are written arrive; then the connection ends instead of an answer. */
  loseNextAnswer(): void {
    this.#losesAnswer = true;
  }

  /** Of the changes from now on, `times` are refused, from the `from`th on (1: the next). */
  refuseChanges(kind: Refusal, from: number, times: number): void {
    const first = this.changes + from;
    this.#refusal = { kind, from: first, until: first + times };
  }

  /** The next reads are answered by a system error. */
  refuseReads(times: number): void {
    this.#readsToRefuse = times;
  }

  takeRefusedRead(): boolean {
    if (this.#readsToRefuse === 0) return false;
    this.#readsToRefuse -= 1;
    return true;
  }

  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void {
    return this.#inner.resolve(host, done);
  }

  dial(target: Target, events: LinkEvents): Link {
    const link = new FaultyLink(this, events, this.#defer);
    link.isSilent = this.#isSilent;
    this.#links.add(link);
    link.inner = this.#inner.dial(target, link);
    if (this.#hasNoQuorum) link.cut();
    return link;
  }

  /** Whether the answer to these bytes is to be lost. */
  takeLoss(): boolean {
    const loses = this.#losesAnswer;
    this.#losesAnswer = false;
    return loses;
  }

  /** The refusal of this change; null: none. */
  takeRefusal(): Refusal | null {
    const at = ++this.changes;
    if (this.#refusal === null || at < this.#refusal.from || at >= this.#refusal.until) return null;
    const { kind } = this.#refusal;
    if (kind === "no-quorum") {
      this.#hasNoQuorum = true;
      this.#after(NO_QUORUM_MS, () => {
        this.#hasNoQuorum = false;
      });
    }
    return kind;
  }

  forget(link: FaultyLink): void {
    this.#links.delete(link);
  }
}

class FaultyLink implements Link, LinkEvents {
  inner: Link | null = null;
  isSilent = false;
  readonly #transport: FaultyTransport;
  readonly #events: LinkEvents;
  readonly #defer: (task: () => void) => void;
  readonly #requests = new Requests();
  readonly #replies: RepliesInOrder;
  #isOver = false;
  #losesAnswer = false;

  constructor(transport: FaultyTransport, events: LinkEvents, defer: (task: () => void) => void) {
    this.#transport = transport;
    this.#events = events;
    this.#defer = defer;
    this.#replies = new RepliesInOrder((bytes) => this.#hear(bytes));
  }

  write(bytes: Uint8Array): void {
    if (this.isSilent || this.#isOver) return;
    this.#transport.writes += 1;
    if (this.#transport.takeLoss()) this.#losesAnswer = true;
    let passed: Uint8Array[] = [];
    const pass = () => {
      if (passed.length > 0) this.inner?.write(joined(passed));
      passed = [];
    };
    for (const { frame, xid, isChange, isRead } of this.#requests.take(bytes)) {
      const refusal = isChange ? this.#transport.takeRefusal() : null;
      const isRefusedRead = isRead && this.#transport.takeRefusedRead();
      const answer = isRefusedRead ? SYSTEM_ERROR : refusal === null ? undefined : ANSWERS[refusal];
      if (answer !== undefined) {
        this.#replies.answer(xid, answer);
        this.#defer(() => this.#replies.giveDue());
        continue;
      }
      if (refusal === "timeout") this.isSilent = true;
      if (refusal === "answer-lost") this.#losesAnswer = true;
      if (refusal === null || refusal === "answer-lost") {
        this.#replies.expect();
        passed.push(frame);
        continue;
      }
      pass(); // earlier requests arrive
      if (refusal !== "timeout") this.cut();
      return;
    }
    pass();
  }

  destroy(done?: () => void): void {
    this.#end();
    this.inner?.destroy(done);
  }

  onOpen(): void {
    if (!this.isSilent && !this.#isOver) this.#events.onOpen();
  }

  onData(chunk: Uint8Array): void {
    if (!this.isSilent && !this.#isOver) this.#replies.take(chunk);
  }

  #hear(bytes: Uint8Array): void {
    if (this.isSilent || this.#isOver) return;
    if (this.#losesAnswer) this.cut();
    else this.#events.onData(bytes);
  }

  onClose(error: Error | null): void {
    if (this.isSilent || this.#isOver) return;
    this.#end();
    this.#events.onClose(error);
  }

  cut(): void {
    if (this.#isOver) return;
    this.#end();
    this.inner?.destroy();
    this.#defer(() => this.#events.onClose(new Error("cut for a test")));
  }

  #end(): void {
    this.#isOver = true;
    this.#transport.forget(this);
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
