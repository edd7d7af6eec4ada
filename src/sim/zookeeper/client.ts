// A client of ZooKeeper's protocol in virtual time. It exchanges encoded frames through the real codec, keeps a session over
// several connections, and sets its watches again after each. Every answer is compared with the reference model.

import { assert } from "../../base/assert.ts";
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { formatServerLine, lineOfMember } from "../../base/server-line.ts";
import {
  readConnectReply,
  readReplyHeader,
  readWatchEvent,
  writeConnectRequest,
  XID,
} from "../../protocols/zookeeper/codec/records.ts";
import type { ClientConnection, ClientEnd, ClientNetwork } from "../kernel/client-network.ts";
import { memberOf } from "../kernel/ensemble.ts";
import type { SimulatedMember } from "../kernel/member.ts";
import type { MembershipChange } from "../kernel/membership-changes.ts";
import type { VirtualTime } from "../kernel/time.ts";
import type { FaultableClient } from "../kernel/workload.ts";
import type { ClientInvariants } from "./client-invariants.ts";
import { ZOOKEEPER } from "./door.ts";
import { ROOT } from "./paths.ts";
import { encodeRequest } from "./request-encoding.ts";
import type { ClientOperation, ClientWorkload, ObservedClient, Request, SessionView, WatchKind } from "./requests.ts";

export interface ClientOptions {
  readonly id: number;
  readonly timeoutMs: number;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: ClientNetwork;
  readonly invariants: ClientInvariants;
  /** Whom it may connect to. */
  readonly members: readonly SimulatedMember[];
}

export class SimulatedClient implements ClientEnd, ObservedClient, FaultableClient {
  readonly id: number;
  readonly options: ClientOptions;
  session: SessionView | null = null;
  workload: ClientWorkload | null = null;
  requestsAnswered = 0;
  /** Requests whose connection ended before an answer came: what became of them is unknown. */
  requestsUnknown = 0;
  sessionsOpened = 0;
  /** By path, and since which zxid: what the client will set again. */
  readonly watches = new Map<string, Map<WatchKind, number>>();
  #connection: ClientConnection | null = null;
  #isConnected = false;
  #isStopped = false;
  #xid = 0;
  #bytes = new Uint8Array(0);
  readonly #pending: Request[] = [];
  #syncFloor = 0;
  #syncSentAt = 0;
  #dialedAt = 0;
  #heardAt = 0;
  #sentAt = 0;
  #pausedUntil = 0;
  #held: (() => void)[] = [];
  readonly #writer = new ByteWriter(512);

  constructor(options: ClientOptions) {
    this.options = options;
    this.id = options.id;
    this.#tickSoon();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get outstanding(): number {
    return this.#pending.length;
  }

  get member(): SimulatedMember | null {
    return this.#connection?.member ?? null;
  }

