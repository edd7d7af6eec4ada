// The invariants of ZooKeeper's protocol for clients. Each answer, each event and each session's end is compared with the
// reference model at the moment when the client hears of it.

import { byteString } from "../../base/text.ts";
import { readStat } from "../../protocols/zookeeper/codec/records.ts";
import { readChildren2, readData } from "../../protocols/zookeeper/codec/replies.ts";
import type { Stat } from "../../state/tree/types.ts";
import { HistoryRecorder } from "./history-recorder.ts";
import { type AppliedCommand, CODE, type ReferenceTree } from "./reference-tree.ts";
import { differenceOf, isAskedBy, isSameStat } from "./reply-comparison.ts";
import type { ObservedClient, Reply, Request, SessionView } from "./requests.ts";
import type { TreeCommand } from "./tree-commands.ts";
import { UNKNOWN_ZXID, WatchInvariants } from "./watch-invariants.ts";

/** An error that says that nothing was applied: there was no room. */
const SYSTEM_ERROR = -1;

export class ClientInvariants {
  readonly #tree: ReferenceTree;
  readonly #now: () => number;
  readonly #clockRateMax: number;
  readonly #keepsSessions: boolean;
  readonly #violate: (invariant: string, what: string) => void;
  /** The latest zxid that any client has seen. */
  highestSeen = 0;
  readonly recorder: HistoryRecorder;
  readonly #counted = new Map<number, () => number>();
  readonly #sessions = new Map<number, { readonly view: SessionView; closes: boolean }>();
  readonly #watches: WatchInvariants;
  readonly #answered = new Set<number>();
  /** What was written, by its number: where it stands in the log. */
  readonly #written = new Map<string, number>();
  readonly #refused = new Set<string>();
  readonly #lastOfSession = new Map<number, number>();
  eventsHeard = 0;

