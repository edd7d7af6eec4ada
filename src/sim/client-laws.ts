// The laws of the protocol, as clients meet them: each answer, each event and each session's end is held against the
// chronicle, at the moment the client hears of it.

import { byteString } from "../base/text.ts";
import { readStat } from "../protocols/zookeeper/codec/records.ts";
import {
  type MultiResult,
  readChildren2,
  readCreated,
  readData,
  readMultiReply,
} from "../protocols/zookeeper/codec/replies.ts";
import type { Stat } from "../state/types.ts";
import { type Answer, type Chronicle, CODE, EVENT, type NodeEvent } from "./chronicle.ts";
import type { Reply, Request, SessionView, SimulatedClient } from "./client.ts";
import type { Command, TreeCommand } from "./commands.ts";
import { Witness } from "./witness.ts";

/** Which table a watch stands in: of data (set on a node that was there, or was not), of children, of all below. */
export type WatchKind = "data" | "exist" | "child" | "recursive";

/** An error that says that nothing was applied: there was no room. */
const SYSTEM_ERROR = -1;
const UNKNOWN_ZXID = -1;

const isData = (type: number): boolean => type !== EVENT.childrenChanged;
const isChild = (type: number): boolean => type === EVENT.childrenChanged || type === EVENT.deleted;

interface ClientView {
  /** Requests are numbered by what they write: the last number of each session that was seen in the log. */
  /** Watches are being set again: told meanwhile, and what is watched. */
  setting: { readonly relativeZxid: number; readonly told: NodeEvent[] } | null;
  /** Of a recursive watch: how far in the chronicle's events it has been told. */
  readonly told: Map<string, number>;
}

export class ClientLaws {
  readonly #chronicle: Chronicle;
  readonly #now: () => number;
  readonly #clockRateMax: number;
  readonly #keepsSessions: boolean;
  readonly #violate: (law: string, what: string) => void;
  /** The latest revision that any client has seen. */
  highestSeen = 0;
  readonly witness: Witness;
  readonly #sessions = new Map<number, { readonly view: SessionView; closes: boolean }>();
  readonly #clients = new Map<SimulatedClient, ClientView>();
  readonly #answered = new Set<number>();
  /** What was written, by its number: where it stands in the log. */
  readonly #written = new Map<string, number>();
  readonly #refused = new Set<string>();
  readonly #lastOfSession = new Map<number, number>();
  eventsHeard = 0;

  constructor(options: {
    readonly chronicle: Chronicle;
    readonly now: () => number;
    /** No member's clock is faster than this. */
    readonly clockRateMax: number;
    /** What a member passes on arrives, or its connection breaks: how long sessions live rests on that. */
    readonly keepsSessions: boolean;
    readonly violate: (law: string, what: string) => void;
  }) {
    this.#chronicle = options.chronicle;
    this.#now = options.now;
    this.#clockRateMax = options.clockRateMax;
    this.#keepsSessions = options.keepsSessions;
    this.#violate = options.violate;
    this.witness = new Witness(options.now);
    this.#chronicle.onLeaseEnded = (id, cause) => this.#onLeaseEnded(id, cause);
    this.#chronicle.onCommand = (revision, command, answer) => this.#onCommand(revision, command, answer);
  }

  violate(law: string, what: string): void {
    this.#violate(law, what);
  }

