// Someone on a peer port who speaks the members' protocol, in whose name it likes: what it sends is framed as theirs.
import { setTimeout as sleep } from "node:timers/promises";
import {
  encodeHello,
  HELLO_BYTES,
  type Hello,
  WIRE_VERSION,
  WIRE_VERSION_OLDEST,
} from "../../src/adapters/peers/hello.ts";
import { freshNonce } from "../../src/adapters/peers/shared-secret.ts";
import type { Message } from "../../src/consensus/raft/types.ts";
import { decodePeerMessage, encodeRaft } from "../../src/replica/peer-messages.ts";
import type { Member } from "../support/ensemble.ts";
import { RawConnection } from "./raw-connection.ts";

const pollMs = 5;
const helloWithinMs = 10_000;

/** The port at which other members call this one. */
export function portOf(member: Member): number {
  return Number(member.peerAddress.split(":")[1]);
}

export function greeting(from: number, to: number, changes: Partial<Hello> = {}): Uint8Array {
  return encodeHello({
    version: WIRE_VERSION,
    versionOldest: WIRE_VERSION_OLDEST,
    reply: "welcome",
    proof: "none",
    from,
    to,
    cluster: 0,
    incarnation: 1,
    nonce: freshNonce(),
    ...changes,
  });
}

/** On the log's channel. */
export function framed(bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(bytes.length + 1);
  return Buffer.concat([header, bytes]);
}

/** A call that a member has taken for another member's. */
export class HostilePeer {
  readonly #connection: RawConnection;

  private constructor(connection: RawConnection) {
    this.#connection = connection;
  }

  /** Calls a member in the name of another, and reads the greeting that it answers. */
  static async call(member: Member, as: number): Promise<HostilePeer> {
    const connection = await RawConnection.open(portOf(member));
    connection.send(greeting(as, member.id));
    const deadline = performance.now() + helloWithinMs;
    while (connection.received.length < HELLO_BYTES) {
      if (connection.closed || performance.now() > deadline)
        throw new Error(`member ${member.id} hears no member ${as}`);
      await sleep(pollMs);
    }
    connection.received = connection.received.subarray(HELLO_BYTES);
    return new HostilePeer(connection);
  }

  say(message: Message): void {
    this.#connection.send(framed(encodeRaft(message)));
  }

  /** The next message of this kind, whatever else is said before it. */
  async hear<K extends Message["kind"]>(kind: K): Promise<Message & { kind: K }> {
    for (;;) {
      const frame = await this.#connection.frame();
      if (frame === null) throw new Error(`the member hung up before it said "${kind}"`);
      if (frame.length === 0) continue; // shows that the connection lives
      const heard = decodePeerMessage(frame.subarray(1)); // behind its channel
      if (heard.kind === "raft" && heard.message.kind === kind) return heard.message as Message & { kind: K };
    }
  }

  /** Until the member has hung up. */
  closing(): Promise<void> {
    return this.#connection.closing();
  }

  hangUp(): void {
    this.#connection.destroy();
  }
}
