// Clients of the echo door in the simulator, and what must hold for them. Each has a key of its own that is attached to its lease, and
// all write and watch one key together.
//
//   echo answers are true      what a write or a read answers is what the log says of the sequence that it names
//   echo refusals are true     what was refused is nowhere
//   echo reads are fresh       a read shows at least what any client had been told before it was asked for
//   echo events are complete   a watch tells every change, in order, before any answer shows it

import type { Random } from "../../../src/base/random.ts";
import { byteString, bytesOf } from "../../../src/base/text.ts";
import type { ClientConnection, ClientEnd } from "../../../src/sim/kernel/client-network.ts";
import type { DoorServer } from "../../../src/sim/kernel/door.ts";
import type { SimulatedMember } from "../../../src/sim/kernel/member.ts";
import type { ReferenceMachine } from "../../../src/sim/kernel/reference-machine.ts";
import type { FaultableClient, SimulatedProtocol, Workload, WorkloadHost } from "../../../src/sim/kernel/workload.ts";
import { EchoDoor, type EchoDoorOptions } from "./door.ts";
import { ECHO_MODEL_FACTORY } from "./model.ts";
import { EchoReference } from "./reference.ts";

const NAME = "echo";
const CLIENTS = 3;
const SHARED = "shared";
/** In thinking times: whoever waits longer for an answer leaves its connection. */
const PATIENCE = 40;

interface Request {
  readonly operation: "open" | "keep" | "put" | "remove" | "get" | "watch";
  readonly key: string;
  readonly value: string;
  /** The latest sequence that any client had been told of when it was sent. */
  readonly floor: number;
  readonly sentAt: number;
}

class EchoClient implements FaultableClient {
  readonly id: number;
  lease = 0;
  answers = 0;
  events = 0;
  readonly #host: WorkloadHost;
  readonly #workload: EchoWorkload;
  readonly #random: Random;
  readonly #tickTimeMs: number;
  #connection: ClientConnection | null = null;
  #text = "";
  #request: Request | null = null;
  /** The sequence up to which this connection's watch has told everything; null: it has none. */
  #toldUpTo: number | null = null;
  #puts = 0;
  #pausedUntil = 0;
  #isGone = false;
  #onServed: (() => void) | null = null;

  constructor(host: WorkloadHost, workload: EchoWorkload, tickTimeMs: number) {
    this.id = host.nextClientId();
    this.#host = host;
    this.#workload = workload;
    this.#random = host.random;
    this.#tickTimeMs = tickTimeMs;
    this.#soon();
  }

  get member(): SimulatedMember | null {
    return this.#connection?.member ?? null;
  }

  get isReady(): boolean {
    return this.#connection !== null && this.#now >= this.#pausedUntil;
  }

  pause(milliseconds: number): void {
    this.#pausedUntil = this.#now + milliseconds;
  }

  hangUp(): void {
    this.#connection?.close();
    this.#forgetConnection();
  }

  vanish(): void {
    this.#isGone = true;
    this.hangUp();
  }

  serveOnce(onServed: () => void): void {
    this.#onServed = onServed;
    this.hangUp();
  }

