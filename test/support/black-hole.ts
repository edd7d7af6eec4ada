// A network that can lose its voice: TCP proxies between members and in front of clients. A path that swallows takes
// connections and bytes, and forwards neither a byte nor an end, so that nobody is told that anything is wrong. What it took
// comes out later, when the path is restored, as with a network that has come back; or never, when it is cut instead.
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { decodeHello, HELLO_BYTES } from "../../src/adapters/peers/hello.ts";
import { freePort } from "./ports.ts";

/** `trickle`: a few bytes at a time. */
export type Flow = "pass" | "swallow" | "trickle";

/** A member's number, or 0 for all clients. */
export type Party = number;

const heldMax = 1024 * 1024; // then the sender is made to wait, as by a full TCP window
const trickleEveryMs = 50;
const trickleBytes = 64;

export class Network {
  readonly #flows = new Map<string, Flow>();
  readonly #servers: Server[] = [];
  readonly #pipes = new Set<Pipe>();
  readonly #callers = new Set<Socket>();
  readonly #trickler = setInterval(() => this.#pump(trickleBytes), trickleEveryMs);

  /** A port that leads to this client port of a member. */
  inFrontOfClients(member: Party, port: number): Promise<number> {
    return this.#listen((socket) => this.#connect(socket, 0, member, port));
  }

  /** A port that leads to this peer port of a member; who calls is read from the first bytes that members exchange. */
  inFrontOfPeers(member: Party, port: number): Promise<number> {
    return this.#listen((socket) => {
      let hello = Buffer.alloc(0);
      const onData = (chunk: Buffer) => {
        hello = Buffer.concat([hello, chunk]);
        if (hello.length < HELLO_BYTES) return;
        socket.off("data", onData).pause();
        socket.unshift(hello);
        this.#connect(socket, decodeHello(hello.subarray(0, HELLO_BYTES))?.from ?? 0, member, port);
      };
      socket.on("data", onData).on("error", () => {});
    });
  }

  /** Of all that this party sends to that one. */
  set(from: Party, to: Party, flow: Flow): void {
    this.#flows.set(`${from}>${to}`, flow);
    this.#pump(0);
  }

  /** Connections of which something is held back now. */
  get holding(): number {
    return [...this.#pipes].filter((pipe) => pipe.isHolding).length;
  }

  /** All paths pass again. `resume`: what was swallowed arrives now; `cut`: its connections are reset. */
  heal(how: "resume" | "cut"): void {
    if (how === "cut") for (const pipe of [...this.#pipes]) if (pipe.isHolding) pipe.reset();
    this.#flows.clear();
    this.#pump(0);
  }

  async close(): Promise<void> {
    clearInterval(this.#trickler);
    for (const pipe of [...this.#pipes]) pipe.reset();
    for (const socket of this.#callers) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #pump(trickled: number): void {
    for (const pipe of [...this.#pipes]) pipe.pump(trickled);
  }

  #connect(near: Socket, from: Party, to: Party, port: number): void {
    const far = dial({ port, host: "127.0.0.1", noDelay: true });
    const flow = (a: Party, b: Party) => this.#flows.get(`${a}>${b}`) ?? "pass";
    const pipe = new Pipe(new Lane(near, far, () => flow(from, to)), new Lane(far, near, () => flow(to, from)), () =>
      this.#pipes.delete(pipe),
    );
    this.#pipes.add(pipe);
  }

  async #listen(onSocket: (socket: Socket) => void): Promise<number> {
    const port = await freePort();
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#callers.add(socket);
      socket.on("close", () => this.#callers.delete(socket));
      onSocket(socket);
    });
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject).listen(port, "127.0.0.1", () => resolve(port));
    });
  }
}

/** Both directions of one connection. */
class Pipe {
  readonly #lanes: readonly Lane[];
  readonly #onGone: () => void;

  constructor(there: Lane, back: Lane, onGone: () => void) {
    this.#lanes = [there, back];
    this.#onGone = onGone;
    for (const lane of this.#lanes) lane.onEnd = () => this.#endIfLetThrough();
  }

  get isHolding(): boolean {
    return this.#lanes.some((lane) => lane.isHolding);
  }

  /** What may pass now passes; `trickled` bytes of each direction that trickles. */
  pump(trickled: number): void {
    for (const lane of this.#lanes) lane.pump(trickled);
    this.#endIfLetThrough();
  }

  reset(): void {
    for (const lane of this.#lanes) lane.source.resetAndDestroy();
    this.#onGone();
  }

  /** Whoever ended it, the other side hears of it when the path lets it through. */
  #endIfLetThrough(): void {
    if (!this.#lanes.some((lane) => lane.hasEnded)) return;
    for (const lane of this.#lanes) lane.source.destroySoon();
    this.#onGone();
  }
}

/** One direction: what came and has not been let through yet, its end included. */
class Lane {
  readonly source: Socket;
  onEnd: () => void = () => {};
  readonly #target: Socket;
  readonly #flow: () => Flow;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isOver = false;

  constructor(source: Socket, target: Socket, flow: () => Flow) {
    this.source = source;
    this.#target = target;
    this.#flow = flow;
    source.on("data", (chunk: Buffer) => {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      this.pump(0);
      if (this.#heldBytes > heldMax) source.pause();
    });
    const over = () => {
      this.#isOver = true;
      this.onEnd();
    };
    source.on("end", over).on("error", over).on("close", over);
    source.resume();
  }

  get isHolding(): boolean {
    return this.#heldBytes > 0 || (this.#isOver && this.#flow() === "swallow");
  }

  /** Its end has been let through. */
  get hasEnded(): boolean {
    return this.#isOver && this.#heldBytes === 0 && this.#flow() !== "swallow";
  }

  pump(trickled: number): void {
    const flow = this.#flow();
    if (flow === "swallow" || this.#heldBytes === 0) return;
    const count = flow === "trickle" ? Math.min(trickled, this.#heldBytes) : this.#heldBytes;
    const bytes = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    if (count > 0 && this.#target.writable) this.#target.write(bytes.subarray(0, count));
    this.#held = count < bytes.length ? [bytes.subarray(count)] : [];
    this.#heldBytes -= count;
    if (this.#heldBytes <= heldMax) this.source.resume();
  }
}