  constructor(options: {
    readonly tree: ReferenceTree;
    readonly now: () => number;
    /** No member's clock is faster than this. */
    readonly clockRateMax: number;
    /** What a member passes on arrives, or its connection breaks: how long sessions live rests on that. */
    readonly keepsSessions: boolean;
    readonly violate: (invariant: string, what: string) => void;
  }) {
    this.#tree = options.tree;
    this.#now = options.now;
    this.#clockRateMax = options.clockRateMax;
    this.#keepsSessions = options.keepsSessions;
    this.#violate = options.violate;
    this.#watches = new WatchInvariants(options.tree, options.violate);
    this.recorder = new HistoryRecorder(options.now);
    options.tree.machine.leaseListeners.push((id, cause) => this.#onLeaseEnded(id, cause));
    options.tree.commandListeners.push((zxid, applied) => this.#onCommand(zxid, applied));
  }

  violate(invariant: string, what: string): void {
    this.#violate(invariant, what);
  }

  // ------------------------------------------------------------------------------------------------- what is applied

  /** Every write carries a number of its client's, ascending: in the log each stands once, and a session's in order. */
  #onCommand(zxid: number, { command, outcome: { code } }: AppliedCommand): void {
    if (command.kind !== "single" && command.kind !== "multi") return;
    if (code === CODE.sessionMoved || code === CODE.sessionExpired) return; // of a connection that is left: it does nothing
    const { session } = command;
    for (const one of command.kind === "single" ? [command.command] : command.commands) {
      const number = numberOf(one);
      if (number === null) continue;
      const before = this.#written.get(number);
      if (before !== undefined && before !== zxid) {
        this.#violate("applied once", `${number} stands at zxids ${before} and ${zxid}`);
      }
      this.#written.set(number, zxid);
      if (this.#refused.has(number))
        this.#violate("refused is not applied", `${number} was refused, and stands at ${zxid}`);
      const order = Number(number.split("-")[1]);
      const last = this.#lastOfSession.get(session) ?? -1;
      if (order < last) this.#violate("session order", `${number} of session ${session} comes after its ${last}`);
      this.#lastOfSession.set(session, order);
    }
  }

  /** Somebody counts on this session until then, by the world's time; not beyond what was 0. */
  onCounted(id: number, deadline: () => number): void {
    this.#counted.set(id, deadline);
  }

  /** Whatever it was asked and answered in the meantime, and by whom. */
  #checkDeadline(id: number): void {
    const deadline = this.#counted.get(id)?.() ?? 0;
    this.#counted.delete(id);
    const early = deadline - this.#now();
    if (early <= 0 || !this.#keepsSessions) return;
    this.#violate(
      "sessions live long enough",
      `session ${id} expired ${early} ms before the deadline of the client that counts on it`,
    );
  }

  #onLeaseEnded(id: number, cause: "closed" | "expired"): void {
    if (cause === "expired") this.#checkDeadline(id);
    const known = this.#sessions.get(id);
    if (known === undefined) return;
    if (cause === "closed") {
      if (!known.closes)
        this.#violate("sessions live long enough", `session ${id} was closed, its client had not asked for it`);
      return;
    }
    const silence = this.#now() - known.view.aliveSince;
    const least = known.view.timeoutMs / this.#clockRateMax;
    if (silence < least && this.#keepsSessions) {
      this.#violate(
        "sessions live long enough",
        `session ${id} expired ${silence} ms after its last ping was sent, not ${least}`,
      );
    }
  }

  // ---------------------------------------------------------------------------------------------------- connections

  onDialed(client: ObservedClient): void {
    this.#watches.onDialed(client);
  }

  onConnected(client: ObservedClient, isNew: boolean): void {
    const view = client.session!;
    const known = this.#sessions.get(view.id);
    if (isNew && known !== undefined) this.#violate("session ids are unique", `session ${view.id} was given twice`);
    this.#sessions.set(view.id, { view, closes: known?.closes ?? false });
  }

  onDisconnected(client: ObservedClient): void {
    this.#watches.onDisconnected(client);
  }

  /** The member said that the session is gone. */
  onRefused(client: ObservedClient): void {
    const id = client.session?.id;
    if (id !== undefined && this.#tree.isSessionAlive(id)) {
      this.#violate("sessions live long enough", `session ${id} was refused, and lives`);
    }
  }

  onSent(client: ObservedClient, request: Request): void {
    const { operation } = request;
    this.recorder.onSent(client.id, request);
    if (operation.kind === "close") this.#sessions.get(client.session!.id)!.closes = true;
    if (operation.kind === "set-watches") this.#watches.onSettingAgain(client);
  }

  // --------------------------------------------------------------------------------------------------------- events

  onNotification(client: ObservedClient, type: number, path: string, zxid: number): void {
    this.eventsHeard++;
    if (zxid !== UNKNOWN_ZXID) this.#advance(client, zxid, `event ${type} at ${path}`);
    this.#watches.onNotification(client, type, path, zxid);
  }

  // -------------------------------------------------------------------------------------------------------- replies

  onReply(client: ObservedClient, request: Request, { header, body }: Reply): void {
    const { operation } = request;
    const { zxid, error } = header;
    if (zxid > this.#tree.zxid) {
      this.#violate("answers are true", `client ${client.id} is shown zxid ${zxid}, which is not committed`);
      return;
    }
    this.recorder.onReply(client.id, request, { header, body });
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
        this.#watches.onSet(client, zxid);
        break;
      case "add-watch":
        if (error === CODE.ok) this.#watches.arm(client, operation.path, "recursive", zxid);
        break;
      default:
        break;
    }
    this.#advance(client, zxid, `answer to ${operation.kind}`);
    this.#watches.checkTold(client, zxid);
    if (zxid > this.highestSeen) this.highestSeen = zxid;
  }

  /** What a session is shown never goes back. */
  #advance(client: ObservedClient, zxid: number, what: string): void {
    const session = client.session!;
    if (zxid < session.lastZxid) {
      this.#violate("never back in time", `client ${client.id}: ${what} shows zxid ${zxid} after ${session.lastZxid}`);
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

  #onWritten(client: ObservedClient, request: Request, { header: { zxid, error }, body }: Reply): void {
    const { operation, floor } = request;
    const applied = this.#tree.appliedAt(zxid);
    const where = `client ${client.id}: ${describe(operation)} is answered with zxid ${zxid}`;
    if (zxid <= floor) this.#violate("writes are linearizable", `${where}, ${floor} was seen before it was asked for`);
    if (this.#answered.has(zxid)) this.#violate("answers are true", `${where}, as another was`);
    this.#answered.add(zxid);
    if (applied === undefined || !isAskedBy(applied.command, client.session!.id, operation)) {
      this.#violate("answers are true", `${where}, where the log has ${JSON.stringify(applied?.command)}`);
      return;
    }
    if (applied.outcome.code !== error) {
      this.#violate("answers are true", `${where} and error ${error}, not ${applied.outcome.code}`);
      return;
    }
    if (error !== CODE.ok) return;
    const problem = differenceOf(operation.kind, applied.outcome, body);
    if (problem !== null) this.#violate("answers are true", `${where}: ${problem}`);
  }

  #onRead(client: ObservedClient, request: Request, { header: { zxid, error }, body }: Reply): void {
    const operation = request.operation as { kind: "get" | "exists" | "children"; path: string; watch: boolean };
    const { path, watch } = operation;
    const where = `client ${client.id}: ${operation.kind} ${path} at zxid ${zxid}`;
    if (zxid < request.syncFloor) {
      this.#violate("synced reads are linearizable", `${where}, ${request.syncFloor} was seen before its sync`);
    }
    const node = this.#tree.nodeAt(path, zxid);
    if ((node === undefined ? CODE.noNode : CODE.ok) !== error) {
      this.#violate("answers are true", `${where} is answered with error ${error}`);
      return;
    }
    if (node === undefined) {
      if (watch && operation.kind === "exists") this.#watches.arm(client, path, "exist", zxid);
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
      const expected = this.#tree.childrenAt(path, zxid).join();
      if (names !== expected) this.#violate("answers are true", `${where} are ${names}, were ${expected}`);
      stat = read.stat;
    } else {
      stat = readStat(body);
    }
    if (!isSameStat(stat, node.stat)) {
      this.#violate("answers are true", `${where}: ${JSON.stringify(stat)}, was ${JSON.stringify(node.stat)}`);
    }
    if (watch) this.#watches.arm(client, path, operation.kind === "children" ? "child" : "data", zxid);
  }
}

/** The number that a write carries in its data: `client-number`. */
function numberOf(command: TreeCommand): string | null {
  return command.kind === "create" || command.kind === "set" ? (command.data?.split(" ")[0] ?? null) : null;
}
function describe(operation: Request["operation"]): string {
  return "path" in operation ? `${operation.kind} ${operation.path}` : operation.kind;
}
