// A transport with faults on demand, around any other: what the client says and hears goes through here.

import type { Link, LinkEvents, Target, Transport } from "../protocols/zookeeper/client/index.ts";

export class FaultyTransport implements Transport {
  readonly #inner: Transport;
  readonly #defer: (task: () => void) => void;
  readonly #links = new Set<FaultyLink>();
  #isSilent = false;
  #losesAnswer = false;
  /** Requests that have left: frames, pings among them. */
  writes = 0;

  constructor(inner: Transport, defer: (task: () => void) => void) {
    this.#inner = inner;
    this.#defer = defer;
  }

  /** Swallows everything, on connections that stand and on new ones, in both directions. */
  silence(): void {
    this.#isSilent = true;
    for (const link of this.#links) link.isSilent = true;
  }

  /** New connections are as ever; those that were silent stay so, for what was said on them is lost. */
  heal(): void {
    this.#isSilent = false;
  }

  cut(): void {
    for (const link of [...this.#links]) link.cut();
  }

  /** The next bytes written arrive, and instead of an answer the connection ends. */
  loseNextAnswer(): void {
    this.#losesAnswer = true;
  }

  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void {
    return this.#inner.resolve(host, done);
  }

  dial(target: Target, events: LinkEvents): Link {
    const link = new FaultyLink(this, events, this.#defer);
    link.isSilent = this.#isSilent;
    this.#links.add(link);
    link.inner = this.#inner.dial(target, link);
    return link;
  }

  /** Whether the answer to what is written now is to be lost. */
  takeLoss(): boolean {
    const loses = this.#losesAnswer;
    this.#losesAnswer = false;
    return loses;
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
  #isOver = false;
  #losesAnswer = false;

  constructor(transport: FaultyTransport, events: LinkEvents, defer: (task: () => void) => void) {
    this.#transport = transport;
    this.#events = events;
    this.#defer = defer;
  }

  write(bytes: Uint8Array): void {
    if (this.isSilent || this.#isOver) return;
    this.#transport.writes += 1;
    if (this.#transport.takeLoss()) this.#losesAnswer = true;
    this.inner?.write(bytes);
  }

  destroy(done?: () => void): void {
    this.#end();
    this.inner?.destroy(done);
  }

  onOpen(): void {
    if (!this.isSilent && !this.#isOver) this.#events.onOpen();
  }

  onData(chunk: Uint8Array): void {
    if (this.isSilent || this.#isOver) return;
    if (this.#losesAnswer) this.cut();
    else this.#events.onData(chunk);
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
