// The echo door: a protocol of lines, made only to show what a door needs. The same connection serves real sockets and the
// simulator's.
//
//   open MS               lease ID SEQUENCE
//   keep ID               kept ID             its full time began again, and the leader has heard so; or: refused …
//   put KEY VALUE [ID]    done SEQUENCE       attached to a lease, if one is given
//   remove KEY            done SEQUENCE
//   get KEY               value SEQUENCE VALUE, or: none SEQUENCE       linearizable
//   watch KEY             watching SEQUENCE; from then on: event SEQUENCE KEY VALUE, or: gone SEQUENCE KEY
//
// One request at a time, in order. `refused WHY` says that nothing was done; a closed connection, that nobody knows.

import { gauge } from "../../../src/base/metrics.ts";
import { byteString, bytesOf } from "../../../src/base/text.ts";
import type { DoorHost } from "../../../src/protocols/door-host.ts";
import type { DoorKind } from "../../../src/protocols/door-kind.ts";
import type { DoorSection } from "../../../src/protocols/door-section.ts";
import { text } from "../../../src/protocols/setting-kinds.ts";
import type { ReplicaPort, Waiter } from "../../../src/replica/replica-port.ts";
import { encodeGrantLease } from "../../../src/state/leases/commands.ts";
import type { LeaseOutcome } from "../../../src/state/leases/lease.ts";
import { Leases } from "../../../src/state/leases/leases.ts";
import type { Model } from "../../../src/state/model.ts";
import { ClientFlow, type FlowOwner } from "../../../src/transport/client-flow.ts";
import type { ConnectionHandler, ConnectionPort } from "../../../src/transport/connection.ts";
import type { Door, DoorReport } from "../../../src/transport/door.ts";
import { ECHO_LEVEL, EchoModel, type EchoOutcome, encodePut, encodeRemove } from "./model.ts";

const LINE_BYTES_MAX = 64 * 1024;
const BOUNDS = { unsentBytesHigh: 64 * 1024, unsentNotificationBytesMax: 1024 * 1024 };

export interface EchoDoorOptions {
  /** Stands before every answer. */
  readonly prefix?: string;
  /** False, for a test of the invariants: a read does not ask the leader first. */
  readonly readsAreFresh?: boolean;
}

/** What it needs of its member. */
export type EchoHost = Pick<DoorHost, "clock" | "capacity"> & { readonly member: ReplicaPort };

export class EchoConnection implements ConnectionHandler, FlowOwner {
  readonly flow: ClientFlow;
  readonly owesReply = false;
  readonly traffic = { packetsSent: 0 };
  readonly #member: ReplicaPort;
  readonly #model: EchoModel;
  readonly #port: ConnectionPort;
  readonly #options: EchoDoorOptions;
  readonly #onClosed: () => void;
  readonly #watched = new Set<string>();
  readonly #lines: string[] = [];
  #text = "";
  requestBytes = 0;
  #isBusy = false;
  #isClosed = false;
  readonly #stopListening: readonly (() => void)[];

  constructor(
    { member, clock, capacity }: EchoHost,
    port: ConnectionPort,
    options: EchoDoorOptions,
    onClosed: () => void,
  ) {
    this.flow = new ClientFlow({ port, capacity, bounds: BOUNDS, openedAt: clock.now() }, this);
    this.#member = member;
    this.#model = member.machine.model(EchoModel);
    this.#port = port;
    this.#options = options;
    this.#onClosed = onClosed;
    this.#stopListening = [
      this.#model.events.add({ onChanged: (key, value, sequence) => this.#onChanged(key, value, sequence) }),
      member.machine.events.add({ onRestored: () => this.#close() }), // it has missed events
    ];
  }

  onChunk(chunk: Uint8Array): void {
    const lines = (this.#text + byteString(chunk, 0, chunk.length)).split("\n");
    this.#text = lines.pop()!;
    this.#lines.push(...lines);
    this.requestBytes += chunk.length;
    if (this.#text.length > LINE_BYTES_MAX) this.#close();
    this.flow.serve();
  }

  onDrain(): void {
    if (!this.#isClosed) this.flow.onDrain();
  }

  onTurnEnd(): void {}

  drop(): void {
    this.#close();
  }

  fail(error: unknown): void {
    this.#close();
    throw error;
  }

  onEnd(): boolean {
    return false;
  }

  onClosed(): void {
    if (!this.#isClosed) this.#close();
    this.#onClosed();
  }

  take(): boolean {
    let isAny = false;
    while (!this.#isBusy && !this.#isClosed && this.#lines.length > 0 && this.flow.mayGoOn()) {
      const line = this.#lines.shift()!;
      this.requestBytes -= line.length + 1;
      isAny = true;
      this.#isBusy = true;
      this.#request(line.split(" "));
    }
    this.flow.regulate(this.#lines.length > 0);
    return isAny;
  }

  #request([operation, key = "", value = "", lease = "0"]: readonly string[]): void {
    switch (operation) {
      case "open":
        this.#open(Number(key));
        break;
      case "keep":
        this.#keep(Number(key));
        break;
      case "put":
        this.#write((writer) => encodePut(writer, key, value, Number(lease)));
        break;
      case "remove":
        this.#write((writer) => encodeRemove(writer, key));
        break;
      case "get":
        this.#get(key);
        break;
      case "watch":
        this.#watched.add(key);
        this.#answer(`watching ${this.#member.machine.sequence}`);
        break;
      default:
        this.#answer("refused unknown-request");
    }
  }

  #open(timeoutMs: number): void {
    if (!Number.isSafeInteger(timeoutMs) || timeoutMs <= 0) {
      this.#answer("refused bad-arguments");
      return;
    }
    const terms = { timeoutMs, secret: null, isOwned: false };
    this.#propose(
      this.#member.machine.model(Leases),
      (writer) => encodeGrantLease(writer, terms),
      (outcome, sequence) => (outcome.kind === "lease-opened" ? `lease ${outcome.id} ${sequence}` : refusal(outcome)),
    );
  }

  #keep(lease: number): void {
    this.#member.readBarrier((error) => {
      const isThere = this.#member.machine.model(Leases).has(lease);
      if (error !== null) this.#close();
      else this.#answer(isThere ? `kept ${lease}` : "refused session-expired");
    }, lease);
  }

