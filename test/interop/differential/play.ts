// A script is played against one server and leaves a transcript: what was asked, and what came back, as text in which
// everything that differs from run to run by nature has a name instead of its value. Two servers that keep the same protocol
// leave the same transcript.
import type { Ensemble } from "../../support/ensemble.ts";
import { closeSession, type Names, ping, type Request, sync } from "./requests.ts";
import { framed, Reader, type Text, Wire, Writer } from "./wire.ts";

export type Script = (stage: ScriptStage) => Promise<void>;

export interface ConnectOptions {
  readonly timeoutMs?: number;
  readonly session?: bigint;
  readonly password?: Text;
  readonly lastZxid?: bigint;
  readonly protocolVersion?: number;
  /** Undefined leaves the field out, as old clients do. */
  readonly readOnly?: boolean | undefined;
  /** How it is called in the transcript. */
  readonly name?: string;
}

/** How long a server may take to close a connection that it has given up; only then is it asked whether it lives. */
const closeWithinMs = 150;

/** The xid of the syncs that scripts do not see. */
const catchUpXid = 1_000_000_007;
const catchUpTriesMax = 100;

const markOpen = "⟦";
const markClose = "⟧";

/**
 * Plays a script on an ensemble and gives its transcript. With several members the sessions are spread over them, and
 * each request waits for a sync first, for only then is it promised to see what other members' clients have done.
 */
export async function play(script: Script, ensemble: Ensemble): Promise<string[]> {
  const stage = new ScriptStage(ensemble);
  try {
    await script(stage);
  } catch (error) {
    throw new Error(`${(error as Error).message}, after\n${stage.transcript().join("\n")}`, { cause: error });
  } finally {
    stage.end();
  }
  return stage.transcript();
}

export class ScriptStage {
  readonly ensemble: Ensemble;
  readonly #lines: string[] = [];
  readonly #wires: Wire[] = [];
  /** How many connections scripts have asked for. */
  #opened = 0;
  readonly #writes = new Set<bigint>();
  /** The highest that any session of this script was shown. */
  lastZxid = 0n;
  readonly #sessions = new Map<bigint, string>();
  readonly names: Names = {
    // Their names need the whole play, so they are put in at the end.
    zxid: (value) => (value <= 0n ? `${value}` : `${markOpen}${value}${markClose}`),
    session: (value) => {
      if (value === 0n) return "0";
      const known = this.#sessions.get(value);
      if (known !== undefined) return known;
      const name = `s${this.#sessions.size + 1}`;
      this.#sessions.set(value, name);
      return name;
    },
  };

  constructor(ensemble: Ensemble) {
    this.ensemble = ensemble;
  }

  note(line: string): void {
    this.#lines.push(line);
  }

  /** Whether sessions stand on different members. */
  get spread(): boolean {
    return this.ensemble.members.length > 1;
  }

  async wire(): Promise<Wire> {
    const { members } = this.ensemble;
    return this.#open(members[this.#opened++ % members.length]!.clientPort);
  }

  /** Another connection to the same member. */
  async wireLike({ port }: Wire): Promise<Wire> {
    return this.#open(port);
  }

  async #open(port: number): Promise<Wire> {
    const wire = await Wire.open(port);
    this.#wires.push(wire);
    return wire;
  }

  /** Connects and shakes hands. */
  async session(options: ConnectOptions = {}): Promise<Session> {
    const wire = await this.wire();
    const session = new Session(this, wire, options.name ?? `${this.#opened}`);
    await session.shakeHands(options);
    return session;
  }

  /** A write of this script took effect with this zxid. */
  wrote(zxid: bigint): void {
    this.#writes.add(zxid);
  }

  /**
   * Each zxid as the number of the script's last write that it shows: a node's zxids name the writes that made them, a
   * reply's names the last that it can have seen. What else takes zxids (sessions, requests that fail) is each server's own.
   */
  transcript(): string[] {
    const writes = [...this.#writes].sort((a, b) => (a < b ? -1 : 1));
    const nameOf = (zxid: bigint) => `z${writes.filter((write) => write <= zxid).length}`;
    const mark = new RegExp(`${markOpen}(\\d+)${markClose}`, "g");
    const names = new Map<string, string>();
    return this.#lines.map((line) =>
      line.replace(mark, (_, value: string) => {
        if (!names.has(value)) names.set(value, nameOf(BigInt(value)));
        return names.get(value)!;
      }),
    );
  }

  end(): void {
    for (const wire of this.#wires) wire.drop();
  }
}