  #view(client: SimulatedClient): ClientView {
    let view = this.#clients.get(client);
    if (view === undefined) {
      view = { setting: null, told: new Map() };
      this.#clients.set(client, view);
    }
    return view;
  }

  // ------------------------------------------------------------------------------------------------- what is applied

  /** Every write carries a number of its client's, ascending: in the log each stands once, and a session's in order. */
  #onCommand(revision: number, command: Command, { code }: Answer): void {
    if (command.kind !== "tree" && command.kind !== "multi") return;
    if (code === CODE.sessionMoved || code === CODE.sessionExpired) return; // of a connection that is left: it does nothing
    const { session } = command;
    for (const one of command.kind === "tree" ? [command.command] : command.commands) {
      const number = numberOf(one);
      if (number === null) continue;
      const before = this.#written.get(number);
      if (before !== undefined && before !== revision) {
        this.#violate("applied once", `${number} stands at revisions ${before} and ${revision}`);
      }
      this.#written.set(number, revision);
      if (this.#refused.has(number))
        this.#violate("refused is not applied", `${number} was refused, and stands at ${revision}`);
      const order = Number(number.split("-")[1]);
      const last = this.#lastOfSession.get(session) ?? -1;
      if (order < last) this.#violate("a session's order", `${number} of session ${session} comes after its ${last}`);
      this.#lastOfSession.set(session, order);
    }
  }

  #onLeaseEnded(id: number, cause: "closed" | "expired"): void {
    const known = this.#sessions.get(id);
    if (known === undefined) return;
    if (cause === "closed") {
      if (!known.closes) this.#violate("sessions live", `session ${id} was closed, its client had not asked for it`);
      return;
    }
    const silence = this.#now() - known.view.aliveSince;
    const least = known.view.timeoutMs / this.#clockRateMax;
    if (silence < least && this.#keepsSessions) {
      this.#violate("sessions live", `session ${id} expired ${silence} ms after its last ping was sent, not ${least}`);
    }
  }

  // ---------------------------------------------------------------------------------------------------- connections

  onDialed(client: SimulatedClient): void {
    this.#view(client).setting = null;
  }

  onConnected(client: SimulatedClient, isNew: boolean): void {
    const view = client.session!;
    const known = this.#sessions.get(view.id);
    if (isNew && known !== undefined) this.#violate("sessions are one's own", `session ${view.id} was given twice`);
    this.#sessions.set(view.id, { view, closes: known?.closes ?? false });
  }

  onDisconnected(client: SimulatedClient): void {
    const view = this.#view(client);
    for (const { type, path } of view.setting?.told ?? []) consume(client, type, path);
    view.setting = null;
  }

  /** The member said that the session is gone. */
  onRefused(client: SimulatedClient): void {
    const id = client.session?.id;
    if (id !== undefined && this.#chronicle.leases.has(id)) {
      this.#violate("sessions live", `session ${id} was refused, and lives`);
    }
  }

  onSent(client: SimulatedClient, request: Request): void {
    const { operation } = request;
    this.witness.onSent(client.id, request);
    if (operation.kind === "close") this.#sessions.get(client.session!.id)!.closes = true;
    if (operation.kind === "set-watches") {
      this.#view(client).setting = { relativeZxid: client.session!.lastZxid, told: [] };
    }
  }

  // --------------------------------------------------------------------------------------------------------- events

  onNotification(client: SimulatedClient, type: number, path: string, zxid: number): void {
    this.eventsHeard++;
    const { setting } = this.#view(client);
    if (zxid === UNKNOWN_ZXID) {
      if (setting === null) this.#violate("events as promised", `client ${client.id} is told of ${path} for no reason`);
      else setting.told.push({ revision: UNKNOWN_ZXID, type, path });
      return;
    }
    this.#advance(client, zxid, `event ${type} at ${path}`);
    if (!this.#chronicle.hasEvent(path, zxid, type)) {
      this.#violate("events are true", `client ${client.id} is told of event ${type} at ${path} in revision ${zxid}`);
      return;
    }
    const isExpected = this.#isNextOfOnce(client, type, path, zxid);
    if (!this.#isNextOfRecursive(client, type, path, zxid) && !isExpected) {
      this.#violate("events as promised", `client ${client.id} is told of event ${type} at ${path} (${zxid}) unasked`);
    }
    consume(client, type, path);
  }

  #isNextOfOnce(client: SimulatedClient, type: number, path: string, zxid: number): boolean {
    const kinds = client.watches.get(path);
    if (kinds === undefined) return false;
    let isExpected = false;
    for (const [kind, armedAt] of kinds) {
      if (kind === "recursive") continue;
      const types = kind === "child" ? isChild : isData;
      if (!types(type)) continue;
      const next = this.#chronicle.nextEvent(path, armedAt, types);
      if (next?.revision === zxid && next.type === type) isExpected = true;
      else if (next !== undefined && next.revision < zxid) this.#missed(client, path, next);
    }
    return isExpected;
  }

  /** A recursive watch is told of everything below, in order, each once. */
  #isNextOfRecursive(client: SimulatedClient, type: number, path: string, zxid: number): boolean {
    if (!isData(type)) return false;
    const { told } = this.#view(client);
    let isExpected = false;
    for (const [root, kinds] of client.watches) {
      if (!kinds.has("recursive") || !isWithin(path, root)) continue;
      const at = this.#nextBelow(root, told.get(root) ?? 0);
      const next = this.#chronicle.events[at];
      if (next?.revision === zxid && next.path === path && next.type === type) {
        told.set(root, at + 1);
        isExpected = true;
      } else if (next !== undefined) {
        this.#missed(client, next.path, next);
      }
    }
    return isExpected;
  }

  #nextBelow(root: string, from: number): number {
    const { events } = this.#chronicle;
    let at = from;
    while (at < events.length && !(isData(events[at]!.type) && isWithin(events[at]!.path, root))) at++;
    return at;
  }

  #missed(client: SimulatedClient, path: string, { type, revision }: NodeEvent): void {
    this.#violate(
      "no event missed",
      `client ${client.id} was not told of event ${type} at ${path} in revision ${revision}`,
    );
  }

  /** Nothing that a reply may show was left untold. */
  #checkTold(client: SimulatedClient, zxid: number): void {
    const { setting, told } = this.#view(client);
    if (setting !== null) return;
    for (const [path, kinds] of client.watches) {
      for (const [kind, armedAt] of kinds) {
        if (kind === "recursive") {
          const next = this.#chronicle.events[this.#nextBelow(path, told.get(path) ?? 0)];
          if (next !== undefined && next.revision <= zxid) this.#missed(client, next.path, next);
        } else {
          const next = this.#chronicle.nextEvent(path, armedAt, kind === "child" ? isChild : isData);
          if (next !== undefined && next.revision <= zxid) this.#missed(client, path, next);
        }
      }
    }
  }

  #arm(client: SimulatedClient, path: string, kind: WatchKind, zxid: number): void {
    let kinds = client.watches.get(path);
    if (kinds === undefined) {
      kinds = new Map();
      client.watches.set(path, kinds);
    }
    if (kind === "recursive") {
      if (kinds.has(kind)) return; // it stays where it is
      this.#view(client).told.set(path, this.#firstAfter(zxid));
    }
    kinds.set(kind, zxid);
  }

  #firstAfter(zxid: number): number {
    const { events } = this.#chronicle;
    let at = events.length;
    while (at > 0 && events[at - 1]!.revision > zxid) at--;
    return at;
  }

  /** Watches were set again: what had changed meanwhile was told, and nothing else; the rest is watched. */
  #onWatchesSet(client: SimulatedClient, zxid: number): void {
    const view = this.#view(client);
    const { setting } = view;
    view.setting = null;
    if (setting === null) return;
    const told = new Set(setting.told.map(({ type, path }) => `${type} ${path}`));
    const due = new Set<string>();
    for (const [path, kinds] of client.watches) {
      const node = this.#chronicle.nodeAt(path, zxid);
      for (const kind of [...kinds.keys()]) {
        const type = changeSince(kind, node?.stat, setting.relativeZxid);
        if (type !== null) due.add(`${type} ${path}`);
        else if (kind === "recursive") view.told.set(path, this.#firstAfter(zxid));
        else kinds.set(kind, zxid);
        if (type !== null) kinds.delete(kind);
      }
      if (kinds.size === 0) client.watches.delete(path);
    }
    for (const one of due) {
      if (!told.has(one))
        this.#violate("no event missed", `client ${client.id} came back, and is not told of event ${one}`);
    }
    for (const one of told) {
      if (!due.has(one)) this.#violate("events are true", `client ${client.id} came back, and is told of event ${one}`);
    }
  }

  // -------------------------------------------------------------------------------------------------------- replies

  onReply(client: SimulatedClient, request: Request, { header, body }: Reply): void {
    const { operation } = request;
    const { zxid, error } = header;
    if (zxid > this.#chronicle.revision) {
      this.#violate("answers are true", `client ${client.id} is shown revision ${zxid}, which is not committed`);
      return;
    }
    this.witness.onReply(client.id, request, { header, body });
    switch (operation.kind) {
      case "create":
      case "delete":
      case "set":
      case "check":
      case "multi":
        if (error === SYSTEM_ERROR) this.#onRefusedWrite(operation);
        else this.#onWritten(client, request, { header, body });
        break;
      case "get":
      case "exists":
      case "children":
        this.#onRead(client, request, { header, body });
        break;
      case "set-watches":
        this.#onWatchesSet(client, zxid);
        break;
      case "add-watch":
        if (error === CODE.ok) this.#arm(client, operation.path, "recursive", zxid);
        break;
      default:
        break;
    }
    this.#advance(client, zxid, `answer to ${operation.kind}`);
    this.#checkTold(client, zxid);
    if (zxid > this.highestSeen) this.highestSeen = zxid;
  }

  /** What a session is shown never goes back. */
  #advance(client: SimulatedClient, zxid: number, what: string): void {
    const session = client.session!;
    if (zxid < session.lastZxid) {
      this.#violate(
        "never back in time",
        `client ${client.id}: ${what} shows revision ${zxid} after ${session.lastZxid}`,
      );
    }
    session.lastZxid = Math.max(session.lastZxid, zxid);
  }

  #onRefusedWrite(
    operation: TreeCommand | { readonly kind: "multi"; readonly commands: readonly TreeCommand[] },
  ): void {
    for (const one of operation.kind === "multi" ? operation.commands : [operation]) {
      const number = numberOf(one);
      if (number !== null) this.#refused.add(number);
    }
  }

  #onWritten(client: SimulatedClient, request: Request, { header: { zxid, error }, body }: Reply): void {
    const { operation, floor } = request;
    const record = this.#chronicle.record(zxid);
    const where = `client ${client.id}: ${describe(operation)} is answered with revision ${zxid}`;
    if (zxid <= floor) this.#violate("writes are linearizable", `${where}, ${floor} was seen before it was asked for`);
    if (this.#answered.has(zxid)) this.#violate("answers are true", `${where}, as another was`);
    this.#answered.add(zxid);
    if (record === undefined || !isAskedBy(record.command, client.session!.id, operation)) {
      this.#violate("answers are true", `${where}, where the log has ${JSON.stringify(record?.command)}`);
      return;
    }
    if (record.answer.code !== error) {
      this.#violate("answers are true", `${where} and error ${error}, not ${record.answer.code}`);
      return;
    }
    if (error !== CODE.ok) return;
    const problem = differenceOf(operation.kind, record.answer, body);
    if (problem !== null) this.#violate("answers are true", `${where}: ${problem}`);
  }

  #onRead(client: SimulatedClient, request: Request, { header: { zxid, error }, body }: Reply): void {
    const operation = request.operation as { kind: "get" | "exists" | "children"; path: string; watch: boolean };
    const { path, watch } = operation;
    const where = `client ${client.id}: ${operation.kind} ${path} at revision ${zxid}`;
    if (zxid < request.syncFloor) {
      this.#violate("synced reads are linearizable", `${where}, ${request.syncFloor} was seen before its sync`);
    }
    const node = this.#chronicle.nodeAt(path, zxid);
    if ((node === undefined ? CODE.noNode : CODE.ok) !== error) {
      this.#violate("answers are true", `${where} is answered with error ${error}`);
      return;
    }
    if (node === undefined) {
      if (watch && operation.kind === "exists") this.#arm(client, path, "exist", zxid);
      return;
    }
    let stat: Stat;
    if (operation.kind === "get") {
      const read = readData(body);
      const data = read.data === null ? null : byteString(read.data, 0, read.data.length);
      if (data !== node.data) this.#violate("answers are true", `${where} is ${data}, was ${node.data}`);
      stat = read.stat;
    } else if (operation.kind === "children") {
      const read = readChildren2(body);
      const names = [...read.children].sort().join();
      const expected = this.#chronicle.childrenAt(path, zxid).join();
      if (names !== expected) this.#violate("answers are true", `${where} are ${names}, were ${expected}`);
      stat = read.stat;
    } else {
      stat = readStat(body);
    }
    if (!isSameStat(stat, node.stat)) {
      this.#violate("answers are true", `${where}: ${JSON.stringify(stat)}, was ${JSON.stringify(node.stat)}`);
    }
    if (watch) this.#arm(client, path, operation.kind === "children" ? "child" : "data", zxid);
  }
}

