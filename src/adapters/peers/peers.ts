// The connections to the other members: one for each pair. Either side may open it, and it is opened again whenever it is lost.

import type { AddressInfo, Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { assert } from "../../base/assert.ts";
import { type Logger, silentLogger } from "../../base/logger.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import type { PeerEvents, Peers } from "../../replica/ports.ts";
import type { ListenAddress } from "../clients/socket-server.ts";
import { quietAfter } from "../timers.ts";
import { peerAddresses } from "./addresses.ts";
import { Answerer } from "./answerer.ts";
import { ChannelReceivers, LOG_CHANNEL, type OnChannelFrame, type PeerChannel } from "./channels.ts";
import type { PeerConnection } from "./connection.ts";
import { Dialer } from "./dialer.ts";
import { followRefusal, mayFollow } from "./following.ts";
import { FRAME_BYTES_MAX } from "./framing.ts";
import { WIRE_VERSION } from "./hello.ts";
import { STRANGER_FRAME_BYTES_MAX } from "./limits.ts";
import { Listener } from "./listener.ts";
import { LocalMember } from "./local-member.ts";
import type { Agreed, MeshContext, PeerTime } from "./mesh-context.ts";
import { isStranger, type Peer, PeerTable } from "./peer-table.ts";
import { type PeerTls, prepareTls } from "./peer-tls.ts";
import { RateLimitedWarnings } from "./warnings.ts";

const HEARTBEAT_MS = 500;
/** Nothing heard for so long: the connection is dead, though nobody said so. */
const SILENCE_MS = 5000;
const CLOSE_MS = 500;

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
  /** For tests: the time that connections go by. */
  readonly time?: PeerTime | undefined;
}

export interface OpenedPeers extends Peers {
  /** Where it listens, in the order of `listen`. */
  readonly addresses: readonly AddressInfo[];
  /** New certificates, for the calls made and taken from now on; throws where they cannot be used. */
  renewTls(tls: PeerTls): void;
  /** A channel beside the log's, by a number that both members know it by. Frames of strangers are not received on it. */
  openChannel(channel: number, onFrame: OnChannelFrame): PeerChannel;
}

/** Rejects if it cannot listen. */
export async function openPeers(options: PeersOptions): Promise<OpenedPeers> {
  const mesh = new Mesh(options);
  await mesh.listen();
  return mesh;
}

const systemTime: PeerTime = { now: () => performance.now(), after: quietAfter };

class Mesh implements OpenedPeers, MeshContext {
  readonly local: LocalMember;
  readonly peers = new PeerTable();
  readonly warnings: RateLimitedWarnings;
  readonly time: PeerTime;
  readonly tcpKeepAlive: boolean;
  isClosed = false;
  readonly #options: PeersOptions;
  readonly #logger: Logger;
  readonly #listener: Listener;
  readonly #dialer: Dialer;
  readonly #channels = new ChannelReceivers();
  #cancelHeartbeat: () => void = () => {};
  #heartbeatAt: number;

  constructor(options: PeersOptions) {
    const { id, incarnation, secrets = [], isSecretRequired = true, tls, isCallPlain = false, callMs } = options;
    this.#options = options;
    this.#logger = options.log ?? silentLogger;
    this.time = options.time ?? systemTime;
    this.tcpKeepAlive = options.tcpKeepAlive === true;
    this.local = new LocalMember({ id, incarnation, secrets, isSecretRequired, tls });
    this.warnings = new RateLimitedWarnings(this.#logger, () => this.time.now());
    this.#dialer = new Dialer(this, { isCallPlain, callMs });
    const answerer = new Answerer(this, this.#dialer, (socket) => this.#listener.noteIdentified(socket));
    this.#listener = new Listener({
      tls,
      isPlainTaken: options.isPlainTaken === true,
      warnings: this.warnings,
      after: this.time.after,
      onCall: (socket) => answerer.answer(socket),
    });
    this.#heartbeatAt = this.time.now();
    this.#scheduleHeartbeat();
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
    this.local.tls = prepareTls(options);
    this.#listener.renewTls(options);
  }

  // ------------------------------------------------------------------------------------------------------ the port

  send(to: MemberId, frame: Uint8Array): void {
    this.peers.get(to)?.connection?.send(LOG_CHANNEL, frame);
  }

  isConnected(to: MemberId): boolean {
    return this.peers.get(to)?.connection != null;
  }

  versionOf(member: MemberId): number | null {
    if (member === this.local.id) return WIRE_VERSION;
    return this.peers.get(member)?.connection?.peerVersion ?? null;
  }

  requireVersion(oldest: number): void {
    if (oldest <= this.local.versionOldest) return;
    this.local.versionOldest = oldest;
    for (const { id, connection } of this.peers) {
      if (connection !== null && connection.peerVersion < oldest) {
        this.hangUp(id, `it speaks version ${connection.peerVersion} at most, and the ensemble needs ${oldest} by now`);
      }
    }
  }

