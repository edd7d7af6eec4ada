// What the committed log means, told a second time: a model of znodes and sessions that is slow and obvious, and forgets
// nothing. It is told each entry once, by whichever member applies it first, and can say what anything was at any revision:
// so every answer a client gets, and every event it is told, can be compared with what was true there.

import { bytesOf } from "../../base/text.ts";
import type { Stat } from "../../state/tree/types.ts";
import { type Batch, type Command, readBatch, type TreeCommand } from "./log-commands.ts";

/** ZooKeeper's codes, as its own documents give them. */
export const CODE = {
  ok: 0,
  runtimeInconsistency: -2,
  noNode: -101,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  sessionMoved: -118,
} as const;

export const EVENT = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

/** A node as it was from one revision to the next; never changed. */
export interface Node {
  readonly data: string | null;
  readonly stat: Stat;
}

export interface NodeEvent {
  readonly revision: number;
  readonly type: number;
  readonly path: string;
}

/** What became of one command; `code` 0: it was done. */
export interface Answer {
  readonly code: number;
  /** Of a create, as it came to be. */
  readonly path?: string;
  readonly stat?: Stat;
  /** Of a multi, one an operation. */
  readonly results?: readonly Answer[];
}

/** One revision: what was asked and what came of it. */
export interface Record {
  readonly command: Command;
  readonly answer: Answer;
}

interface Lease {
  readonly timeoutMs: number;
  readonly password: string;
  readonly member: number;
  readonly run: number;
  readonly generation: number;
}

/** A node's life: what it was from each revision on; null where there was none. */
type Life = { readonly from: number; readonly node: Node | null }[];

interface Working {
  data: string | null;
  czxid: number;
  mzxid: number;
  pzxid: number;
  ctime: number;
  mtime: number;
  version: number;
  creates: number;
  owner: number;
  /** A container, or it has a time to live: it may go by itself. */
  isReapable: boolean;
  readonly children: Set<string>;
}

const MEMBER_SHIFT = 2 ** 45;
/** The first mode of nodes that may go by themselves; those with a time to live follow. */
const CONTAINER = 4;

export class ReferenceModel {
  revision = 0;
  time = 0;
  /** Entries told so far. */
  index = 0;
  readonly leases = new Map<number, Lease>();
  readonly events: NodeEvent[] = [];
  #nodes = new Map<string, Working>();
  readonly #lives = new Map<string, Life>();
  readonly #eventsByPath = new Map<string, NodeEvent[]>();
  readonly #records = new Map<number, Record>();
  readonly #producers = new Map<number, { run: number; sequence: number }>();
  #changed = new Set<string>();
  #pendingEvents: NodeEvent[] = [];
  /** Hears of every session that ends. */
  onLeaseEnded: (id: number, cause: "closed" | "expired") => void = () => {};
  /** Hears of every command in order, with its revision. */
  onCommand: (revision: number, command: Command, answer: Answer) => void = () => {};

