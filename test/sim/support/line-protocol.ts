// A second protocol for the simulator, as small as one can be: a client opens a lease with the byte `o`, and reads with the byte `r`. It has
// no model of its own; its writes are leases.

import type { Random } from "../../../src/base/random.ts";
import { byteString, bytesOf } from "../../../src/base/text.ts";
import type { ClientConnection, ClientEnd } from "../../../src/sim/kernel/client-network.ts";
import type { DoorHost, DoorServer, ServerConnection } from "../../../src/sim/kernel/door.ts";
import type { SimulatedMember } from "../../../src/sim/kernel/member.ts";
import type { ReferenceMachine } from "../../../src/sim/kernel/reference-machine.ts";
import type { FaultableClient, SimulatedProtocol, Workload, WorkloadHost } from "../../../src/sim/kernel/workload.ts";
import { encodeOpenLease } from "../../../src/state/leases/commands.ts";
import type { LeaseOutcome } from "../../../src/state/leases/lease.ts";
import type { ConnectionPort } from "../../../src/transport/connection.ts";

const LINE = "line";
const OPEN = "o".charCodeAt(0);
const SECRET = "0123456789abcdef";

export interface LineProtocolOptions {
  /** A read asks the leader first; else it may be stale. */
  readonly readsAreFresh: boolean;
}

// ------------------------------------------------------------------------------------------------------------ the door

class LineConnection implements ServerConnection {
  readonly owesReply = false;
  readonly traffic = { packetsSent: 0 };
  readonly #host: DoorHost;
  readonly #port: ConnectionPort;
  readonly #options: LineProtocolOptions;
  readonly #timeoutMs: number;
  #isClosed = false;

  constructor(host: DoorHost, port: ConnectionPort, options: LineProtocolOptions) {
    this.#host = host;
    this.#port = port;
    this.#options = options;
    this.#timeoutMs = 4 * host.tickTimeMs;
  }

  onChunk(chunk: Uint8Array): void {
    for (const byte of chunk)
      if (byte === OPEN) this.#open();
      else this.#read();
  }

  /** Answers with the lease and the entry that it stands in. */
  #open(): void {
    const { replica } = this.#host;
    if (replica.admission() !== "open") {
      this.#close();
      return;
    }
    encodeOpenLease(replica.begin(), this.#timeoutMs, SECRET);
    replica.commit({
      onOutcome: (told) => {
        const outcome = told as LeaseOutcome;
        if (outcome.kind === "lease-opened") this.#answer(`${outcome.id} ${replica.machine.appliedIndex}`);
      },
      onRefused: () => this.#close(),
    });
  }

  /** Answers with the entries that the state shows. */
  #read(): void {
    const { replica } = this.#host;
    const answer = (): void => this.#answer(`0 ${replica.machine.appliedIndex}`);
    if (this.#options.readsAreFresh) replica.readBarrier((error) => (error === null ? answer() : this.#close()));
    else answer();
  }

  #answer(text: string): void {
    if (this.#isClosed) return;
    this.traffic.packetsSent++;
    this.#port.write(bytesOf(`${text}\n`));
  }

  #close(): void {
    if (!this.#isClosed) this.#port.destroy();
    this.#isClosed = true;
  }

  onDrain(): void {}

  onEnd(): boolean {
    return false;
  }

  onClosed(): void {
    this.#isClosed = true;
  }
}

// --------------------------------------------------------------------------------------------------------- the clients

class LineClient implements FaultableClient, ClientEnd {
  readonly id: number;
  lease = 0;
  answers = 0;
  readonly #host: WorkloadHost;
  readonly #workload: LineWorkload;
  readonly #random: Random;
  readonly #thinkMs: number;
  #connection: ClientConnection | null = null;
  #text = "";
  /** For each request, the entries that were known when it was sent; null: it is no read. */
  #floors: (number | null)[] = [];
  #pausedUntil = 0;
  #isGone = false;
  #onServed: (() => void) | null = null;

  constructor(host: WorkloadHost, workload: LineWorkload, thinkMs: number) {
    this.id = host.nextClientId();
    this.#host = host;
    this.#workload = workload;
    this.#random = host.random;
    this.#thinkMs = thinkMs;
    this.#soon();
  }

  get member(): SimulatedMember | null {
    return this.#connection?.member ?? null;
  }