export class Session {
  id = 0n;
  password: Buffer | null = null;
  lastZxid = 0n;
  readonly name: string;
  wire: Wire;
  readonly #stage: ScriptStage;
  #nextXid = 1;

  constructor(stage: ScriptStage, wire: Wire, name: string) {
    this.#stage = stage;
    this.wire = wire;
    this.name = name;
  }

  async shakeHands(options: ConnectOptions): Promise<void> {
    const reply = await this.#greet(options);
    if (typeof reply === "string") return this.#note(`connect → ${reply}`);
    const reader = new Reader(reply);
    const [version, timeout] = [reader.int(), reader.int()];
    this.id = reader.long();
    this.password = reader.text();
    const zero = this.password?.every((byte) => byte === 0) === true;
    const password = zero ? "zero" : "given";
    const name = this.#stage.names.session(this.id);
    const rest = reader.rest.toString("hex");
    this.#note(
      `connect → version=${version} timeout=${timeout} id=${name} password=${password}/${this.password?.length} rest=${rest}`,
    );
  }

  /** A member refuses whom another has shown what it has yet to apply: it will have, and is asked again. */
  async #greet(options: ConnectOptions): Promise<Buffer | "quiet" | "closed"> {
    const { lastZxid = 0n } = options;
    const isShown = lastZxid > 0n && lastZxid <= this.#stage.lastZxid;
    for (let tries = 1; ; tries++) {
      this.wire.send(framed(handshake(options)));
      const reply = await this.wire.next();
      if (reply !== "closed" || !isShown || !this.#stage.spread || tries === catchUpTriesMax) return reply;
      this.wire = await this.#stage.wireLike(this.wire);
    }
  }

  /** Asks, and notes everything that comes up to and with the reply. Gives the reply's error code. */
  async call(request: Request, xid: number = request.xid ?? this.#nextXid++): Promise<number | undefined> {
    await this.#catchUp();
    this.send(request, xid);
    return this.reply(request, xid);
  }

  /** Asks without a note, and gives the reply's error code. */
  async code(request: Request): Promise<number | undefined> {
    await this.#catchUp();
    const xid = this.#nextXid++;
    this.send(request, xid);
    for (;;) {
      const frame = await this.wire.next();
      if (typeof frame === "string") return undefined;
      const reader = new Reader(frame);
      if (reader.int() !== xid) continue;
      reader.long();
      return reader.int();
    }
  }

  /** Several requests in one packet, then their replies. */
  async pipelined(...requests: readonly Request[]): Promise<void> {
    await this.#catchUp();
    const xids = requests.map((request) => request.xid ?? this.#nextXid++);
    const frames = requests.map(({ opcode, body }, i) => frameOf(xids[i]!, opcode, body));
    this.wire.send(Buffer.concat(frames));
    for (const [i, request] of requests.entries()) await this.reply(request, xids[i]!);
  }

  send(request: Request, xid: number): void {
    this.wire.send(frameOf(xid, request.opcode, request.body));
  }

  async reply(request: Request, xid: number): Promise<number | undefined> {
    for (;;) {
      const frame = await this.wire.next();
      if (frame === "quiet") throw new Error(`no answer to ${request.title}`);
      if (frame === "closed") {
        if (xid !== catchUpXid) this.#note(`${request.title} → closed`);
        return undefined;
      }
      const reader = new Reader(frame);
      const [replied, zxid, err] = [reader.int(), reader.long(), reader.int()];
      if (zxid > this.lastZxid) this.lastZxid = zxid;
      if (zxid > this.#stage.lastZxid) this.#stage.lastZxid = zxid;
      if (replied === -1 && xid !== -1) {
        this.#note(
          `  event type=${reader.int()} state=${reader.int()} path=${reader.text()} zxid=${this.#zxid(zxid)}${rest(reader)}`,
        );
        continue;
      }
      if (xid === catchUpXid) return err;
      const same = replied === xid ? "" : ` xid=${replied} for ${xid}`;
      const body = err === 0 ? render(request, reader, this.#stage.names) : "";
      if (err === 0 && isWrite(request, body)) this.#stage.wrote(zxid);
      this.#note(`${request.title} → err=${err}${same} zxid=${this.#zxid(zxid)} ${body}${rest(reader)}`);
      return err;
    }
  }

  /** Notes the events that are on their way: whatever the server sent earlier comes before a ping's answer. */
  events(): Promise<number | undefined> {
    return this.call(ping);
  }

  /** Notes what the server does when these bytes arrive: frames, then whether it closes or goes on. */
  async raw(title: string, bytes: Buffer): Promise<void> {
    this.wire.send(bytes);
    this.#note(`raw ${title}`);
    await this.untilClosedOrAnswering();
  }

  /** Whether the connection is closed, or still answers a ping; other frames on the way are noted. */
  async untilClosedOrAnswering(): Promise<void> {
    let asked = false;
    for (;;) {
      const frame = await this.wire.next(asked ? undefined : closeWithinMs);
      if (frame === "quiet" && !asked) {
        asked = true;
        this.send(ping, -2);
        continue;
      }
      if (typeof frame === "string") return this.#note(`  ${frame}`);
      const reader = new Reader(frame);
      const xid = reader.int();
      if (xid === -2) return this.#note("  still answers");
      this.#note(`  frame xid=${xid} zxid=${this.#zxid(reader.long())} err=${reader.int()}${rest(reader)}`);
    }
  }

  /** Closes the session as clients do, and notes that the server then closes the connection. */
  async close(): Promise<void> {
    await this.call(closeSession);
    const last = await this.wire.next();
    this.#note(typeof last === "string" ? `  then ${last}` : `  then a frame of ${last.length} bytes`);
  }

  /**
   * One sync is enough for a member that follows. The reference's leader answers a sync of its own clients without waiting
   * for what it has committed to be applied, and its followers may have shown that by then: it is asked again.
   */
  async #catchUp(): Promise<void> {
    if (!this.#stage.spread) return;
    const shown = this.#stage.lastZxid;
    for (let tries = 1; tries <= catchUpTriesMax; tries++) {
      this.send(sync("/"), catchUpXid);
      if ((await this.reply(sync("/"), catchUpXid)) !== 0 || this.lastZxid >= shown) return;
    }
    throw new Error(`session ${this.name} is still behind after ${catchUpTriesMax} syncs`);
  }

  #zxid(value: bigint): string {
    return this.#stage.names.zxid(value);
  }

  #note(line: string): void {
    this.#stage.note(`[${this.name}] ${line}`);
  }
}