  unsentBytes(to: MemberId): number {
    return this.peers.get(to)?.connection?.unsentBytes ?? 0;
  }

  openChannel(channel: number, onFrame: OnChannelFrame): PeerChannel {
    this.#channels.add(channel, onFrame);
    const connectionTo = (member: MemberId) => {
      const connection = this.peers.get(member)?.connection;
      return connection?.hasChannels === true ? connection : null;
    };
    return {
      reaches: (member) => connectionTo(member) !== null,
      send: (to, frame) => connectionTo(to)?.send(channel, frame),
    };
  }

  reconcile(cluster: number, members: readonly { readonly id: MemberId; readonly description: string }[]): void {
    this.local.cluster = cluster;
    const listed = new Set<MemberId>();
    for (const { id, description } of members) {
      if (id === this.local.id) continue;
      listed.add(id);
      const addresses = peerAddresses(id, description);
      if (addresses.length === 0) {
        this.warnings.warn(`address ${id}`, `member ${id} has no address to be called at`);
      }
      const peer = this.peers.obtain(id);
      peer.isListed = true;
      peer.connection?.limitFrames(FRAME_BYTES_MAX);
      this.#dialer.setAddresses(peer, addresses);
    }
    for (const peer of this.peers) {
      peer.isListed = listed.has(peer.id);
      // Who is not listed is not called any more. Its connection stays while it lasts: a removed member is still to hear
      // that it was, and a member may be led by one that it has not heard of yet.
      if (!listed.has(peer.id)) this.#dialer.setAddresses(peer, []);
    }
  }

  mayFollow(member: MemberId): boolean {
    const peer = this.peers.get(member);
    if (peer === undefined || peer.connection === null) return false;
    const { isListed, connection } = peer;
    const { remoteAddress } = connection.socket;
    const { asksForProof } = this.local;
    if (mayFollow({ isListed, isProved: !isStranger(connection), remoteAddress }, asksForProof)) return true;
    this.warnings.warn("follow", followRefusal(member, connection.remote, asksForProof));
    return false;
  }

  hangUp(on: MemberId, why: string): void {
    const peer = this.peers.get(on);
    if (peer === undefined || peer.connection === null) return;
    const kind = peer.isListed ? `hang up ${on}` : "hang up on a stranger";
    this.warnings.warn(kind, `the connection to member ${on} at ${peer.connection.remote} is cut: ${why}`);
    peer.connection.close(why);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#cancelHeartbeat();
    const sockets: Socket[] = [];
    for (const peer of this.peers) {
      this.#dialer.cancel(peer);
      if (peer.connection === null) continue;
      sockets.push(peer.connection.socket);
      peer.connection.end();
      peer.connection = null;
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

  // ------------------------------------------------------------------------------------------------ its connections

  adopt(peer: Peer, connection: PeerConnection, how: string, { version, authenticators }: Agreed): void {
    assert(peer.connection === null, "a pair has one connection");
    connection.open(version, authenticators);
    if (!peer.isListed && isStranger(connection)) connection.limitFrames(STRANGER_FRAME_BYTES_MAX);
    peer.connection = connection;
    peer.failures = 0;
    this.#dialer.cancel(peer);
    this.warnings.reset(`call ${peer.id}`);
    this.#logger.info(`connected to member ${peer.id}, ${how}`);
    this.#options.events.onConnect(peer.id);
  }

  lose(peer: Peer, why: string | null): void {
    peer.connection = null;
    if (this.isClosed) return;
    this.#logger.info(`the connection to member ${peer.id} closed${why === null ? "" : `: ${why}`}`);
    if (peer.isListed) this.#dialer.redial(peer);
    else if (peer.call === null) this.peers.forget(peer);
    this.#options.events.onDisconnect(peer.id);
  }

  onFrame(peer: Peer, connection: PeerConnection, channel: number, frame: Uint8Array): void {
    if (peer.connection !== connection) return;
    if (channel === LOG_CHANNEL) this.#options.events.onFrame(peer.id, frame);
    else if (peer.isListed || !isStranger(connection)) this.#channels.of(channel)?.(peer.id, frame);
  }

  #scheduleHeartbeat(): void {
    this.#cancelHeartbeat = this.time.after(HEARTBEAT_MS, () => {
      this.#heartbeat();
      this.#scheduleHeartbeat();
    });
  }

  /** Tells every peer that this member lives, and gives up those that do not. */
  #heartbeat(): void {
    const now = this.time.now();
    const wasAsleep = now - this.#heartbeatAt > 2 * HEARTBEAT_MS; // then it is this member that did not listen
    this.#heartbeatAt = now;
    for (const { connection } of this.peers) {
      if (connection === null) continue;
      connection.sendHeartbeat();
      if (wasAsleep) connection.heardAt = now;
      if (now - connection.heardAt > SILENCE_MS) connection.close(`nothing was heard from it for ${SILENCE_MS} ms`);
    }
  }
}
