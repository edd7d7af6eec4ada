// Connections to the other members: one for each pair, called by either side, called again whenever it is lost. If two call
// each other at once, the call of the higher number stands.

import net, { type AddressInfo, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import tls, { type SecureContext } from "node:tls";
import type { MemberId } from "../../consensus/raft/types.ts";
import { type Logger, silentLogger } from "../../replica/logger.ts";
import type { PeerEvents, Peers } from "../../replica/ports.ts";
import { type PeerAddress, peerAddresses, showAddress } from "./address.ts";
import { Complaints } from "./complaints.ts";
import { type Answer, encodeHello, type Hello, WIRE_VERSION, WIRE_VERSION_OLDEST } from "./hello.ts";
import { type ListenAddress, Listener } from "./listener.ts";
import { contextOptions, isCertifiedFor, type PeerTls } from "./tls.ts";
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
  #tls: { readonly options: PeerTls; readonly context: SecureContext } | null;
  readonly #pinger: NodeJS.Timeout;
  #pingedAt = performance.now();

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#logger = options.log ?? silentLogger;
    this.#complaints = new Complaints(this.#logger);
    this.#tls = options.tls === undefined ? null : prepared(options.tls);
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
    this.#tls = prepared(options);
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
      this.#setAddresses(this.#peer(id), addresses);
    }
    for (const peer of this.#peers.values()) {
      // Who is not listed is not called any more. Its connection stays while it lasts: a removed member is still to hear
      // that it was, and a member may be led by one that it has not heard of yet.
      if (!listed.has(peer.id)) this.#setAddresses(peer, []);
    }
  }

  hangUp(on: MemberId, why: string): void {
    const wire = this.#peers.get(on)?.wire;
    if (wire == null) return;
    this.#complaints.tell(`hang up ${on}`, `the connection to member ${on} at ${wire.remote} is cut: ${why}`);
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
      peer = { id, addresses: [], wire: null, call: null, redial: null, failures: 0 };
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
    const wire = this.#wire(socket, {
      onHello: (_, hello) => this.#onAnswer(peer, wire, where, hello),
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
      wire.sendRaw(this.#hello(peer.id, "welcome"));
    });
  }

  #wire(socket: Socket, events: WireEvents): Wire {
    return new Wire(socket, events, this.#options.tcpKeepAlive === true);
  }

  #onAnswer(peer: Peer, wire: Wire, where: string, hello: Hello): void {
    if (peer.call?.wire === wire) peer.call.isAnswered = true;
    if (hello.from !== peer.id) {
      this.#complaints.tell(
        `wrong ${peer.id}`,
        `${where}, the address of member ${peer.id}, leads to member ${hello.from}`,
      );
      wire.close(null);
      return;
    }
    const { answer } = hello;
    if (answer !== "welcome") {
      if (answer !== "busy")
        this.#complaints.tell(`refused ${peer.id}`, `member ${peer.id} at ${where} ${refusals[answer]}`);
      wire.close(null);
      return;
    }
    this.#adopt(peer, wire, `called at ${where}`);
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
      onHello: (_, hello) => {
        this.#listener.settled(socket);
        peer = this.#welcome(wire, hello);
      },
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

  /** Null: refused. */
  #welcome(wire: Wire, hello: Hello): Peer | null {
    const answer = this.#answerTo(hello, wire.socket);
    if (answer !== "welcome") {
      if (answer !== "busy") {
        const who = `member ${hello.from}, calling from ${wire.remote}, is refused: it`;
        this.#complaints.tell(
          `caller ${answer}`,
          `${who} ${complaints[answer]} (cluster ${hello.cluster.toString(16)})`,
        );
      }
      wire.socket.write(this.#hello(hello.from, answer));
      wire.end();
      return null;
    }
    const peer = this.#peer(hello.from);
    this.#cancelCall(peer);
    const old = peer.wire;
    if (old !== null) {
      this.#lose(peer, "it called anew");
      old.close(null);
    }
    wire.sendRaw(this.#hello(peer.id, "welcome"));
    this.#adopt(peer, wire, `calling from ${wire.remote}`);
    return peer;
  }

  #answerTo(hello: Hello, socket: Socket): Answer {
    if (hello.versionOldest > WIRE_VERSION || hello.version < WIRE_VERSION_OLDEST) return "version";
    if (hello.from === this.#options.id) return "same-member";
    if (hello.from === 0 || hello.to !== this.#options.id) return "wrong-member";
    if (hello.cluster !== 0 && this.#cluster !== 0 && hello.cluster !== this.#cluster) return "cluster";
    if (this.#tls !== null && this.#tls.options.verifyCallerHost !== false) {
      const hosts = this.#peers.get(hello.from)?.addresses.map(({ host }) => host) ?? [];
      if (!isCertifiedFor(socket, hosts)) return "certificate";
    }
    const isCalledByUs = this.#peers.get(hello.from)?.call?.isHelloSent === true;
    return isCalledByUs && this.#options.id > hello.from ? "busy" : "welcome";
  }

  #hello(to: MemberId, answer: Answer): Uint8Array {
    return encodeHello({
      version: WIRE_VERSION,
      versionOldest: WIRE_VERSION_OLDEST,
      answer,
      from: this.#options.id,
      to,
      cluster: this.#cluster,
      incarnation: this.#options.incarnation,
    });
  }

  // ------------------------------------------------------------------------------------------------------ connected

  #adopt(peer: Peer, wire: Wire, how: string): void {
    wire.open();
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
    this.#redial(peer);
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

/** What is wrong with a caller, and what one called says is wrong with us. */
const complaints = {
  version: "speaks no version of this protocol that this member speaks",
  cluster: "belongs to another ensemble",
  "wrong-member": "wanted another member than this one",
  "same-member": "says that it is this member: two have the same `myid`",
  certificate: "has a certificate for another host",
} as const;

const refusals = {
  version: "refuses this member: no version of the protocol is common to both",
  cluster: "refuses this member: it belongs to another ensemble",
  "wrong-member": "refuses this member: it is another member than the configuration says",
  "same-member": "refuses this member: both have the same `myid`",
  certificate: "refuses this member: its certificate names neither its address nor the host it is listed with",
} as const;

function prepared(options: PeerTls): { readonly options: PeerTls; readonly context: SecureContext } {
  return { options, context: tls.createSecureContext(contextOptions(options)) };
}

function dialSecurely(
  { host, port }: PeerAddress,
  { options, context }: { readonly options: PeerTls; readonly context: SecureContext },
): Socket {
  return tls.connect({
    host,
    port,
    secureContext: context,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(options.verifyHost === false ? { checkServerIdentity: () => undefined } : {}),
  });
}