  get isReady(): boolean {
    return this.#connection !== null && this.#host.ensemble.time.now >= this.#pausedUntil;
  }

  pause(milliseconds: number): void {
    this.#pausedUntil = this.#host.ensemble.time.now + milliseconds;
  }

  hangUp(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  vanish(): void {
    this.#isGone = true;
    this.hangUp();
  }

  serveOnce(onServed: () => void): void {
    this.#onServed = onServed;
    this.hangUp();
  }

  #soon(): void {
    this.#host.ensemble.time.after(this.#thinkMs * (0.5 + this.#random.below(1000) / 1000), () => {
      if (this.#isGone) return;
      this.#act();
      this.#soon();
    });
  }

  #act(): void {
    const { ensemble, network } = this.#host;
    if (ensemble.time.now < this.#pausedUntil) return;
    if (this.#connection === null || this.#floors.length > 20) this.#dial(network, ensemble.members);
    else this.#ask(this.#random.chance(0.3) ? "o" : "r");
  }

  #dial(network: WorkloadHost["network"], members: readonly SimulatedMember[]): void {
    this.hangUp();
    this.#text = "";
    this.#floors = [];
    const end = this.#endOf();
    this.#connection = network.dial(this.id, members[this.#random.below(members.length)]!, LINE, end);
  }

  /** What an old connection says is for nobody. */
  #endOf(): ClientEnd {
    const isCurrent = (): boolean => this.#connection !== null && current === this.#dials;
    const current = ++this.#dials;
    return {
      onBytes: (bytes) => (isCurrent() ? this.onBytes(bytes) : undefined),
      onClosed: () => (isCurrent() ? this.onClosed() : undefined),
    };
  }

  #dials = 0;

  #ask(what: "o" | "r"): void {
    this.#floors.push(what === "r" ? this.#workload.highestSeen : null);
    this.#connection!.send(bytesOf(what));
  }

  onClosed(): void {
    this.#connection = null;
  }

  onBytes(bytes: Uint8Array): void {
    const lines = (this.#text + byteString(bytes, 0, bytes.length)).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) this.#onAnswer(line.split(" ").map(Number) as [number, number]);
  }

  /** Only reads are answered in any order here; so the least that any of them may show is what is checked. */
  #onAnswer([lease, entries]: [lease: number, entries: number]): void {
    this.answers++;
    if (lease === 0) {
      const floor = Math.min(...this.#floors.filter((each) => each !== null));
      if (entries < floor) this.#host.violate("line reads are fresh", `${entries} entries, ${floor} were known`);
      this.#floors.splice(this.#floors.indexOf(floor), 1);
      this.#onServed?.();
      this.#onServed = null;
      return;
    }
    this.lease = lease;
    this.#floors.splice(this.#floors.indexOf(null), 1);
    this.#workload.highestSeen = Math.max(this.#workload.highestSeen, entries);
  }
}

class LineWorkload implements Workload {
  highestSeen = 0;
  readonly clients: readonly LineClient[];
  readonly #reference: ReferenceMachine;

  constructor(host: WorkloadHost, reference: ReferenceMachine, thinkMs: number) {
    this.#reference = reference;
    this.clients = Array.from({ length: 3 }, () => new LineClient(host, this, thinkMs));
  }

  serveOnce(hasVanished: (client: FaultableClient) => boolean): () => boolean {
    let waiting = 0;
    for (const client of this.clients) {
      if (hasVanished(client)) continue;
      waiting++;
      client.serveOnce(() => {
        waiting--;
      });
    }
    return () => waiting === 0;
  }

  isForgotten(client: FaultableClient): boolean {
    const own = this.clients.find((each) => each === client);
    return own === undefined || !this.#reference.leases.has(own.lease);
  }

  checkEnd(): void {}

  figures(): Readonly<Record<string, number>> {
    return { "line answers": this.clients.reduce((sum, { answers }) => sum + answers, 0) };
  }
}

export function lineProtocol(options: LineProtocolOptions): SimulatedProtocol {
  return {
    name: LINE,
    setUp: ({ tickTimeMs }, _random, reference) => ({
      door: {
        name: LINE,
        open: (host): DoorServer => ({
          accept: (port) => new LineConnection(host, port, options),
        }),
      },
      description: "3 line clients",
      begin: (host) => new LineWorkload(host, reference, tickTimeMs / 5),
    }),
  };
}