  /** Nothing it hears is heard before it goes on, and it sends nothing. */
  pause(milliseconds: number): void {
    const { time } = this.options;
    this.#pausedUntil = Math.max(this.#pausedUntil, time.now + milliseconds);
    time.after(milliseconds, () => {
      if (this.isPaused) return;
      for (const task of this.#held.splice(0)) task();
    });
  }

  get isPaused(): boolean {
    return this.options.time.now < this.#pausedUntil;
  }

  get isReady(): boolean {
    return this.#isConnected && !this.isPaused;
  }

  /** Asks for a read that shows all that was acknowledged before. */
  readFresh(): void {
    this.request({ kind: "sync", path: ROOT });
    this.request({ kind: "children", path: ROOT, watch: false });
  }

  changeMembers({ joining, leaving }: MembershipChange): void {
    const lines = joining.map(({ id, wantedRole }) => {
      return `server.${id}=${formatServerLine(lineOfMember(memberOf(id, wantedRole)))}`;
    });
    this.request({ kind: "reconfig", joining: lines.join() || null, leaving: leaving.join() || null });
  }

  /** It hangs up without closing its session, and never comes back. */
  vanish(): void {
    this.#isStopped = true;
    this.#disconnect();
  }

  /** Leaves its connection for another. */
  hangUp(): void {
    if (this.#connection !== null) this.#disconnect();
  }

  // ------------------------------------------------------------------------------------------------------- requests

  request(operation: ClientOperation): void {
    assert(this.#isConnected && this.session !== null, "a request without a connection");
    const { invariants, time } = this.options;
    if (operation.kind === "sync") {
      this.#syncFloor = invariants.highestSeen;
      this.#syncSentAt = time.now;
    }
    const request: Request = {
      xid: XID_OF[operation.kind] ?? ++this.#xid,
      operation,
      sentAt: time.now,
      floor: invariants.highestSeen,
      syncFloor: this.#syncFloor,
      syncSentAt: this.#syncSentAt,
    };
    this.#pending.push(request);
    invariants.onSent(this, request);
    this.#connection!.send(encodeRequest(this.#writer, request, this));
    this.#sentAt = time.now;
  }

  // ---------------------------------------------------------------------------------------------------- connections

  /** What every client does now and then: connects, pings, and gives silent members up. */
  #tickSoon(): void {
    const { time, timeoutMs, random } = this.options;
    const soon = this.#isConnected ? timeoutMs / 8 : timeoutMs / 40;
    time.after(soon * (0.5 + random.below(1000) / 1000), () => {
      if (this.#isStopped) return;
      if (!this.isPaused) this.#tick();
      this.#tickSoon();
    });
  }

  #tick(): void {
    const { time, timeoutMs } = this.options;
    const { now } = time;
    if (this.#connection === null) {
      this.#dial();
    } else if (!this.#isConnected) {
      if (now - this.#dialedAt > timeoutMs / 3) this.#disconnect();
    } else if (now - this.#heardAt > (timeoutMs * 2) / 3) {
      this.#disconnect();
    } else if (
      now - this.#sentAt > timeoutMs / 3 ||
      (now - this.#heardAt > timeoutMs / 3 && this.#pending.length === 0)
    ) {
      this.request({ kind: "ping" });
    }
  }

  #dial(): void {
    const { members, random, network, time, timeoutMs, invariants } = this.options;
    const member = members[random.below(members.length)]!;
    this.#connection = network.dial(this.id, member, ZOOKEEPER, this.#endOf());
    if (this.#connection === null) return;
    this.#dialedAt = time.now;
    this.#bytes = new Uint8Array(0);
    this.#syncFloor = 0;
    const writer = this.#writer.clear();
    writeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: this.session?.lastZxid ?? 0,
      timeoutMs,
      sessionId: this.session?.id ?? 0,
      password: this.session?.password ?? new Uint8Array(16),
      readOnly: false,
    });
    invariants.onDialed(this);
    this.#connection.send(writer.copy());
  }

  /** What this connection says is for nobody once there is another. */
  #endOf(): ClientEnd {
    const dial = ++this.#dials;
    const unlessOld = (task: () => void): void => {
      const run = (): void => {
        if (dial === this.#dials && this.#connection !== null) task();
      };
      if (this.isPaused) this.#held.push(run);
      else run();
    };
    return {
      onBytes: (bytes) => unlessOld(() => this.onBytes(bytes)),
      onClosed: () => unlessOld(() => this.onClosed()),
    };
  }

  #dials = 0;

  #disconnect(): void {
    const connection = this.#connection;
    this.#connection = null;
    const wasConnected = this.#isConnected;
    this.#isConnected = false;
    this.requestsUnknown += this.#pending.length;
    this.#pending.length = 0;
    connection?.close();
    if (wasConnected) {
      this.options.invariants.onDisconnected(this);
      this.workload?.onDisconnected();
    }
  }

  onClosed(): void {
    this.#disconnect();
  }

  onBytes(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    let at = 0;
    const connection = this.#connection;
    while (all.length - at >= 4 && this.#connection === connection) {
      const length = new ByteReader(all, at).int32();
      if (all.length - at - 4 < length) break;
      this.#heardAt = this.options.time.now;
      const frame = new ByteReader(all, at + 4, at + 4 + length);
      at += 4 + length;
      if (this.#isConnected) this.#onFrame(frame);
      else this.#onHandshake(frame);
    }
    if (this.#connection === connection) this.#bytes = all.slice(at);
  }

  #onHandshake(frame: ByteReader): void {
    const { invariants } = this.options;
    const { sessionId, timeoutMs, password } = readConnectReply(frame);
    const before = this.session;
    if (sessionId === 0) {
      invariants.onRefused(this);
      this.session = null;
      this.watches.clear();
      this.#disconnect();
      this.workload?.onSessionLost();
      return;
    }
    const isNew = before?.id !== sessionId;
    this.session = {
      id: sessionId,
      timeoutMs,
      password: password!.slice(),
      aliveSince: this.#dialedAt,
      lastZxid: isNew ? 0 : before!.lastZxid,
    };
    if (isNew) this.sessionsOpened++;
    this.#isConnected = true;
    invariants.onConnected(this, isNew);
    if (this.watches.size > 0) this.request({ kind: "set-watches" });
    this.workload?.onConnected(isNew);
  }

  #onFrame(frame: ByteReader): void {
    const { invariants } = this.options;
    const header = readReplyHeader(frame);
    if (header.xid === XID.notification) {
      const { type, path } = readWatchEvent(frame);
      invariants.onNotification(this, type, path, header.zxid);
      this.workload?.onEvent(type, path);
      return;
    }
    const request = this.#pending.shift();
    if (request === undefined || request.xid !== header.xid) {
      invariants.violate("replies in order", `client ${this.id} awaits ${request?.xid}, and hears ${header.xid}`);
      return;
    }
    this.requestsAnswered++;
    const bodyAt = frame.offset;
    invariants.onReply(this, request, { header, body: frame });
    frame.offset = bodyAt;
    if (request.operation.kind === "ping")
      this.session!.aliveSince = Math.max(this.session!.aliveSince, request.sentAt);
    if (request.operation.kind === "close") {
      this.session = null;
      this.watches.clear();
      this.#disconnect();
      this.workload?.onSessionLost();
      return;
    }
    this.workload?.onReply(request, { header, body: frame });
  }
}

/** Requests that carry numbers of their own. */
const XID_OF: Partial<Record<ClientOperation["kind"], number>> = { ping: XID.ping, "set-watches": XID.setWatches };