  get #now(): number {
    return this.#host.ensemble.time.now;
  }

  get #thinkMs(): number {
    return this.#tickTimeMs / 5;
  }

  #soon(): void {
    this.#host.ensemble.time.after(this.#thinkMs * (0.5 + this.#random.below(1000) / 1000), () => {
      if (this.#isGone) return;
      if (this.#now >= this.#pausedUntil) this.#act();
      this.#soon();
    });
  }

  #act(): void {
    const request = this.#request;
    if (this.#connection === null) this.#dial();
    else if (request === null) this.#ask();
    else if (this.#now - request.sentAt > PATIENCE * this.#thinkMs) this.hangUp();
  }

  #dial(): void {
    const { members } = this.#host.ensemble;
    const end: ClientEnd = {
      // What an old connection says is for nobody.
      onBytes: (bytes) => (this.#connection === connection ? this.#onBytes(bytes) : undefined),
      onClosed: () => (this.#connection === connection ? this.#forgetConnection() : undefined),
    };
    const connection = this.#host.network.dial(this.id, members[this.#random.below(members.length)]!, NAME, end);
    this.#connection = connection;
  }

  #forgetConnection(): void {
    this.#connection = null;
    this.#text = "";
    this.#request = null;
    this.#toldUpTo = null;
  }

  #ask(): void {
    if (this.#onServed !== null) this.#send("get", SHARED);
    else if (this.#toldUpTo === null) this.#send("watch", SHARED);
    else if (this.lease === 0) this.#send("open", String(4 * this.#tickTimeMs));
    else this.#askAnything();
  }

  #askAnything(): void {
    const own = `key-${this.id}`;
    const value = `${this.id}.${++this.#puts}`;
    const dice = this.#random.below(10);
    if (dice < 2) this.#send("keep", String(this.lease));
    else if (dice < 4) this.#send("put", own, value, ` ${this.lease}`);
    else if (dice < 6) this.#send("put", SHARED, value);
    else if (dice < 7) this.#send("remove", this.#random.chance(0.5) ? own : SHARED);
    else this.#send("get", this.#random.chance(0.3) ? own : SHARED);
  }

  #send(operation: Request["operation"], key: string, value = "", rest = ""): void {
    this.#request = { operation, key, value, floor: this.#workload.toldUpTo, sentAt: this.#now };
    this.#connection!.send(bytesOf(`${operation} ${key}${value === "" ? "" : ` ${value}`}${rest}\n`));
  }

  #onBytes(bytes: Uint8Array): void {
    const lines = (this.#text + byteString(bytes, 0, bytes.length)).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) this.#onLine(line.split(" "));
  }

  #onLine([kind, some = "", other = "", last = ""]: readonly string[]): void {
    if (kind === "event") this.#onEvent(Number(some), other, last);
    else if (kind === "gone") this.#onEvent(Number(some), other, null);
    else this.#onAnswer(kind!, some, other);
  }

  #onEvent(sequence: number, key: string, value: string | null): void {
    this.events++;
    const expected = this.#workload.reference.nextChange(key, this.#toldUpTo ?? 0);
    const isNext = expected?.sequence === sequence && expected.value === value;
    if (!isNext) this.#violate("events are complete", `told ${key} = ${value} at ${sequence}, not ${say(expected)}`);
    this.#toldUpTo = sequence;
    this.#workload.noteTold(sequence);
  }

  #onAnswer(kind: string, some: string, other: string): void {
    const request = this.#request;
    if (request === null) {
      this.#violate("answers are true", `${kind} ${some} answers nothing`);
      return;
    }
    this.#request = null;
    this.answers++;
    const sequence = Number(some);
    switch (kind) {
      case "refused":
        this.#onRefused(request, some);
        break;
      case "lease":
        this.lease = sequence;
        break;
      case "watching":
        this.#toldUpTo = sequence;
        break;
      case "done":
        this.#onWritten(request, sequence);
        break;
      case "value":
        this.#onRead(request, sequence, other);
        break;
      case "none":
        this.#onRead(request, sequence, null);
        break;
    }
  }

  #onRefused({ operation, value }: Request, why: string): void {
    if (why === "session-expired") this.lease = 0;
    const wasApplied = operation === "put" && this.#workload.reference.values.has(value);
    if (wasApplied) this.#violate("refusals are true", `the put of ${value} was refused (${why}), and applied`);
  }

  #onWritten({ operation, key, value }: Request, sequence: number): void {
    const held = this.#workload.reference.valueAt(key, sequence);
    const written = operation === "put" ? value : null;
    if (held !== written) this.#violate("answers are true", `${key} is ${held} at ${sequence}, not ${written}`);
    this.#workload.noteTold(sequence);
  }

  #onRead({ key, floor }: Request, sequence: number, value: string | null): void {
    const { reference } = this.#workload;
    const held = reference.valueAt(key, sequence);
    if (held !== value) this.#violate("answers are true", `${key} is ${held} at ${sequence}, not ${value}`);
    if (sequence < floor) this.#violate("reads are fresh", `sequence ${sequence} is shown, ${floor} was known`);
    if (key === SHARED && this.#toldUpTo !== null) {
      const untold = reference.nextChange(key, this.#toldUpTo);
      if (untold !== undefined && untold.sequence <= sequence)
        this.#violate("events are complete", `an answer shows ${say(untold)}, which was not told`);
    }
    this.#workload.noteTold(sequence);
    this.#onServed?.();
    this.#onServed = null;
  }

  #violate(invariant: string, what: string): void {
    this.#host.violate(`echo ${invariant}`, `client ${this.id}: ${what}`);
  }
}

function say(change: { readonly sequence: number; readonly value: string | null } | undefined): string {
  return change === undefined ? "nothing" : `${change.value} at ${change.sequence}`;
}

class EchoWorkload implements Workload {
  readonly reference: EchoReference;
  readonly clients: readonly EchoClient[];
  readonly #machine: ReferenceMachine;
  /** The latest sequence that any client was told of. */
  toldUpTo = 0;

  constructor(host: WorkloadHost, machine: ReferenceMachine, reference: EchoReference, tickTimeMs: number) {
    this.#machine = machine;
    this.reference = reference;
    this.clients = Array.from({ length: CLIENTS }, () => new EchoClient(host, this, tickTimeMs));
  }

  noteTold(sequence: number): void {
    this.toldUpTo = Math.max(this.toldUpTo, sequence);
  }

  serveOnce(hasVanished: (client: FaultableClient) => boolean): () => boolean {
    const waiting = new Set(this.clients.filter((client) => !hasVanished(client)));
    for (const client of waiting) client.serveOnce(() => waiting.delete(client));
    return () => waiting.size === 0;
  }

  isForgotten(client: FaultableClient): boolean {
    const own = this.clients.find((each) => each === client);
    return own === undefined || !this.#machine.leases.has(own.lease);
  }

  checkEnd(): void {}

  figures(): Readonly<Record<string, number>> {
    const sum = (count: (client: EchoClient) => number) => this.clients.reduce((all, each) => all + count(each), 0);
    return {
      "echo answers": sum(({ answers }) => answers),
      "echo events": sum(({ events }) => events),
      "echo values": this.reference.values.size,
    };
  }
}

/** The line for the simulator's list of protocols. */
export function echoProtocol(options: EchoDoorOptions = {}): SimulatedProtocol {
  return {
    name: NAME,
    setUp: ({ tickTimeMs }, _random, machine) => {
      const reference = new EchoReference(machine.leases);
      machine.add(reference);
      return {
        door: {
          name: NAME,
          open: ({ replica: member, clock, capacity }): DoorServer =>
            new EchoDoor({ member, clock, capacity }, options),
        },
        models: [ECHO_MODEL_FACTORY],
        description: `${CLIENTS} echo clients`,
        begin: (host) => new EchoWorkload(host, machine, reference, tickTimeMs),
      };
    },
  };
}
