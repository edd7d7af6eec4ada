// The accepting side of connections between members. It checks each hello, demands proof if a secret is set, and then adopts
// the connection or refuses it with a reason.

import type { Socket } from "node:net";
import type { MemberId } from "../../consensus/raft/types.ts";
import { isCertifiedFor, showsCertificate } from "../clients/tls.ts";
import type { PeerConnection } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import { commonVersion, type Hello, type HelloReply } from "./hello.ts";
import { CALLER_REFUSED } from "./hello-reply-texts.ts";
import { STRANGERS_MAX } from "./limits.ts";
import { type MeshContext, openConnection } from "./mesh-context.ts";
import type { Peer } from "./peer-table.ts";
import type { RecordAuthenticators } from "./record-authenticator.ts";
import { PROOF_BYTES, Responder } from "./shared-secret.ts";

/** What is replied to a caller, and to whom it may belong. */
interface Answer {
  readonly hello: Hello;
  readonly reply: Exclude<HelloReply, "prove">;
  readonly bytes: Uint8Array;
  /** Null: nothing was proved. */
  readonly authenticators: (() => RecordAuthenticators) | null;
}

export class Answerer {
  readonly #context: MeshContext;
  readonly #dialer: Dialer;
  /** A caller has said who it is. */
  readonly #onIdentified: (socket: Socket) => void;

  constructor(context: MeshContext, dialer: Dialer, onIdentified: (socket: Socket) => void) {
    this.#context = context;
    this.#dialer = dialer;
    this.#onIdentified = onIdentified;
  }

  /** A call has come. */
  answer(socket: Socket): void {
    const { warnings } = this.#context;
    let peer: Peer | null = null;
    const connection = openConnection(this.#context, socket, {
      onHello: (_, hello, bytes) =>
        this.#onHello(connection, hello, bytes, (found) => {
          peer = found;
        }),
      onFrame: (_, channel, frame) => {
        if (peer !== null) this.#context.onFrame(peer, connection, channel, frame);
      },
      onClose: (_, why) => {
        if (peer === null) {
          if (why !== null) warnings.warn("caller", `a call on the peer port from ${remote} is refused: ${why}`);
        } else if (peer.connection === connection) {
          this.#context.lose(peer, why);
        }
      },
    });
    const { remote } = connection;
  }

  /** Answers a caller; `onPeer` hears of it before the first of its frames, if it is taken. */
  #onHello(connection: PeerConnection, hello: Hello, bytes: Uint8Array, onPeer: (peer: Peer) => void): void {
    const { local } = this.#context;
    const reply = this.#judgeHello(hello, connection.socket);
    if (reply !== "prove") {
      this.#onIdentified(connection.socket);
      const own = local.hello(hello.from, reply, reply === "welcome" ? "none" : local.proof);
      this.#conclude(connection, { hello, reply, bytes: own, authenticators: null }, onPeer);
      return;
    }
    // It counts as unidentified until it has proved itself: so long, and so many of them, and no longer and no more.
    const own = local.hello(hello.from, "prove", local.proof);
    const responder = new Responder(local.secrets, bytes, own);
    connection.expect(PROOF_BYTES, (proof) => {
      this.#onIdentified(connection.socket);
      const proved = responder.accept(proof);
      const whole = { ...hello, ...proved };
      const verdict = proved === null ? "secret-differs" : this.#judgeMember(whole, connection.socket);
      const { cluster, incarnation } = local;
      const reply = responder.verdict({ reply: verdict, cluster, incarnation });
      const authenticators = proved === null ? null : () => responder.authenticators();
      this.#conclude(connection, { hello: whole, reply: verdict, bytes: reply, authenticators }, onPeer);
    });
    connection.sendRaw(own);
  }

  #conclude(connection: PeerConnection, answer: Answer, onPeer: (peer: Peer) => void): void {
    const { hello, reply, bytes, authenticators } = answer;
    const version = commonVersion(hello, this.#context.local.versionOldest);
    if (reply !== "welcome" || version === null) {
      if (reply !== "welcome" && reply !== "busy") this.#warnOf(connection, hello, reply);
      connection.socket.write(bytes);
      connection.end();
      return;
    }
    this.#replaceOld(hello.from);
    const peer = this.#context.peers.obtain(hello.from);
    connection.sendRaw(bytes);
    onPeer(peer);
    const agreed = { version, authenticators: authenticators === null ? null : authenticators() };
    this.#context.adopt(peer, connection, `calling from ${connection.remote}`, agreed);
  }

  #warnOf(connection: PeerConnection, hello: Hello, reply: keyof typeof CALLER_REFUSED): void {
    const who = `member ${hello.from}, calling from ${connection.remote}, is refused: it`;
    const cluster = reply === "cluster" ? ` (cluster ${hello.cluster.toString(16)})` : "";
    this.#context.warnings.warn(`caller ${reply}`, `${who} ${CALLER_REFUSED[reply]}${cluster}`);
  }

  /** A member that calls anew knows best that its old connection is dead. */
  #replaceOld(from: MemberId): void {
    const { peers } = this.#context;
    const before = peers.obtain(from);
    this.#dialer.cancel(before);
    const old = before.connection;
    if (old === null) return;
    this.#context.lose(before, "it called anew");
    old.close(null);
  }

  /** "prove": the verdict waits for that. */
  #judgeHello(hello: Hello, socket: Socket): HelloReply {
    const { local } = this.#context;
    if (commonVersion(hello, local.versionOldest) === null) return "version";
    if (hello.from === local.id) return "same-member";
    if (hello.to !== local.id) return "wrong-member";
    if (this.#isOwnCallPreferred(hello.from)) return "busy";
    if (hello.proof === "demanded" && local.proof === "none") return "secret-unknown";
    if (hello.proof === "none" && local.proof === "demanded") return "secret-missing";
    return hello.proof === "none" || local.proof === "none" ? this.#judgeMember(hello, socket) : "prove";
  }

  /** On a caller of whom is known what there is to know. */
  #judgeMember(hello: Hello, socket: Socket): Exclude<HelloReply, "prove"> {
    const { local, peers } = this.#context;
    if (local.isOfAnother(hello.cluster)) return "cluster";
    const known = peers.get(hello.from);
    if (local.tls !== null && local.tls.options.verifyCallerHost !== false) {
      const hosts = known?.addresses.map(({ host }) => host) ?? [];
      if (!isCertifiedFor(socket, hosts)) return "certificate";
    }
    if (known?.isListed !== true && !this.#isProved(hello, socket) && peers.strangers >= STRANGERS_MAX)
      return "crowded";
    return this.#isOwnCallPreferred(hello.from) ? "busy" : "welcome";
  }

  /** If two call each other at once, the call of the higher number stands. */
  #isOwnCallPreferred(from: MemberId): boolean {
    const { local, peers } = this.#context;
    return local.id > from && peers.get(from)?.call?.isHelloSent === true;
  }

  /** Whether a caller has shown by more than its own word that it is of the ensemble. */
  #isProved(hello: Hello, socket: Socket): boolean {
    return (hello.proof !== "none" && this.#context.local.proof !== "none") || showsCertificate(socket);
  }
}