  #write(encode: (writer: ReturnType<ReplicaPort["begin"]>) => void): void {
    this.#propose(this.#model, encode, (outcome, sequence) =>
      outcome.kind === "done" ? `done ${sequence}` : refusal(outcome),
    );
  }

  /** Below its level the ensemble may have a member that knows no such command. */
  #propose<Outcome>(
    model: Model<Outcome>,
    encode: (writer: ReturnType<ReplicaPort["begin"]>) => void,
    tell: (outcome: Outcome, sequence: number) => string,
  ): void {
    const why = this.#member.machine.level < ECHO_LEVEL ? "feature-level" : this.#member.admission();
    if (why !== "open") {
      this.#answer(`refused ${why}`);
      return;
    }
    encode(this.#member.begin());
    const waiter: Waiter<Outcome> = {
      onOutcome: (outcome, sequence) => this.#answer(tell(outcome, sequence)),
      onRefused: ({ outcome }) => (outcome === "not-applied" ? this.#answer("refused not-applied") : this.#close()),
    };
    this.#member.commit(model, waiter);
  }

  #get(key: string): void {
    const answer = (): void => {
      const { sequence } = this.#member.machine;
      const entry = this.#model.entries.get(key);
      this.#answer(entry === undefined ? `none ${sequence}` : `value ${sequence} ${entry.value}`);
    };
    if (this.#options.readsAreFresh === false) answer();
    else this.#member.readBarrier((error) => (error === null ? answer() : this.#close()));
  }

  #onChanged(key: string, value: string | null, sequence: number): void {
    if (!this.#watched.has(key) || this.#isClosed) return;
    this.#tell(value === null ? `gone ${sequence} ${key}` : `event ${sequence} ${key} ${value}`);
  }

  #answer(line: string): void {
    this.#isBusy = false;
    if (this.#isClosed) return;
    this.flow.output.writer.raw(this.#bytesOf(line));
    this.flow.goOnSoon();
  }

  /** What was not asked for: a client that does not fetch it is let go in the end. */
  #tell(line: string): void {
    if (!this.flow.output.notify(this.#bytesOf(line))) this.#close();
  }

  #bytesOf(line: string): Uint8Array {
    this.traffic.packetsSent++;
    return bytesOf(`${this.#options.prefix ?? ""}${line}\n`);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stop of this.#stopListening) stop();
    this.flow.close();
    this.#port.destroy();
  }
}

function refusal(outcome: LeaseOutcome | EchoOutcome): string {
  if (outcome.kind === "refused") return `refused ${outcome.why}`;
  return `refused ${outcome.kind === "rejected" ? outcome.code : "not-applied"}`;
}

export class EchoDoor implements Door<EchoConnection> {
  readonly #host: EchoHost;
  readonly #options: EchoDoorOptions;
  readonly #connections = new Set<EchoConnection>();
  #isStopped = false;

  constructor(host: EchoHost, options: EchoDoorOptions) {
    this.#host = host;
    this.#options = options;
    host.capacity.memory.add(() => [...this.#connections].map(({ flow }) => flow));
  }

  accept(port: ConnectionPort): EchoConnection | null {
    if (this.#isStopped) return null;
    const connection: EchoConnection = new EchoConnection(this.#host, port, this.#options, () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
    return connection;
  }

  noteTurnedAway(): void {}

  stop(): void {
    this.#isStopped = true;
  }

  metrics() {
    return [gauge("echo_keys", "Keys of the echo door.", this.#host.member.machine.model(EchoModel).entries.size)];
  }

  report(): DoorReport {
    const { size } = this.#host.member.machine.model(EchoModel).entries;
    const serving = !this.#isStopped;
    return { serving, readOnly: false, connections: this.#connections.size, outstanding: 0, counts: { keys: size } };
  }
}

/** The line for the table of doors. */
export const ECHO_DOOR: DoorKind = {
  name: "echo",
  open: (host, { settings }) => new EchoDoor(host, settings as EchoDoorOptions),
};

/** The line for the sections of cabildo.yaml. */
export const ECHO_SECTION: DoorSection = { name: "echo", settings: { prefix: { kind: text, default: "" } } };
