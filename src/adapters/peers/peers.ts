// Connections to the other members: one for each pair, called by either side, called again whenever it is lost. If two call
// each other at once, the call of the higher number stands.

import net, { type AddressInfo, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { MemberId } from "../../consensus/raft/types.ts";
import { type Logger, silentLogger } from "../../replica/logger.ts";
import type { PeerEvents, Peers } from "../../replica/ports.ts";
import type { ListenAddress } from "../clients/socket-server.ts";
import { isCertifiedFor, showsCertificate } from "../clients/tls.ts";
import { type PeerAddress, peerAddresses, showAddress } from "./address.ts";
import { Complaints } from "./complaints.ts";
import { followRefusal, mayFollow } from "./following.ts";
import { FRAME_BYTES_MAX } from "./frames.ts";
import { type Answer, encodeHello, type Hello, type Proof, WIRE_VERSION, WIRE_VERSION_OLDEST } from "./hello.ts";
import { STRANGER_FRAME_BYTES_MAX, STRANGERS_MAX } from "./limits.ts";
import { Listener } from "./listener.ts";
import { Called, Caller, freshNonce, PROOF_BYTES, type Seals, VERDICT_BYTES } from "./secret.ts";
import { dialSecurely, type PeerTls, type PreparedTls, prepareTls } from "./tls.ts";
import { Wire, type WireEvents } from "./wire.ts";

const CALL_MS = 3000;
const REDIAL_MIN_MS = 20;
const REDIAL_MAX_MS = 1000;
const PING_MS = 500;
/** Nothing heard for so long: the connection is dead, though nobody said so. */
const SILENCE_MS = 5000;
const CLOSE_MS = 500;
const PING = new Uint8Array(0);

export interface PeersOptions {
  readonly id: MemberId;
  readonly incarnation: number;
  readonly listen: readonly ListenAddress[];
  readonly tls?: PeerTls | undefined;
  /** Where there is TLS, whether calls are made without it all the same, and taken without it: while going over to it. */
  readonly isCallPlain?: boolean | undefined;
  readonly isPlainTaken?: boolean | undefined;
  /** What all members of the ensemble know and nobody else; the first is the one that calls are proved by. None: no proof. */
  readonly secrets?: readonly Uint8Array[] | undefined;
  /** Whether members that do not know it are done without; false while it is being introduced. */
  readonly isSecretRequired?: boolean | undefined;
  readonly tcpKeepAlive?: boolean | undefined;
  /** How long a call may take until it is answered. */
  readonly callMs?: number | undefined;
  readonly events: PeerEvents;
  readonly log?: Logger | undefined;
}

export interface OpenedPeers extends Peers {
  /** Where it listens, in the order of `listen`. */
  readonly addresses: readonly AddressInfo[];
  /** New certificates, for the calls made and taken from now on; throws where they cannot be used. */
  renewTls(tls: PeerTls): void;
}

/** Another member, as far as connections go. */
interface Peer {
  readonly id: MemberId;
  /** Empty: it is not to be called, but may call. */
  addresses: readonly PeerAddress[];
  /** The configuration names it. */
  isListed: boolean;
  wire: Wire | null;
  call: { readonly wire: Wire; readonly deadline: NodeJS.Timeout; isHelloSent: boolean; isAnswered: boolean } | null;
  redial: NodeJS.Timeout | null;
  failures: number;
}

/** Rejects if it cannot listen. */
export async function openPeers(options: PeersOptions): Promise<OpenedPeers> {
  const mesh = new Mesh(options);
  await mesh.listen();
  return mesh;
}

class Mesh implements OpenedPeers {
  readonly #options: PeersOptions;
  readonly #logger: Logger;
  readonly #complaints: Complaints;
  readonly #listener: Listener;
  readonly #peers = new Map<MemberId, Peer>();
  #cluster = 0;
  #isClosed = false;
  #tls: PreparedTls | null;
  readonly #pinger: NodeJS.Timeout;
  #pingedAt = performance.now();

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#logger = options.log ?? silentLogger;
    this.#complaints = new Complaints(this.#logger);
    this.#tls = options.tls === undefined ? null : prepareTls(options.tls);
    this.#listener = new Listener({
      tls: options.tls,
      isPlainTaken: options.isPlainTaken === true,
      complaints: this.#complaints,
      onCall: (socket) => this.#answer(socket),
    });
    this.#pinger = setInterval(() => this.#ping(), PING_MS);
    this.#pinger.unref();
  }

  get addresses(): readonly AddressInfo[] {
    return this.#listener.addresses;
  }

  async listen(): Promise<void> {
    try {
      for (const address of this.#options.listen) await this.#listener.listen(address);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  renewTls(options: PeerTls): void {
    this.#tls = prepareTls(options);
    this.#listener.renew(options);
  }

  send(to: MemberId, frame: Uint8Array): void {
    this.#peers.get(to)?.wire?.send(frame);
  }

  isConnected(to: MemberId): boolean {
    return this.#peers.get(to)?.wire != null;
  }

  unsentBytes(to: MemberId): number {
    return this.#peers.get(to)?.wire?.unsentBytes ?? 0;
  }

  reconcile(cluster: number, members: readonly { readonly id: MemberId; readonly address: string }[]): void {
    this.#cluster = cluster;
    const listed = new Set<MemberId>();
    for (const { id, address } of members) {
      if (id === this.#options.id) continue;
      listed.add(id);
      const addresses = peerAddresses(address);
      if (addresses.length === 0) {
        this.#complaints.tell(`address ${id}`, `member ${id} has no address to be called at in "${address}"`);
      }
      const peer = this.#peer(id);
      peer.isListed = true;
      peer.wire?.limitFrames(FRAME_BYTES_MAX);
      this.#setAddresses(peer, addresses);
    }
    for (const peer of this.#peers.values()) {
      peer.isListed = listed.has(peer.id);
      // Who is not listed is not called any more. Its connection stays while it lasts: a removed member is still to hear
      // that it was, and a member may be led by one that it has not heard of yet.
      if (!listed.has(peer.id)) this.#setAddresses(peer, []);
    }
  }

  mayFollow(member: MemberId): boolean {
    const peer = this.#peers.get(member);
    if (peer === undefined || peer.wire === null) return false;
    const { isListed, wire } = peer;
    const { remoteAddress } = wire.socket;
    const isProofAsked = this.#proof !== "none" || this.#tls !== null;
    if (mayFollow({ isListed, isProved: !isStranger(wire), remoteAddress }, isProofAsked)) return true;
    this.#complaints.tell("follow", followRefusal(member, wire.remote, isProofAsked));
    return false;
  }

  hangUp(on: MemberId, why: string): void {
    const wire = this.#peers.get(on)?.wire;
    if (wire == null) return;
    const kind = this.#peers.get(on)!.isListed ? `hang up ${on}` : "hang up on a stranger";
    this.#complaints.tell(kind, `the connection to member ${on} at ${wire.remote} is cut: ${why}`);
    wire.close(why);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#pinger);
    const sockets: Socket[] = [];
    for (const peer of this.#peers.values()) {
      this.#cancelCall(peer);
      if (peer.wire === null) continue;
      sockets.push(peer.wire.socket);
      peer.wire.end();
      peer.wire = null;
    }
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, CLOSE_MS);
    await this.#listener.close();
    await Promise.all(
      sockets.map((socket) => (socket.closed ? null : new Promise((resolve) => socket.once("close", resolve)))),
    );
    clearTimeout(cut);
  }

  // -------------------------------------------------------------------------------------------------------- calling

  #peer(id: MemberId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = { id, addresses: [], isListed: false, wire: null, call: null, redial: null, failures: 0 };
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #setAddresses(peer: Peer, addresses: readonly PeerAddress[]): void {
    const isSame = addresses.map(showAddress).join() === peer.addresses.map(showAddress).join();
    if (isSame) return;
    peer.addresses = addresses;
    peer.failures = 0;
    this.#cancelCall(peer);
    if (peer.wire === null) this.#call(peer);
  }

  #call(peer: Peer): void {
    if (this.#isClosed || peer.addresses.length === 0 || peer.wire !== null || peer.call !== null) return;
    const address = peer.addresses[peer.failures % peer.addresses.length]!;
    const where = showAddress(address);
    const secure = this.#options.isCallPlain === true ? null : this.#tls;
    const socket = secure === null ? net.connect(address) : dialSecurely(address, secure);
    const greeting = this.#hello(peer.id, "welcome", this.#proof);
    const wire = this.#wire(socket, {
      onHello: (_, hello, bytes) => this.#onAnswer(peer, wire, where, hello, [greeting, bytes]),
      onFrame: (_, frame) => this.#onFrame(peer, wire, frame),
      onClose: (_, why) => this.#onCallClosed(peer, wire, where, why),
    });
    const { callMs = CALL_MS } = this.#options;
    const deadline = setTimeout(() => wire.close(`no answer within ${callMs} ms`), callMs);
    const call = { wire, deadline, isHelloSent: false, isAnswered: false };
    peer.call = call;
    socket.once(secure === null ? "connect" : "secureConnect", () => {
      if (peer.call !== call) return;
      call.isHelloSent = true;
      wire.sendRaw(greeting);
    });
  }

  /** What this member asks of the others: it cannot ask for what it cannot give. */
  get #proof(): Proof {
    const { secrets = [], isSecretRequired = true } = this.#options;
    if (secrets.length === 0) return "none";
    return isSecretRequired ? "demanded" : "offered";
  }

  #wire(socket: Socket, events: WireEvents): Wire {
    return new Wire(socket, events, this.#options.tcpKeepAlive === true);
  }

  #onAnswer(
    peer: Peer,
    wire: Wire,
    where: string,
    hello: Hello,
    greetings: readonly [own: Uint8Array, other: Uint8Array],
  ): void {
    if (peer.call?.wire === wire) peer.call.isAnswered = true;
    if (hello.from !== peer.id) {
      this.#complaints.tell(
        `wrong ${peer.id}`,
        `${where}, the address of member ${peer.id}, leads to member ${hello.from}`,
      );
      wire.close(null);
      return;
    }
    const [secret] = this.#options.secrets ?? [];
    if (hello.answer === "prove" && secret !== undefined) {
      this.#prove(peer, wire, where, new Caller(secret, ...greetings));
    } else if (hello.answer !== "welcome") {
      this.#onRefusal(peer, wire, where, hello.answer);
    } else if (this.#proof === "demanded") {
      this.#onRefusal(peer, wire, where, "secret-unknown");
    } else {
      this.#adopt(peer, wire, `called at ${where}`, null);
    }
  }

  #prove(peer: Peer, wire: Wire, where: string, caller: Caller): void {
    wire.expect(VERDICT_BYTES, (bytes) => {
      const verdict = caller.judge(bytes);
      if (verdict === null) this.#onRefusal(peer, wire, where, "secret-differs");
      else if (this.#isOfAnother(verdict.cluster)) this.#onRefusal(peer, wire, where, "cluster");
      else if (verdict.answer !== "welcome") this.#onRefusal(peer, wire, where, verdict.answer);
      else this.#adopt(peer, wire, `called at ${where}`, caller.seals());
    });
    wire.sendRaw(caller.proof({ cluster: this.#cluster, incarnation: this.#options.incarnation }));
  }

  #onRefusal(peer: Peer, wire: Wire, where: string, answer: Exclude<Answer, "welcome">): void {
    if (answer !== "busy")
      this.#complaints.tell(`refused ${peer.id}`, `member ${peer.id} at ${where} ${refusals[answer]}`);
    wire.close(null);
  }

  #onCallClosed(peer: Peer, wire: Wire, where: string, why: string | null): void {
    if (peer.wire === wire) {
      this.#lose(peer, why);
      return;
    }
    if (peer.call?.wire !== wire) return;
    const { isHelloSent, isAnswered } = peer.call;
    this.#cancelCall(peer);
    peer.failures++;
    const trouble =
      why ?? (isHelloSent && !isAnswered ? "it hung up without an answer, and may say why in its log" : null);
    if (trouble !== null) {
      this.#complaints.tell(
        `call ${peer.id}`,
        `member ${peer.id} cannot be reached at ${where}: ${trouble}; it is called on`,
      );
    }
    this.#redial(peer);
  }

  #cancelCall(peer: Peer): void {
    if (peer.redial !== null) clearTimeout(peer.redial);
    peer.redial = null;
    const { call } = peer;
    if (call === null) return;
    peer.call = null;
    clearTimeout(call.deadline);
    if (peer.wire !== call.wire) call.wire.close(null);
  }

  /** The first call after a loss comes within 20 to 40 ms, the later ones up to a second apart. */
  #redial(peer: Peer): void {
    if (this.#isClosed || peer.redial !== null) return;
    const longest = Math.min(2 * REDIAL_MIN_MS * 2 ** Math.min(peer.failures, 10), REDIAL_MAX_MS);
    peer.redial = setTimeout(
      () => {
        peer.redial = null;
        this.#call(peer);
      },
      (longest / 2) * (1 + Math.random()),
    );
    peer.redial.unref();
  }

  // ------------------------------------------------------------------------------------------------------ answering

  #answer(socket: Socket): void {
    let peer: Peer | null = null;
    const wire = this.#wire(socket, {
      onHello: (_, hello, bytes) =>
        this.#greet(wire, hello, bytes, (found) => {
          peer = found;
        }),
      onFrame: (_, frame) => {
        if (peer !== null) this.#onFrame(peer, wire, frame);
      },
      onClose: (_, why) => {
        if (peer === null) {
          if (why !== null)
            this.#complaints.tell("caller", `a call on the peer port from ${remote} is refused: ${why}`);
        } else if (peer.wire === wire) {
          this.#lose(peer, why);
        }
      },
    });
    const { remote } = wire;
  }

  /** Answers a caller; `onPeer` hears of it before the first of its frames, if it is taken. */
  #greet(wire: Wire, hello: Hello, bytes: Uint8Array, onPeer: (peer: Peer) => void): void {
    const answer = this.#answerTo(hello, wire.socket);
    if (answer !== "prove") {
      this.#listener.settled(wire.socket);
      const reply = this.#hello(hello.from, answer, answer === "welcome" ? "none" : this.#proof);
      this.#welcome(wire, hello, answer, reply, null, onPeer);
      return;
    }
    // It counts as silent until it has proved itself: so long, and so many of them, and no longer and no more.
    const greeting = this.#hello(hello.from, "prove", this.#proof);
    const called = new Called(this.#options.secrets ?? [], bytes, greeting);
    wire.expect(PROOF_BYTES, (proof) => {
      this.#listener.settled(wire.socket);
      const standing = called.accept(proof);
      const verdict = standing === null ? "secret-differs" : this.#verdictOn({ ...hello, ...standing }, wire.socket);
      const { incarnation } = this.#options;
      const reply = called.verdict({ answer: verdict, cluster: this.#cluster, incarnation });
      const seals = standing === null ? null : () => called.seals();
      this.#welcome(wire, { ...hello, ...standing }, verdict, reply, seals, onPeer);
    });
    wire.sendRaw(greeting);
  }

  #welcome(
    wire: Wire,
    hello: Hello,
    answer: Exclude<Answer, "prove">,
    reply: Uint8Array,
    seals: (() => Seals) | null,
    onPeer: (peer: Peer) => void,
  ): void {
    if (answer !== "welcome") {
      if (answer !== "busy") {
        const who = `member ${hello.from}, calling from ${wire.remote}, is refused: it`;
        const cluster = answer === "cluster" ? ` (cluster ${hello.cluster.toString(16)})` : "";
        this.#complaints.tell(`caller ${answer}`, `${who} ${complaints[answer]}${cluster}`);
      }
      wire.socket.write(reply);
      wire.end();
      return;
    }
    const before = this.#peer(hello.from);
    this.#cancelCall(before);
    const old = before.wire;
    if (old !== null) {
      this.#lose(before, "it called anew");
      old.close(null);
    }
    const peer = this.#peer(hello.from);
    wire.sendRaw(reply);
    onPeer(peer);
    this.#adopt(peer, wire, `calling from ${wire.remote}`, seals === null ? null : seals());
  }

  /** "prove": the verdict waits for that. */
  #answerTo(hello: Hello, socket: Socket): Answer {
    if (hello.versionOldest > WIRE_VERSION || hello.version < WIRE_VERSION_OLDEST) return "version";
    if (hello.from === this.#options.id) return "same-member";
    if (hello.to !== this.#options.id) return "wrong-member";
    if (this.#isOwnCallPreferred(hello.from)) return "busy";
    const own = this.#proof;
    if (hello.proof === "demanded" && own === "none") return "secret-unknown";
    if (hello.proof === "none" && own === "demanded") return "secret-missing";
    return hello.proof === "none" || own === "none" ? this.#verdictOn(hello, socket) : "prove";
  }

  /** On a caller of whom is known what there is to know. */
  #verdictOn(hello: Hello, socket: Socket): Exclude<Answer, "prove"> {
    if (this.#isOfAnother(hello.cluster)) return "cluster";
    const known = this.#peers.get(hello.from);
    if (this.#tls !== null && this.#tls.options.verifyCallerHost !== false) {
      const hosts = known?.addresses.map(({ host }) => host) ?? [];
      if (!isCertifiedFor(socket, hosts)) return "certificate";
    }
    if (known?.isListed !== true && !this.#isProved(hello, socket) && this.#strangers >= STRANGERS_MAX)
      return "crowded";
    return this.#isOwnCallPreferred(hello.from) ? "busy" : "welcome";
  }

  #isOwnCallPreferred(from: MemberId): boolean {
    return this.#options.id > from && this.#peers.get(from)?.call?.isHelloSent === true;
  }

  #isOfAnother(cluster: number): boolean {
    return cluster !== 0 && this.#cluster !== 0 && cluster !== this.#cluster;
  }

  /** Whether a caller has shown by more than its own word that it is of the ensemble. */
  #isProved(hello: Hello, socket: Socket): boolean {
    return (hello.proof !== "none" && this.#proof !== "none") || showsCertificate(socket);
  }

  /** Connections to members that the configuration does not name, and that have proved nothing. */
  get #strangers(): number {
    let count = 0;
    for (const { isListed, wire } of this.#peers.values()) {
      if (!isListed && wire !== null && isStranger(wire)) count++;
    }
    return count;
  }

  /** `proof`: what is asked for. Where that is anything, what is not for strangers is told once they have proved themselves. */
  #hello(to: MemberId, answer: Answer, proof: Proof): Uint8Array {
    const isOpen = proof === "none";
    return encodeHello({
      version: WIRE_VERSION,
      versionOldest: WIRE_VERSION_OLDEST,
      answer,
      proof,
      from: this.#options.id,
      to,
      cluster: isOpen ? this.#cluster : 0,
      incarnation: isOpen ? this.#options.incarnation : 0,
      nonce: freshNonce(),
    });
  }

  // ------------------------------------------------------------------------------------------------------ connected

  #adopt(peer: Peer, wire: Wire, how: string, seals: Seals | null): void {
    wire.open(seals);
    if (!peer.isListed && isStranger(wire)) wire.limitFrames(STRANGER_FRAME_BYTES_MAX);
    peer.wire = wire;
    peer.failures = 0;
    this.#cancelCall(peer);
    this.#complaints.forget(`call ${peer.id}`);
    this.#logger.info(`connected to member ${peer.id}, ${how}`);
    this.#options.events.onConnect(peer.id);
  }

  #lose(peer: Peer, why: string | null): void {
    peer.wire = null;
    if (this.#isClosed) return;
    this.#logger.info(`the connection to member ${peer.id} closed${why === null ? "" : `: ${why}`}`);
    if (peer.isListed) this.#redial(peer);
    else if (peer.call === null) this.#peers.delete(peer.id); // it may have any number, and the next one another
    this.#options.events.onDisconnect(peer.id);
  }

  #onFrame(peer: Peer, wire: Wire, frame: Uint8Array): void {
    if (peer.wire === wire) this.#options.events.onFrame(peer.id, frame);
  }

  /** Tells every peer that this member lives, and gives up those that do not. */
  #ping(): void {
    const now = performance.now();
    const wasAsleep = now - this.#pingedAt > 2 * PING_MS; // then it is this member that did not listen
    this.#pingedAt = now;
    for (const { wire } of this.#peers.values()) {
      if (wire === null) continue;
      wire.send(PING);
      if (wasAsleep) wire.heardAt = now;
      if (now - wire.heardAt > SILENCE_MS) wire.close(`nothing was heard from it for ${SILENCE_MS} ms`);
    }
  }
}

