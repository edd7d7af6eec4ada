// A session that outlives its connections, as ZooKeeper's own clients keep one: pings when idle, gives a silent server
// up after two thirds of the timeout, and re-attaches to the next server at once. Requests are never repeated here.
import { setTimeout as sleep } from "node:timers/promises";
import { opcodes, type Session, SessionExpired, type WatchedEvent, ZooKeeperClient } from "./zookeeper-client.ts";

export interface ReconnectingOptions {
  readonly sessionTimeoutMs?: number;
  /** Which of the addresses comes first. */
  readonly first?: number;
  /** How long one server may take to attach the session; a share of the timeout unless given. */
  readonly patienceMs?: number;
  readonly onEvent?: (event: WatchedEvent) => void;
}

const watchEveryMs = 50;
const pauseAfterRoundMs = 10; // once every server has refused

export class ReconnectingClient {
  /** How often a connection was lost, and how many sessions were opened. */
  losses = 0;
  sessions = 0;
  /** For each session that the servers had ended: how long they had been silent by then, on this client's clock. */
  readonly expiredAfterMs: number[] = [];
  readonly #addresses: readonly string[];
  readonly #sessionTimeoutMs: number;
  readonly #options: ReconnectingOptions;
  #next: number;
  #client: ZooKeeperClient | undefined;
  #session: Session | undefined;
  #lastZxid = 0;
  #attaching: Promise<ZooKeeperClient> | undefined;
  #closed = false;
  readonly #watch: NodeJS.Timeout;

  constructor(addresses: readonly string[], options: ReconnectingOptions = {}) {
    this.#addresses = addresses;
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? 6000;
    this.#options = options;
    this.#next = options.first ?? 0;
    this.#watch = setInterval(() => this.#watchSilence(), watchEveryMs);
  }

  /** Where the session is attached now. */
  get address(): string | undefined {
    return this.#client?.isOpen ? this.#client.address : undefined;
  }

  /** The open connection; a new one on the next server when the last has ended. Tries until it is closed. */
  attached(): Promise<ZooKeeperClient> {
    if (this.#client?.isOpen) return Promise.resolve(this.#client);
    this.#attaching ??= this.#attach().finally(() => {
      this.#attaching = undefined;
    });
    return this.#attaching;
  }

  /** Leaves for the address with this index, unless the session is there already. */
  moveTo(index: number): void {
    if (this.address === this.#addresses[index]) return;
    this.#next = index;
    this.#client?.destroy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    await this.#attaching?.catch(() => {});
    await this.#client?.close();
  }

  /** Ends the session for certain: on as many connections as that takes, until a server says that it is over. */
  async end(): Promise<void> {
    const { sessions } = this;
    for (;;) {
      const client = await this.attached();
      if (this.sessions > sessions) break; // it had ended already: this is another one
      const over = await client.request(opcodes.closeSession).then(
        () => true,
        () => false,
      );
      if (over) break;
    }
    await this.close();
  }

  /** Ends at once and without a word to any server; the session is left to its timeout. */
  abandon(): void {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#client?.destroy();
  }

  async #attach(): Promise<ZooKeeperClient> {
    if (this.#client !== undefined) {
      this.losses++;
      this.#lastZxid = this.#client.lastZxid;
    }
    for (let tried = 0; !this.#closed; tried++) {
      if (tried > 0 && tried % this.#addresses.length === 0) await sleep(pauseAfterRoundMs);
      const address = this.#addresses[this.#next++ % this.#addresses.length]!;
      try {
        this.#client = await ZooKeeperClient.connect(address, {
          ...(this.#session ? { session: this.#session } : {}),
          sessionTimeoutMs: this.#sessionTimeoutMs,
          lastZxidSeen: this.#lastZxid,
          patienceMs: this.#options.patienceMs ?? this.#sessionTimeoutMs / this.#addresses.length,
          ...(this.#options.onEvent ? { onEvent: this.#options.onEvent } : {}),
        });
        if (this.#session === undefined) this.sessions++;
        this.#session = this.#client.session;
        return this.#client;
      } catch (error) {
        if (!(error instanceof SessionExpired)) continue;
        this.expiredAfterMs.push(this.#client?.silenceMs ?? 0);
        this.#session = undefined;
      }
    }
    throw new Error("this client was closed");
  }

  #watchSilence(): void {
    const client = this.#client;
    if (!client?.isOpen) return;
    const timeoutMs = client.session.timeoutMs;
    if (client.silenceMs > (timeoutMs * 2) / 3) client.destroy();
    else if (client.silenceMs > timeoutMs / 3 && client.outstanding === 0) client.ping().catch(() => {});
  }
}
