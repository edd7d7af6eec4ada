// A bare socket to a server: bytes go out as they are, and what came of them is told in words.
import { connect, type Socket } from "node:net";
import { ByteReader } from "../../src/base/bytes.ts";
import { opcodes } from "../support/zookeeper-client.ts";
import { frameOf, writeConnectRequest, writeText } from "../support/zookeeper-frames.ts";
import type { Attack } from "./attacks.ts";

const probeXid = 7777;
const answerWithinMs = 15_000;

export class RawConnection {
  readonly socket: Socket;
  /** Everything that came, not yet taken. */
  received: Uint8Array = new Uint8Array(0);
  closed = false;
  readonly #patienceMs: number;
  #changed: () => void = () => {};

  private constructor(socket: Socket, patienceMs: number) {
    this.socket = socket;
    this.#patienceMs = patienceMs;
    socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#changed();
    });
    socket.on("end", () => this.#changed());
    socket.on("error", () => {}); // a reset is one way of being closed
    socket.on("close", () => {
      this.closed = true;
      this.#changed();
    });
  }

  static open(port: number, patienceMs: number = answerWithinMs): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawConnection(socket, patienceMs)));
    });
  }

  send(bytes: Uint8Array): void {
    if (!this.closed) this.socket.write(bytes);
  }

  /** Each byte in a packet of its own, as far as the two ends let it be. */
  async dribble(bytes: Uint8Array): Promise<void> {
    for (let i = 0; i < bytes.length; i++) {
      this.send(bytes.subarray(i, i + 1));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next whole frame, or null once the server has closed. */
  async frame(): Promise<Uint8Array | null> {
    const deadline = performance.now() + this.#patienceMs;
    for (;;) {
      if (this.received.length >= 4) {
        const end = 4 + new ByteReader(this.received).int32();
        if (this.received.length >= end) {
          const frame = this.received.slice(4, end);
          this.received = this.received.subarray(end);
          return frame;
        }
      }
      if (this.closed || this.socket.readableEnded) return null;
      await this.#change(deadline);
    }
  }

  /** Until the server has closed the connection. */
  async closing(): Promise<void> {
    const deadline = performance.now() + this.#patienceMs;
    while (!this.closed && !this.socket.readableEnded) await this.#change(deadline);
  }

  destroy(): void {
    this.socket.resetAndDestroy(); // no port is left waiting, however many connections a test makes
  }

  #change(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("neither answer nor end")), deadline - performance.now());
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Sends an attack and says what the server did: its replies, and whether it listens on. */
export async function outcomeOf(attack: Attack, port: number, patienceMs?: number): Promise<string> {
  const connection = await RawConnection.open(port, patienceMs);
  try {
    if (attack.stage === "session") await greet(connection);
    if (attack.dribbled) await connection.dribble(attack.bytes);
    else connection.send(attack.bytes);
    if (attack.endsThere) connection.socket.end();
    else if (attack.stage === "session") connection.send(probe);
    return attack.stage === "session" ? await replies(connection) : await greeted(connection);
  } catch (error) {
    return (error as Error).message;
  } finally {
    connection.destroy();
  }
}

async function greet(connection: RawConnection): Promise<void> {
  connection.send(frameOf((w) => writeConnectRequest(w)));
  if ((await connection.frame()) === null) throw new Error("no session");
}

const probe = frameOf((w) => {
  w.int32(probeXid);
  w.int32(opcodes.exists);
  writeText(w, "/");
  w.boolean(false);
});

async function greeted(connection: RawConnection): Promise<string> {
  const frame = await connection.frame();
  if (frame === null) return connection.received.length === 0 ? "closed" : "other bytes, closed";
  const reader = new ByteReader(frame, 4);
  if (reader.int32() > 0) return "session";
  await connection.closing();
  return "session refused, closed";
}

async function replies(connection: RawConnection): Promise<string> {
  const told: string[] = [];
  for (;;) {
    const frame = await connection.frame();
    if (frame === null) return [...told, "closed"].join(", ");
    const reader = new ByteReader(frame);
    const xid = reader.int32();
    reader.int64();
    const error = reader.int32();
    if (xid === probeXid) return [...told, "open"].join(", ");
    const body = reader.remaining > 0 ? ` and ${reader.remaining} bytes` : "";
    told.push(`${xid === 5 ? "reply" : `reply to ${xid}`} ${error}${body}`);
  }
}