/** It has shown by nothing but its word that it is of the ensemble. */
function isStranger(wire: Wire): boolean {
  return !wire.isSealed && !showsCertificate(wire.socket);
}

/** What is wrong with a caller, and what one called says is wrong with us. */
const complaints = {
  version: "speaks no version of this protocol that this member speaks",
  cluster: "belongs to another ensemble",
  "wrong-member": "wanted another member than this one",
  "same-member": "says that it is this member: two have the same `myid`",
  certificate: "has a certificate for another host",
  "secret-missing": "does not prove that it knows the ensemble's secret, and this member asks for that (peer.secret)",
  "secret-unknown": "asks for a proof by the ensemble's secret, and this member was given none (peer.secret)",
  "secret-differs": "does not know the ensemble's secret: the secrets differ, or it is no member",
  crowded: "is named by no configuration, and too many such callers are there already",
} as const;

const refusals = {
  version: "refuses this member: no version of the protocol is common to both",
  cluster: "refuses this member: it belongs to another ensemble",
  "wrong-member": "refuses this member: it is another member than the configuration says",
  "same-member": "refuses this member: both have the same `myid`",
  certificate: "refuses this member: its certificate names neither its address nor the host it is listed with",
  prove: "asks for a proof by the ensemble's secret, and this member was given none (peer.secret)",
  "secret-missing":
    "refuses this member: it asks for the ensemble's secret, and this member was given none (peer.secret)",
  "secret-unknown":
    "does not prove that it knows the ensemble's secret: it was given none, or is no member (peer.secret)",
  "secret-differs": "does not know the ensemble's secret: the secrets differ, or it is no member (peer.secret)",
  crowded: "refuses this member: no configuration names it, and too many such callers are there already",
} as const;
