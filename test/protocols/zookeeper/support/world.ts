// A member without a cluster: the real state, time that stands still until told, and agreement that comes when the test
// says so. Clients talk to a real Service over ports of memory.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter } from "../../../../src/base/bytes.ts";
import type { Clock } from "../../../../src/base/clock.ts";
import type { CoordinationError } from "../../../../src/base/errors.ts";
import type { Hashes } from "../../../../src/base/hashes.ts";
import type { Logger } from "../../../../src/base/logger.ts";
import { bytesOf, toByteString } from "../../../../src/base/text.ts";
import { OPCODE } from "../../../../src/protocols/zookeeper/codec/opcodes.ts";
import {
  type ConnectReply,
  type ConnectRequest,
  readConnectReply,
  readReplyHeader,
  readWatchEvent,
  writeConnectRequest,
  XID,
} from "../../../../src/protocols/zookeeper/codec/records.ts";
import type { CertifiedPeer, Connection } from "../../../../src/protocols/zookeeper/connection.ts";
import type { ServiceOptions } from "../../../../src/protocols/zookeeper/door-options.ts";
import { BOUNDS } from "../../../../src/protocols/zookeeper/limits.ts";
import { Service } from "../../../../src/protocols/zookeeper/service.ts";
import { ProposalSizes } from "../../../../src/replica/proposal-sizes.ts";
import type { AnyWaiter, MemberStatus, ReplicaPort, Waiter } from "../../../../src/replica/replica-port.ts";
import { ReplicaStats } from "../../../../src/replica/replica-stats.ts";
import { beginCommand, endCommand, modelOf, stampTime, writeBatchHeader } from "../../../../src/state/batch.ts";
import { encodeExpireLeases } from "../../../../src/state/leases/commands.ts";
import { Leases } from "../../../../src/state/leases/leases.ts";
import { Machine } from "../../../../src/state/machine.ts";
import type { Model } from "../../../../src/state/model.ts";
import { coordinationModels } from "../../../../src/state/models.ts";
import { ClientCapacity } from "../../../../src/transport/client-capacity.ts";
import type { ConnectionPort } from "../../../../src/transport/connection.ts";

export class VirtualClock implements Clock {
  #now = 0;
  #deferred: (() => void)[] = [];
  #timers: { at: number; task: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  defer(task: () => void): void {
    this.#deferred.push(task);
  }

  after(milliseconds: number, task: () => void): () => void {
    const timer = { at: this.#now + milliseconds, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Runs what was deferred, and what that defers, until nothing is. */
  turn(): void {
    for (let rounds = 0; this.#deferred.length > 0; rounds++) {
      assert(rounds < 1000, "the loop spins");
      const tasks = this.#deferred;
      this.#deferred = [];
      for (const task of tasks) task();
    }
  }

  /** Runs what was deferred, and not what that defers. */
  turnOnce(): void {
    for (const task of this.#deferred.splice(0)) task();
  }

  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    this.turn();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = next.at;
      next.task();
      this.turn();
    }
    this.#now = until;
  }
}

export class FakeMember implements ReplicaPort {
  readonly id = 1;
  readonly run = 7;
  readonly proposals = new ProposalSizes();
  readonly stats: ReplicaStats;
  readonly machine = new Machine(coordinationModels());
  readonly clock: VirtualClock;
  /** Commands are agreed on at the end of the turn; or, held, when `agree` is called. */
  isHeld = false;
  state: ReturnType<ReplicaPort["admission"]> = "open";
  hasQuorum = true;
  renewed: number[] = [];
  barriers: ((error: CoordinationError | null) => void)[] = [];
  #waiters: AnyWaiter[] = [];
  #batch = new ByteWriter();
  #mark = -1;
  #sequence = 0;
  #index = 0;
  #expired = 0;
  #listeners: (() => void)[] = [];

  constructor(clock: VirtualClock) {
    this.clock = clock;
    this.stats = new ReplicaStats(clock);
  }

  get status(): MemberStatus {
    return { hasQuorum: this.hasQuorum } as MemberStatus;
  }

  get proposed(): number {
    return this.#waiters.length;
  }

