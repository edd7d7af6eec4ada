// A transport with faults on demand, around any other: what the client says and hears goes through here.

import type { Link, LinkEvents, Target, Transport } from "../protocols/zookeeper/client/index.ts";
import { RepliesInOrder, Requests } from "./frames.ts";
import type { Refusal } from "./stage.ts";

/** For how long nobody is found who serves, after a write that was refused for want of a quorum. */
const NO_QUORUM_MS = 300;

/** ZooKeeper's codes: of trouble on the server's side, which is Cabildo's for a full disk; of a throttled request; of a quota. */
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
  /** What has left: pieces, pings among them. */
  writes = 0;
  /** Requests that change something, and were asked for. */
  changes = 0;

  /** `after` is the clock's, for what passes by itself. */
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

  /** Swallows everything, on connections that stand and on new ones, in both directions. */
  silence(): void {
    this.#isSilent = true;
    for (const link of this.#links) link.isSilent = true;
  }

  /** New connections are as ever; those that were silent stay so, for what was said on them is lost. */
  heal(): void {
    this.#isSilent = false;
    this.#hasNoQuorum = false;
    this.#refusal = null;
  }

  cut(): void {
    for (const link of [...this.#links]) link.cut();
  }

  /** The next bytes written arrive, and instead of an answer the connection ends. */
  loseNextAnswer(): void {
    this.#losesAnswer = true;
  }

  /** Of the changes that are asked for from now on, `times` from the `from`th (1: the next) are refused. */
  refuseChanges(kind: Refusal, from: number, times: number): void {
    const first = this.changes + from;
    this.#refusal = { kind, from: first, until: first + times };
  }

  /** The next reads are answered by trouble on the server's side. */
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

  /** Whether the answer to what is written now is to be lost. */
  takeLoss(): boolean {
    const loses = this.#losesAnswer;
    this.#losesAnswer = false;
    return loses;
  }

  /** What is to become of a change that is asked for now; null: what would without this. */
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
      pass(); // what was asked before arrives
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
