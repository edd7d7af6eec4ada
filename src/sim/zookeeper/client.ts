// A client of ZooKeeper's protocol in virtual time: encoded frames through the real codec, a session that outlives its
// connections, watches set again after each. It does what clients do and looks closer than they can: every answer is held
// against the reference model.

import { assert } from "../../base/assert.ts";
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { bytesOf } from "../../base/text.ts";
import { writeString } from "../../protocols/zookeeper/codec/jute.ts";
import { type MultiRequest, writeMulti } from "../../protocols/zookeeper/codec/multi.ts";
import { OPCODE } from "../../protocols/zookeeper/codec/opcodes.ts";
import {
  OPEN_ACL,
  type ReplyHeader,
  readConnectReply,
  readReplyHeader,
  readWatchEvent,
  writeConnectRequest,
  XID,
} from "../../protocols/zookeeper/codec/records.ts";
import {
  writeCreate,
  writePathKind,
  writePathVersion,
  writePathWatch,
  writeReconfig,
  writeSetData,
  writeSetWatches,
} from "../../protocols/zookeeper/codec/requests.ts";
import type { ClientConnection, ClientEnd, ClientNetwork } from "../kernel/client-network.ts";
import type { SimulatedMember } from "../kernel/member.ts";
import type { VirtualTime } from "../kernel/time.ts";
import type { ClientInvariants } from "./client-invariants.ts";
import type { TreeCommand } from "./log-commands.ts";
import type { WatchKind } from "./watch-invariants.ts";

export type ClientOperation =
  | TreeCommand
  | { readonly kind: "multi"; readonly commands: readonly TreeCommand[] }
  | { readonly kind: "get" | "exists" | "children"; readonly path: string; readonly watch: boolean }
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "add-watch"; readonly path: string; readonly recursive: boolean }
  | { readonly kind: "set-watches" }
  | { readonly kind: "reconfig"; readonly joining: string | null; readonly leaving: string | null }
  | { readonly kind: "ping" }
  | { readonly kind: "close" };

export interface Request {
  readonly xid: number;
  readonly operation: ClientOperation;
  readonly sentAt: number;
  /** The latest revision that any client had seen when this was sent. */
  readonly floor: number;
  /** The latest revision that a `sync` before it, on the same connection, promised to show; 0: none did. */
  readonly syncFloor: number;
  /** When that `sync` was sent. */
  readonly syncSentAt: number;
}

export interface Reply {
  readonly header: ReplyHeader;
  /** Behind the header. */
  readonly body: ByteReader;
}

export interface SessionView {
  id: number;
  timeoutMs: number;
  password: Uint8Array;
  /** When the last handshake or ping that was answered had been sent: the session lives at least its timeout from there. */
  aliveSince: number;
  lastZxid: number;
}

/** What a client is for: it hears what came of its requests, and says what comes next. */
export interface Workload {
  /** The session stands, on a new connection; `isNew`: it is another than before. */
  onConnected(isNew: boolean): void;
  onDisconnected(): void;
  /** The session is gone, and its ephemeral nodes with it. */
  onSessionLost(): void;
  onReply(request: Request, reply: Reply): void;
  onEvent(type: number, path: string): void;
}

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

export class SimulatedClient implements ClientEnd {
  readonly id: number;
  readonly options: ClientOptions;
  session: SessionView | null = null;
  workload: Workload | null = null;
  requestsAnswered = 0;
  /** Requests whose connection ended before an answer came: what became of them is unknown. */
  requestsUnknown = 0;
  sessionsOpened = 0;
  /** By path, and since which revision: what the client will set again. */
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
      xid: xidOf(operation) ?? ++this.#xid,
      operation,
      sentAt: time.now,
      floor: invariants.highestSeen,
      syncFloor: this.#syncFloor,
      syncSentAt: this.#syncSentAt,
    };
    this.#pending.push(request);
    invariants.onSent(this, request);
    this.#connection!.send(this.#encode(request));
    this.#sentAt = time.now;
  }

  #encode({ xid, operation }: Request): Uint8Array {
    const writer = this.#writer.clear();
    writer.int32(0);
    writer.int32(xid);
    this.#body(writer, operation);
    writer.setInt32(0, writer.length - 4);
    return writer.copy();
  }

  #body(writer: ByteWriter, operation: ClientOperation): void {
    switch (operation.kind) {
      case "create":
        writer.int32(OPCODE.create2);
        writeCreate(writer, createOf(operation));
        break;
      case "delete":
      case "check":
        writer.int32(OPCODE[operation.kind]);
        writePathVersion(writer, operation);
        break;
      case "set":
        writer.int32(OPCODE.setData);
        writeSetData(writer, { ...operation, data: dataOf(operation.data) });
        break;
      case "multi":
        writer.int32(OPCODE.multi);
        writeMulti(writer, operation.commands.map(multiOf));
        break;
      case "get":
      case "exists":
      case "children":
        writer.int32(READ_OPCODE[operation.kind]);
        writePathWatch(writer, operation);
        break;
      case "sync":
        writer.int32(OPCODE.sync);
        writeString(writer, operation.path);
        break;
      case "add-watch":
        writer.int32(OPCODE.addWatch);
        writePathKind(writer, { path: operation.path, kind: operation.recursive ? 1 : 0 });
        break;
      case "set-watches":
        writer.int32(OPCODE.setWatches2);
        this.#writeWatches(writer);
        break;
      case "reconfig": {
        const { joining, leaving } = operation;
        writer.int32(OPCODE.reconfig);
        writeReconfig(writer, { joining, leaving, newMembers: null, version: -1 });
        break;
      }
      case "ping":
        writer.int32(OPCODE.ping);
        break;
      case "close":
        writer.int32(OPCODE.closeSession);
        break;
    }
  }

  #writeWatches(writer: ByteWriter): void {
    const of = (kind: WatchKind): string[] => {
      return [...this.watches].filter(([, kinds]) => kinds.has(kind)).map(([path]) => path);
    };
    const relativeZxid = this.session!.lastZxid;
    const lists = {
      data: of("data"),
      exist: of("exist"),
      child: of("child"),
      persistent: [],
      recursive: of("recursive"),
    };
    writeSetWatches(writer, { relativeZxid, ...lists }, true);
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
    this.#connection = network.dial(this.id, member, this.#endOf());
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

const READ_OPCODE = { get: OPCODE.getData, exists: OPCODE.exists, children: OPCODE.getChildren2 } as const;

function xidOf({ kind }: ClientOperation): number | null {
  if (kind === "ping") return XID.ping;
  return kind === "set-watches" ? XID.setWatches : null;
}

function dataOf(data: string | null): Uint8Array | null {
  return data === null ? null : bytesOf(data);
}

function createOf({ path, data, mode }: TreeCommand & { kind: "create" }) {
  return { path, data: dataOf(data), acl: OPEN_ACL, flags: mode };
}

function multiOf(command: TreeCommand): MultiRequest {
  switch (command.kind) {
    case "create":
      return { kind: "create", opcode: OPCODE.create2, request: createOf(command) };
    case "delete":
      return { kind: "delete", opcode: OPCODE.delete, request: command };
    case "set":
      return { kind: "set-data", opcode: OPCODE.setData, request: { ...command, data: dataOf(command.data) } };
    case "check":
      return { kind: "check", opcode: OPCODE.check, request: command };
  }
}
