// The connecting side between members. It sends a hello, proves itself, and tries again at growing intervals, as long as the
// member is listed and not connected.

import net from "node:net";
import { assert } from "../../base/assert.ts";
import { type PeerAddress, showAddress } from "./addresses.ts";
import type { PeerConnection } from "./connection.ts";
import { commonVersion, type Hello, type HelloReply } from "./hello.ts";
import { CALL_REFUSED } from "./hello-reply-texts.ts";
import { type MeshContext, openConnection } from "./mesh-context.ts";
import type { Call, Peer } from "./peer-table.ts";
import { dialSecurely } from "./peer-tls.ts";
import { Initiator, VERDICT_BYTES } from "./shared-secret.ts";

const CALL_MS = 3000;
const REDIAL_MIN_MS = 20;
const REDIAL_MAX_MS = 1000;

export interface DialerOptions {
  /** Where there is TLS, whether calls are made without it all the same. */
  readonly isCallPlain: boolean;
  /** How long a call may take until it is answered. */
  readonly callMs?: number | undefined;
}

export class Dialer {
  readonly #context: MeshContext;
  readonly #isCallPlain: boolean;
  readonly #callMs: number;

  constructor(context: MeshContext, { isCallPlain, callMs = CALL_MS }: DialerOptions) {
    this.#context = context;
    this.#isCallPlain = isCallPlain;
    this.#callMs = callMs;
  }

  /** Where a peer is called from now on; nowhere, if there is no address. A connection that there is stays. */
  setAddresses(peer: Peer, addresses: readonly PeerAddress[]): void {
    const isSame = addresses.map(showAddress).join() === peer.addresses.map(showAddress).join();
    if (isSame) return;
    peer.addresses = addresses;
    peer.failures = 0;
    this.cancel(peer);
    if (peer.connection === null) this.#call(peer);
  }

  /** Gives up the call that is under way, and the next one. */
  cancel(peer: Peer): void {
    peer.cancelRedial?.();
    peer.cancelRedial = null;
    const { call } = peer;
    if (call === null) return;
    peer.call = null;
    call.cancelDeadline();
    if (peer.connection !== call.connection) call.connection.close(null);
  }

  /** The first call after a loss comes within 20 to 40 ms, the later ones up to a second apart. */
  redial(peer: Peer): void {
    if (this.#context.isClosed || peer.cancelRedial !== null) return;
    const longest = Math.min(2 * REDIAL_MIN_MS * 2 ** Math.min(peer.failures, 10), REDIAL_MAX_MS);
    peer.cancelRedial = this.#context.time.after((longest / 2) * (1 + Math.random()), () => {
      peer.cancelRedial = null;
      this.#call(peer);
    });
  }

  #call(peer: Peer): void {
    const { local, time, isClosed } = this.#context;
    if (isClosed || peer.addresses.length === 0 || peer.connection !== null || peer.call !== null) return;
    const address = peer.addresses[peer.failures % peer.addresses.length]!;
    const where = showAddress(address);
    const tls = this.#isCallPlain ? null : local.tls;
    const socket = tls === null ? net.connect(address) : dialSecurely(address, tls);
    const ownHello = local.hello(peer.id, "welcome", local.proof);
    const connection = openConnection(this.#context, socket, {
      onHello: (_, hello, bytes) => this.#onHello(peer, connection, where, hello, [ownHello, bytes]),
      onFrame: (_, channel, frame) => this.#context.onFrame(peer, connection, channel, frame),
      onClose: (_, why) => this.#onClosed(peer, connection, where, why),
    });
    const cancelDeadline = time.after(this.#callMs, () => connection.close(`no answer within ${this.#callMs} ms`));
    const call: Call = { connection, cancelDeadline, isHelloSent: false, isAnswered: false };
    peer.call = call;
    socket.once(tls === null ? "connect" : "secureConnect", () => {
      if (peer.call !== call) return;
      call.isHelloSent = true;
      connection.sendRaw(ownHello);
    });
  }

  #onHello(
    peer: Peer,
    connection: PeerConnection,
    where: string,
    hello: Hello,
    hellos: readonly [own: Uint8Array, other: Uint8Array],
  ): void {
    if (peer.call?.connection === connection) peer.call.isAnswered = true;
    const { local, warnings } = this.#context;
    if (hello.from !== peer.id) {
      warnings.warn(`wrong ${peer.id}`, `${where}, the address of member ${peer.id}, leads to member ${hello.from}`);
      connection.close(null);
      return;
    }
    const [secret] = local.secrets;
    if (hello.reply === "prove" && secret !== undefined) {
      this.#prove(peer, connection, where, hello, new Initiator(secret, ...hellos));
    } else if (hello.reply !== "welcome") {
      this.#onRefused(peer, connection, where, hello.reply);
    } else if (local.proof === "demanded") {
      this.#onRefused(peer, connection, where, "secret-unknown");
    } else {
      this.#onWelcome(peer, connection, where, hello, null);
    }
  }

  #prove(peer: Peer, connection: PeerConnection, where: string, hello: Hello, initiator: Initiator): void {
    const { local } = this.#context;
    connection.expect(VERDICT_BYTES, (bytes) => {
      const verdict = initiator.verify(bytes);
      if (verdict === null) this.#onRefused(peer, connection, where, "secret-differs");
      else if (local.isOfAnother(verdict.cluster)) this.#onRefused(peer, connection, where, "cluster");
      else if (verdict.reply !== "welcome") this.#onRefused(peer, connection, where, verdict.reply);
      else this.#onWelcome(peer, connection, where, hello, initiator);
    });
    connection.sendRaw(initiator.proof({ cluster: local.cluster, incarnation: local.incarnation }));
  }

  #onWelcome(peer: Peer, connection: PeerConnection, where: string, hello: Hello, initiator: Initiator | null): void {
    const version = commonVersion(hello, this.#context.local.versionOldest);
    if (version === null) {
      this.#onRefused(peer, connection, where, "version");
      return;
    }
    const authenticators = initiator === null ? null : initiator.authenticators();
    this.#context.adopt(peer, connection, `called at ${where}`, { version, authenticators });
  }

  #onRefused(peer: Peer, connection: PeerConnection, where: string, reply: Exclude<HelloReply, "welcome">): void {
    if (reply !== "busy") {
      this.#context.warnings.warn(`refused ${peer.id}`, `member ${peer.id} at ${where} ${CALL_REFUSED[reply]}`);
    }
    connection.close(null);
  }

  #onClosed(peer: Peer, connection: PeerConnection, where: string, why: string | null): void {
    if (peer.connection === connection) {
      this.#context.lose(peer, why);
      return;
    }
    if (peer.call?.connection !== connection) return;
    assert(peer.connection === null, "a peer that is connected is not being called");
    const { isHelloSent, isAnswered } = peer.call;
    this.cancel(peer);
    peer.failures++;
    const trouble =
      why ?? (isHelloSent && !isAnswered ? "it hung up without an answer, and may say why in its log" : null);
    if (trouble !== null) {
      this.#context.warnings.warn(
        `call ${peer.id}`,
        `member ${peer.id} cannot be reached at ${where}: ${trouble}; it is called on`,
      );
    }
    this.redial(peer);
  }
}