/** The number that a write carries in its data: `client-number`. */
export function numberOf(command: TreeCommand): string | null {
  return command.kind === "create" || command.kind === "set" ? (command.data?.split(" ")[0] ?? null) : null;
}

/** What `setWatches` tells of a watch, by ZooKeeper's comparison; null: it is watched on. */
function changeSince(kind: WatchKind, stat: Stat | undefined, zxid: number): number | null {
  switch (kind) {
    case "data":
      if (stat === undefined) return EVENT.deleted;
      return stat.mzxid > zxid ? EVENT.dataChanged : null;
    case "exist":
      return stat === undefined ? null : EVENT.created;
    case "child":
      if (stat === undefined) return EVENT.deleted;
      return stat.pzxid > zxid ? EVENT.childrenChanged : null;
    case "recursive":
      return null;
  }
}

/** An event ends the one-shot watches that it touches. */
function consume(client: SimulatedClient, type: number, path: string): void {
  const kinds = client.watches.get(path);
  if (kinds === undefined) return;
  if (isData(type)) {
    kinds.delete("data");
    kinds.delete("exist");
  }
  if (isChild(type)) kinds.delete("child");
  if (kinds.size === 0) client.watches.delete(path);
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

function isAskedBy(command: Command, session: number, operation: Request["operation"]): boolean {
  if (command.kind === "tree") return command.session === session && isSame(command.command, operation as TreeCommand);
  if (command.kind !== "multi" || operation.kind !== "multi" || command.session !== session) return false;
  return (
    command.commands.length === operation.commands.length &&
    command.commands.every((one, i) => isSame(one, operation.commands[i]!))
  );
}

function isSame(some: TreeCommand, other: TreeCommand): boolean {
  if (some.kind !== other.kind || some.path !== other.path) return false;
  if (some.kind === "create") return other.kind === "create" && some.data === other.data && some.mode === other.mode;
  if (some.kind === "set") return other.kind === "set" && some.data === other.data && some.version === other.version;
  return other.kind !== "create" && some.version === other.version;
}

/** What a successful write's answer should have been, where it was not. */
function differenceOf(kind: string, expected: Answer, body: Reply["body"]): string | null {
  switch (kind) {
    case "create": {
      const { path, stat } = readCreated(body);
      if (path !== expected.path) return `${path} was created, not ${expected.path}`;
      return isSameStat(stat, expected.stat!) ? null : "its stat is another";
    }
    case "set":
      return isSameStat(readStat(body), expected.stat!) ? null : "its stat is another";
    case "multi": {
      const results = readMultiReply(body);
      const isRight =
        results.length === expected.results!.length &&
        results.every((result, i) => isSameResult(result, expected.results![i]!));
      return isRight ? null : `${JSON.stringify(results)} instead of ${JSON.stringify(expected.results)}`;
    }
    default:
      return null;
  }
}

function isSameResult(result: MultiResult, expected: Answer): boolean {
  switch (result.kind) {
    case "error":
      return result.error === expected.code && expected.path === undefined && expected.stat === undefined;
    case "created":
      return result.path === expected.path && isSameStat(result.stat!, expected.stat!);
    case "updated":
      return expected.stat !== undefined && isSameStat(result.stat, expected.stat);
    default:
      return expected.code === CODE.ok;
  }
}

function isSameStat(some: Stat, other: Stat): boolean {
  return (
    some.czxid === other.czxid &&
    some.mzxid === other.mzxid &&
    some.pzxid === other.pzxid &&
    some.ctime === other.ctime &&
    some.mtime === other.mtime &&
    some.version === other.version &&
    some.cversion === other.cversion &&
    some.ephemeralOwner === other.ephemeralOwner &&
    some.dataLength === other.dataLength &&
    some.numChildren === other.numChildren
  );
}

function describe(operation: Request["operation"]): string {
  return "path" in operation ? `${operation.kind} ${operation.path}` : operation.kind;
}