  begin(): ByteWriter {
    if (this.#waiters.length === 0) {
      this.#sequence += 1;
      writeBatchHeader(this.#batch.clear(), this.id, this.run, this.#sequence);
    }
    assert(this.#mark < 0, "a command was begun while another is open");
    this.#mark = beginCommand(this.#batch);
    return this.#batch;
  }

  abandon(): void {
    if (this.#mark < 0) return;
    this.#batch.length = this.#mark;
    this.#mark = -1;
    if (this.#waiters.length === 0) this.#sequence -= 1;
  }

  commit<Outcome>(model: Model<Outcome>, waiter: Waiter<Outcome>): void {
    assert.equal(modelOf(this.#batch.bytes, this.#mark), model.number);
    endCommand(this.#batch, this.#mark);
    this.#mark = -1;
    this.#waiters.push(waiter);
    if (this.#waiters.length === 1 && !this.isHeld) this.clock.defer(() => this.agree());
  }

  /** What was proposed is applied. */
  agree(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    const batch = this.#batch.copy();
    stampTime(batch, this.clock.wall());
    this.#index += 1;
    let next = 0;
    const applied = this.machine.apply(this.#index, batch, (outcome, revision) => {
      waiters[next++]!.onOutcome(outcome as never, revision);
    });
    assert.equal(applied, "applied");
    assert.equal(next, waiters.length);
  }

  /** Another member's commands are applied here. */
  agreeFrom(member: number, sequence: number, encode: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter();
    writeBatchHeader(writer, member, 1, sequence);
    const mark = beginCommand(writer);
    encode(writer);
    endCommand(writer, mark);
    this.#index += 1;
    assert.equal(this.machine.apply(this.#index, writer.copy(), null), "applied");
  }

  /** For an entry that is no batch. */
  nextIndex(): number {
    this.#index += 1;
    return this.#index;
  }

  expire(id: number): void {
    const generation = this.machine.model(Leases).get(id)!.generation;
    this.#expired += 1;
    this.agreeFrom(9, this.#expired, (writer) => encodeExpireLeases(writer, [{ id, generation }]));
  }

  refuseAll(error: CoordinationError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#sequence -= 1;
    for (const waiter of waiters) waiter.onRefused(error);
  }

  admission(): ReturnType<ReplicaPort["admission"]> {
    return this.state;
  }

  readBarrier(done: (error: CoordinationError | null) => void, lease: number | null = null): void {
    if (lease !== null) this.renewed.push(lease);
    this.barriers.push(done);
    if (!this.isHeld) this.clock.defer(() => this.pass());
  }

  pass(error: CoordinationError | null = null): void {
    for (const done of this.barriers.splice(0)) done(error);
  }

  renew(lease: number): void {
    this.renewed.push(lease);
  }

  leaseRemaining(_lease: number, done: (error: CoordinationError | null, remainingMs: number | null) => void): void {
    done(null, null);
  }

  onStatusChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  become(change: { state?: FakeMember["state"]; hasQuorum?: boolean }): void {
    Object.assign(this, change);
    for (const listener of this.#listeners) listener();
  }
}

class FakePort implements ConnectionPort {
  received: Uint8Array[] = [];
  isPaused = false;
  isEnded = false;
  isDestroyed = false;
  /** The client fetches nothing. */
  isStuck = false;
  /** How many bytes of a write are taken at once, where nothing waits already. */
  takesAtOnce = Number.POSITIVE_INFINITY;
  unsentBytes = 0;
  connection: Connection | null = null;

  write(bytes: Uint8Array): boolean {
    assert(!this.isEnded && !this.isDestroyed, "written after the end");
    this.received.push(bytes.slice());
    const taken = this.isStuck || this.unsentBytes > 0 ? 0 : Math.min(bytes.length, this.takesAtOnce);
    this.unsentBytes += bytes.length - taken;
    return taken === bytes.length;
  }

  /** So many of the bytes that wait leave; as with a socket, it is told when the last has. */
  leave(count: number): void {
    if (this.unsentBytes === 0) return;
    this.unsentBytes = Math.max(0, this.unsentBytes - count);
    if (this.unsentBytes === 0) this.connection!.onDrain();
  }

  drain(): void {
    this.unsentBytes = 0;
    this.isStuck = false;
    this.connection!.onDrain();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  get isClosed(): boolean {
    return this.isEnded || this.isDestroyed;
  }
}

export interface ReplyFrame {
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
  readonly body: ByteReader;
}

/** A client that writes what it is told and keeps what it gets. */
export class TestClient {
  readonly port = new FakePort();
  readonly connection: Connection;
  readonly clock: VirtualClock;
  sessionId = 0;
  password: Uint8Array = new Uint8Array(16);
  #bytes = new Uint8Array(0);
  #xid = 0;

  constructor(world: World, peer: Partial<CertifiedPeer>, service: Service = world.service) {
    this.clock = world.clock;
    const whole: CertifiedPeer = { address: "127.0.0.1", port: 5000, secure: false, certificateName: null, ...peer };
    this.connection = service.accept(this.port, whole);
    this.port.connection = this.connection;
  }

  /** Bytes as they are; nothing is run yet. */
  write(bytes: Uint8Array): void {
    this.connection.onChunk(bytes.slice());
  }

  connect(request: Partial<ConnectRequest> = {}): ConnectReply | null {
    const writer = new ByteWriter();
    writeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: 0,
      timeoutMs: 10_000,
      sessionId: 0,
      password: new Uint8Array(16),
      readOnly: false,
      ...request,
    });
    this.write(writer.copy());
    this.clock.turn();
    const frame = this.takeFrame();
    if (frame === null) return null;
    const reply = readConnectReply(frame);
    this.sessionId = reply.sessionId;
    this.password = reply.password!.slice();
    return reply;
  }

  /** Sends a request, lets nothing happen yet; returns its number. */
  send(opcode: number, encode: (writer: ByteWriter) => void = () => {}, xid = ++this.#xid): number {
    this.write(frameOf(xid, opcode, encode));
    return xid;
  }

  /** Sends, lets everything happen, and takes the next reply, which must be this request's. */
  call(opcode: number, encode: (writer: ByteWriter) => void = () => {}, xid?: number): ReplyFrame {
    const sent = this.send(opcode, encode, xid);
    this.clock.turn();
    const reply = this.takeReply();
    assert.equal(reply?.xid, sent);
    return reply!;
  }

  takeReply(): ReplyFrame | null {
    const body = this.takeFrame();
    if (body === null) return null;
    return { ...readReplyHeader(body), body };
  }

  takeReplies(): ReplyFrame[] {
    const replies: ReplyFrame[] = [];
    for (let reply = this.takeReply(); reply !== null; reply = this.takeReply()) replies.push(reply);
    return replies;
  }

  /** All that came, in words: `reply 3`, `reply 4 error -101`, `event 2 /a`. */
  takeStory(): string[] {
    return this.takeReplies().map(({ xid, error, body }) => {
      if (xid !== XID.notification) return error === 0 ? `reply ${xid}` : `reply ${xid} error ${error}`;
      const { type, path } = readWatchEvent(body);
      return `event ${type} ${path}`;
    });
  }

  takeFrame(): ByteReader | null {
    this.#gather();
    if (this.#bytes.length < 4) return null;
    const length = new ByteReader(this.#bytes).int32();
    assert(this.#bytes.length >= 4 + length, "half a frame was sent");
    const frame = new ByteReader(this.#bytes, 4, 4 + length);
    this.#bytes = this.#bytes.subarray(4 + length);
    return frame;
  }

  takeBytes(): Uint8Array {
    this.#gather();
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array(0);
    return bytes;
  }

  get isClosed(): boolean {
    return this.port.isClosed;
  }

  #gather(): void {
    this.clock.turn();
    this.#bytes = new Uint8Array(Buffer.concat([this.#bytes, ...this.port.received]));
    this.port.received = [];
  }
}

export function frameOf(xid: number, opcode: number, encode: (writer: ByteWriter) => void = () => {}): Uint8Array {
  const writer = new ByteWriter();
  writer.int32(0);
  writer.int32(xid);
  writer.int32(opcode);
  encode(writer);
  writer.setInt32(0, writer.length - 4);
  return writer.copy();
}

export class World {
  readonly clock: VirtualClock;
  readonly member: FakeMember;
  readonly log: string[] = [];
  /** What its doors tell operators. */
  readonly events: string[] = [];
  readonly service: Service;
  readonly #options: ServiceOptions;

  constructor(options: Partial<ServiceOptions> = {}, clock: VirtualClock = new VirtualClock()) {
    this.clock = clock;
    this.member = new FakeMember(clock);
    let chance = 0;
    const hashes: Hashes = {
      sha1: (bytes) => createHash("sha1").update(bytes).digest(),
      md5: (bytes) => createHash("md5").update(bytes).digest(),
      randomBytes: (count) => new Uint8Array(count).map(() => (chance = (chance * 31 + 7) & 0xff)),
    };
    const say = (line: string): void => void this.log.push(line);
    const logger: Logger = { info: say, warn: say, error: say };
    this.#options = {
      clock: this.clock,
      capacity: new ClientCapacity(this.clock),
      events: { add: (text) => void this.events.push(text) },
      hashes,
      logger,
      tickTimeMs: 2000,
      minSessionTimeoutMs: 4000,
      maxSessionTimeoutMs: 40_000,
      frameBytesMax: 0xfffff,
      globalOutstandingLimit: 1000,
      bounds: BOUNDS,
      readOnlyMode: false,
      policy: {},
      auth: {},
      sasl: null,
      saslSuperUsers: [],
      allowSaslFailedClients: false,
      enforceAuthSchemes: [],
      fourLetterWord: null,
      ...options,
    };
    this.service = this.openDoor();
  }

  /** One more door of the same member. */
  openDoor(): Service {
    return new Service(this.member, this.#options);
  }

  dial(peer: Partial<CertifiedPeer> = {}, door: Service = this.service): TestClient {
    return new TestClient(this, peer, door);
  }

  /** A client with a session. */
  client(peer: Partial<CertifiedPeer> = {}, door: Service = this.service): TestClient {
    const client = this.dial(peer, door);
    assert(client.connect() !== null);
    return client;
  }
}

export const text = (value: string): Uint8Array => bytesOf(toByteString(value));

export { OPCODE };