export function handshake(options: ConnectOptions): Buffer {
  const writer = new Writer()
    .int(options.protocolVersion ?? 0)
    .long(options.lastZxid ?? 0n)
    .int(options.timeoutMs ?? 30_000)
    .long(options.session ?? 0n)
    .text(options.password === undefined ? Buffer.alloc(16) : options.password);
  if (!("readOnly" in options) || options.readOnly !== undefined) writer.boolean(options.readOnly ?? false);
  return writer.body;
}

export function frameOf(xid: number, opcode: number, body: Buffer): Buffer {
  return framed(new Writer().int(xid).int(opcode).bytes(body).body);
}

/** Whether a request that was answered without an error has changed anything; of a multi its results tell. */
function isWrite({ opcode }: Request, body: string): boolean {
  if (opcode === 14) return body.startsWith("[") && !body.startsWith("[-1/") && !body.startsWith("[]");
  return [1, 2, 5, 7, 15, 16, 19, 20, 21].includes(opcode);
}

function render(request: Request, reader: Reader, names: Names): string {
  try {
    return request.render(reader, names);
  } catch (error) {
    return `unreadable body (${(error as Error).message})`;
  }
}

function rest(reader: Reader): string {
  return reader.rest.length === 0 ? "" : ` +${reader.rest.toString("hex")}`;
}