  constructor() {
    for (const path of ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]) {
      this.#nodes.set(path, fresh("", 0, 0, 0));
    }
    this.#nodes.get("/")!.children.add("zookeeper");
  }

  // -------------------------------------------------------------------------------------------------------- telling

  /** An entry of commands was committed. */
  applyBatch(payload: Uint8Array): void {
    this.index++;
    const batch = readBatch(payload);
    if (!this.#isNext(batch)) return;
    this.time = Math.max(this.time, batch.time);
    for (const command of batch.commands) {
      this.revision++;
      const answer = this.#apply(command, batch);
      this.#settle();
      this.#records.set(this.revision, { command, answer });
      this.onCommand(this.revision, command, answer);
    }
  }

  /** An entry that holds none; a change of the configuration may consume a revision. */
  applyOther(revisionAfter: number): void {
    this.index++;
    this.revision = revisionAfter;
  }

  #isNext({ member, run, sequence }: Batch): boolean {
    const known = this.#producers.get(member);
    const last = known === undefined || run > known.run ? 0 : run === known.run ? known.sequence : -1;
    if (last === -1 || sequence !== last + 1) return false;
    this.#producers.set(member, { run, sequence });
    return true;
  }

  #apply(command: Command, { member, run }: Batch): Answer {
    switch (command.kind) {
      case "open": {
        const { timeoutMs, password } = command;
        this.leases.set((member % 256) * MEMBER_SHIFT + this.revision, {
          timeoutMs,
          password,
          member,
          run,
          generation: 0,
        });
        return { code: CODE.ok };
      }
      case "attach": {
        const lease = this.leases.get(command.session);
        if (lease === undefined || lease.password !== command.password) return { code: CODE.sessionExpired };
        const { timeoutMs } = command;
        this.leases.set(command.session, { ...lease, timeoutMs, member, run, generation: lease.generation + 1 });
        return { code: CODE.ok };
      }
      case "close": {
        const refusal = this.#refusal(command.session, member, run);
        if (refusal === CODE.ok) this.#endLease(command.session, "closed");
        return { code: refusal };
      }
      case "expire":
        for (const { id, generation } of command.leases) {
          if (this.leases.get(id)?.generation === generation) this.#endLease(id, "expired");
        }
        return { code: CODE.ok };
      case "tree": {
        const refusal = this.#refusal(command.session, member, run);
        return refusal === CODE.ok ? this.#one(command.command, command.session) : { code: refusal };
      }
      case "multi": {
        const refusal = this.#refusal(command.session, member, run);
        return refusal === CODE.ok ? this.#multi(command.commands, command.session) : { code: refusal };
      }
      case "reap": {
        const node = this.#nodes.get(command.path);
        const isDue = node?.mzxid === command.mzxid && node.pzxid === command.pzxid && node.children.size === 0;
        if (isDue && node.isReapable) this.#remove(command.path);
        return { code: CODE.ok };
      }
      case "other":
        return { code: CODE.ok };
    }
  }

  #refusal(session: number, member: number, run: number): number {
    if (session === 0) return CODE.ok;
    const lease = this.leases.get(session);
    if (lease === undefined) return CODE.sessionExpired;
    return lease.member === member && lease.run === run ? CODE.ok : CODE.sessionMoved;
  }

  #endLease(id: number, cause: "closed" | "expired"): void {
    this.leases.delete(id);
    const owned = [...this.#nodes].filter(([, node]) => node.owner === id).map(([path]) => path);
    for (const path of owned.sort()) this.#remove(path);
    this.onLeaseEnded(id, cause);
  }

  #multi(commands: readonly TreeCommand[], session: number): Answer {
    const before = new Map(
      [...this.#nodes].map(([path, node]) => [path, { ...node, children: new Set(node.children) }]),
    );
    const results: Answer[] = [];
    for (const [failed, command] of commands.entries()) {
      const answer = this.#one(command, session);
      if (answer.code === CODE.ok) {
        results.push(answer);
        continue;
      }
      this.#nodes = before;
      this.#changed.clear();
      this.#pendingEvents = [];
      const codes = commands.map((_, i) =>
        i < failed ? CODE.ok : i === failed ? answer.code : CODE.runtimeInconsistency,
      );
      return { code: CODE.ok, results: codes.map((code) => ({ code })) };
    }
    return { code: CODE.ok, results };
  }

  #one(command: TreeCommand, session: number): Answer {
    if (command.kind === "create") return this.#create(command, session);
    const node = this.#nodes.get(command.path);
    if (node === undefined) return { code: CODE.noNode };
    if (command.version !== -1 && command.version !== node.version) return { code: CODE.badVersion };
    switch (command.kind) {
      case "check":
        return { code: CODE.ok };
      case "delete":
        if (node.children.size > 0) return { code: CODE.notEmpty };
        this.#remove(command.path);
        return { code: CODE.ok };
      case "set":
        node.data = command.data;
        node.mzxid = this.revision;
        node.mtime = this.time;
        node.version++;
        this.#note(EVENT.dataChanged, command.path);
        return { code: CODE.ok, stat: statOf(node) };
    }
  }

  #create({ path: asked, data, mode }: TreeCommand & { kind: "create" }, session: number): Answer {
    const parentPath = parentOf(asked);
    const parent = this.#nodes.get(parentPath);
    if (parent === undefined) return { code: CODE.noNode };
    const isSequential = mode === 2 || mode === 3;
    const path = isSequential ? asked + String(parent.creates).padStart(10, "0") : asked;
    if (this.#nodes.has(path)) return { code: CODE.nodeExists };
    if (parent.owner !== 0) return { code: CODE.noChildrenForEphemerals };
    const isEphemeral = mode === 1 || mode === 3;
    const node = fresh(data, this.revision, this.time, isEphemeral ? session : 0);
    node.isReapable = mode >= CONTAINER;
    this.#nodes.set(path, node);
    parent.children.add(nameOf(path));
    parent.creates++;
    parent.pzxid = this.revision;
    this.#note(EVENT.created, path);
    this.#note(EVENT.childrenChanged, parentPath);
    return { code: CODE.ok, path, stat: statOf(node) };
  }

  #remove(path: string): void {
    const parentPath = parentOf(path);
    const parent = this.#nodes.get(parentPath)!;
    this.#nodes.delete(path);
    parent.children.delete(nameOf(path));
    parent.pzxid = this.revision;
    this.#note(EVENT.deleted, path);
    this.#note(EVENT.childrenChanged, parentPath);
  }

  #note(type: number, path: string): void {
    this.#changed.add(path);
    this.#pendingEvents.push({ revision: this.revision, type, path });
  }

  /** What a command changed is written down for good. */
  #settle(): void {
    if (this.#pendingEvents.length === 0) return;
    for (const event of this.#pendingEvents) {
      this.events.push(event);
      const list = this.#eventsByPath.get(event.path);
      if (list === undefined) this.#eventsByPath.set(event.path, [event]);
      else list.push(event);
    }
    this.#pendingEvents = [];
    for (const path of this.#changed) {
      const node = this.#nodes.get(path);
      const life = this.#lives.get(path) ?? [];
      this.#lives.set(path, life);
      life.push({ from: this.revision, node: node === undefined ? null : { data: node.data, stat: statOf(node) } });
    }
    this.#changed.clear();
  }

  // --------------------------------------------------------------------------------------------------------- asking

  record(revision: number): Record | undefined {
    return this.#records.get(revision);
  }

  /** A node as it was at a revision; undefined where there was none. */
  nodeAt(path: string, revision: number): Node | undefined {
    const life = this.#lives.get(path);
    if (life === undefined) return undefined;
    for (let i = life.length - 1; i >= 0; i--) {
      if (life[i]!.from <= revision) return life[i]!.node ?? undefined;
    }
    return undefined;
  }

  /** The names of a node's children at a revision, sorted. */
  childrenAt(path: string, revision: number): string[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    const names: string[] = [];
    for (const child of this.#lives.keys()) {
      if (!child.startsWith(prefix) || child.indexOf("/", prefix.length) !== -1) continue;
      if (this.nodeAt(child, revision) !== undefined) names.push(child.slice(prefix.length));
    }
    return names.sort();
  }

  /** The first event of these types at a path after a revision. */
  nextEvent(path: string, after: number, types: (type: number) => boolean): NodeEvent | undefined {
    const list = this.#eventsByPath.get(path);
    if (list === undefined || list[list.length - 1]!.revision <= after) return undefined;
    let first: NodeEvent | undefined;
    for (let i = list.length - 1; i >= 0 && list[i]!.revision > after; i--) if (types(list[i]!.type)) first = list[i];
    return first;
  }

  hasEvent(path: string, revision: number, type: number): boolean {
    return this.#eventsByPath.get(path)?.some((event) => event.revision === revision && event.type === type) ?? false;
  }

  /** All nodes as they are now, but for those that were there from the beginning. */
  *nodes(): Iterable<readonly [path: string, node: Node]> {
    for (const [path, node] of this.#nodes) {
      if (this.#lives.has(path) && path !== "/") yield [path, { data: node.data, stat: statOf(node) }];
    }
  }
}

function fresh(data: string | null, zxid: number, time: number, owner: number): Working {
  return {
    data,
    czxid: zxid,
    mzxid: zxid,
    pzxid: zxid,
    ctime: time,
    mtime: time,
    version: 0,
    creates: 0,
    owner,
    isReapable: false,
    children: new Set(),
  };
}

function statOf(node: Working): Stat {
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: 2 * node.creates - node.children.size,
    aversion: 0,
    ephemeralOwner: node.owner,
    dataLength: node.data === null ? 0 : bytesOf(node.data).length,
    numChildren: node.children.size,
    pzxid: node.pzxid,
  };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
