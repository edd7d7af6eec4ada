// The reference model of ZooKeeper's tree: slow and obvious, and it forgets nothing. It can say what any node was at any zxid, so
// every outcome that a client gets and every event that it is told can be compared with what was true there.

import type { ByteReader } from "../../base/bytes.ts";
import { bytesOf } from "../../base/text.ts";
import type { Machine } from "../../state/machine.ts";
import { TREE_MODEL } from "../../state/tree/commands.ts";
import { TreeModel } from "../../state/tree/model.ts";
import type { Stat } from "../../state/tree/types.ts";
import type { LeaseRefusal, ReferenceTurn } from "../kernel/reference-leases.ts";
import type { ReferenceMachine, ReferenceModel } from "../kernel/reference-machine.ts";
import { type Command, readTreeCommand, type TreeCommand } from "./tree-commands.ts";

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

/** A node as it was from one zxid to the next; never changed. */
export interface ReferenceNode {
  readonly data: string | null;
  readonly stat: Stat;
}

export interface NodeEvent {
  readonly zxid: number;
  readonly type: number;
  readonly path: string;
}

/** What a command came to; `code` 0: it was done. */
export interface Outcome {
  readonly code: number;
  /** Of a create, as it came to be. */
  readonly path?: string;
  readonly stat?: Stat;
  /** Of a multi, one an operation. */
  readonly results?: readonly Outcome[];
}

/** One zxid: what was asked for, and what it came to. */
export interface AppliedCommand {
  readonly command: Command;
  readonly outcome: Outcome;
}

/** What a node was from each zxid on; null where there was none. */
type Versions = { readonly from: number; readonly node: ReferenceNode | null }[];

/** A node as it is now. */
interface CurrentNode {
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

/** The first mode of nodes that may go by themselves; those with a time to live follow. */
const CONTAINER = 4;
/** They are there before the first command. */
const PRESET = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

const REFUSAL_CODE: Readonly<Record<LeaseRefusal, number>> = {
  expired: -112,
  moved: -118,
};

export class ReferenceTree implements ReferenceModel {
  readonly model = TREE_MODEL;
  readonly events: NodeEvent[] = [];
  /** Hears of every command of the tree in order, with its zxid. */
  readonly commandListeners: ((zxid: number, applied: AppliedCommand) => void)[] = [];
  readonly machine: ReferenceMachine;
  #nodes = new Map<string, CurrentNode>();
  readonly #versions = new Map<string, Versions>();
  readonly #eventsByPath = new Map<string, NodeEvent[]>();
  readonly #applied = new Map<number, AppliedCommand>();
  #changed = new Set<string>();
  #pendingEvents: NodeEvent[] = [];
  #turn: ReferenceTurn = { sequence: 0, time: 0, member: 0, run: 0, level: 0 };

  constructor(machine: ReferenceMachine) {
    this.machine = machine;
    machine.add(this);
    for (const path of PRESET) this.#nodes.set(path, newNode("", 0, 0, 0));
    this.#nodes.get("/")!.children.add("zookeeper");
  }

  // ------------------------------------------------------------------------------------------------------- applying

  apply(operation: number, reader: ByteReader, turn: ReferenceTurn): void {
    this.#turn = turn;
    const command = readTreeCommand(operation, reader);
    const applied = { command, outcome: this.#apply(command) };
    this.#keepVersions();
    this.#applied.set(turn.sequence, applied);
    for (const listener of this.commandListeners) listener(turn.sequence, applied);
  }

  onLeaseEnded(id: number, turn: ReferenceTurn): void {
    this.#turn = turn;
    const owned = [...this.#nodes].filter(([, node]) => node.owner === id).map(([path]) => path);
    for (const path of owned.sort()) this.#remove(path);
    this.#keepVersions();
  }

  #apply(command: Command): Outcome {
    switch (command.kind) {
      case "single":
        return this.#refusal(command.session) ?? this.#one(command.command, command.session);
      case "multi":
        return this.#refusal(command.session) ?? this.#multi(command.commands, command.session);
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

  #refusal(session: number): Outcome | null {
    if (session === 0) return null;
    const refusal = this.machine.leases.refusalOf(session, this.#turn);
    return refusal === null ? null : { code: REFUSAL_CODE[refusal] };
  }

  #multi(commands: readonly TreeCommand[], session: number): Outcome {
    const before = new Map(
      [...this.#nodes].map(([path, node]) => [path, { ...node, children: new Set(node.children) }]),
    );
    const results: Outcome[] = [];
    for (const [failed, command] of commands.entries()) {
      const outcome = this.#one(command, session);
      if (outcome.code === CODE.ok) {
        results.push(outcome);
        continue;
      }
      this.#nodes = before;
      this.#changed.clear();
      this.#pendingEvents = [];
      const codes = commands.map((_, i) =>
        i < failed ? CODE.ok : i === failed ? outcome.code : CODE.runtimeInconsistency,
      );
      return { code: CODE.ok, results: codes.map((code) => ({ code })) };
    }
    return { code: CODE.ok, results };
  }

  #one(command: TreeCommand, session: number): Outcome {
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
        node.mzxid = this.#turn.sequence;
        node.mtime = this.#turn.time;
        node.version++;
        this.#note(EVENT.dataChanged, command.path);
        return { code: CODE.ok, stat: statOf(node) };
    }
  }

  #create({ path: asked, data, mode }: TreeCommand & { kind: "create" }, session: number): Outcome {
    const parentPath = parentOf(asked);
    const parent = this.#nodes.get(parentPath);
    if (parent === undefined) return { code: CODE.noNode };
    const isSequential = mode === 2 || mode === 3;
    const path = isSequential ? asked + String(parent.creates).padStart(10, "0") : asked;
    if (this.#nodes.has(path)) return { code: CODE.nodeExists };
    if (parent.owner !== 0) return { code: CODE.noChildrenForEphemerals };
    const isEphemeral = mode === 1 || mode === 3;
    const node = newNode(data, this.#turn.sequence, this.#turn.time, isEphemeral ? session : 0);
    node.isReapable = mode >= CONTAINER;
    this.#nodes.set(path, node);
    parent.children.add(nameOf(path));
    parent.creates++;
    parent.pzxid = this.#turn.sequence;
    this.#note(EVENT.created, path);
    this.#note(EVENT.childrenChanged, parentPath);
    return { code: CODE.ok, path, stat: statOf(node) };
  }

  #remove(path: string): void {
    const parentPath = parentOf(path);
    const parent = this.#nodes.get(parentPath)!;
    this.#nodes.delete(path);
    parent.children.delete(nameOf(path));
    parent.pzxid = this.#turn.sequence;
    this.#note(EVENT.deleted, path);
    this.#note(EVENT.childrenChanged, parentPath);
  }

  #note(type: number, path: string): void {
    this.#changed.add(path);
    this.#pendingEvents.push({ zxid: this.#turn.sequence, type, path });
  }

  /** What a command changed is kept for good. */
  #keepVersions(): void {
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
      const versions = this.#versions.get(path) ?? [];
      this.#versions.set(path, versions);
      versions.push({
        from: this.#turn.sequence,
        node: node === undefined ? null : { data: node.data, stat: statOf(node) },
      });
    }
    this.#changed.clear();
  }

  // --------------------------------------------------------------------------------------------------------- asking

  get zxid(): number {
    return this.machine.sequence;
  }

  isSessionAlive(id: number): boolean {
    return this.machine.leases.has(id);
  }

  /** What stands at a zxid, where it is a command of the tree. */
  appliedAt(zxid: number): AppliedCommand | undefined {
    return this.#applied.get(zxid);
  }

  /** A node as it was at a zxid; undefined where there was none. */
  nodeAt(path: string, zxid: number): ReferenceNode | undefined {
    const versions = this.#versions.get(path);
    if (versions === undefined) return undefined;
    for (let i = versions.length - 1; i >= 0; i--) {
      if (versions[i]!.from <= zxid) return versions[i]!.node ?? undefined;
    }
    return undefined;
  }

  /** The names of a node's children at a zxid, sorted. */
  childrenAt(path: string, zxid: number): string[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    const names: string[] = [];
    for (const child of this.#versions.keys()) {
      if (!child.startsWith(prefix) || child.indexOf("/", prefix.length) !== -1) continue;
      if (this.nodeAt(child, zxid) !== undefined) names.push(child.slice(prefix.length));
    }
    return names.sort();
  }

  /** The first event of these types at a path after a zxid. */
  nextEvent(path: string, after: number, types: (type: number) => boolean): NodeEvent | undefined {
    const list = this.#eventsByPath.get(path);
    if (list === undefined || list[list.length - 1]!.zxid <= after) return undefined;
    let first: NodeEvent | undefined;
    for (let i = list.length - 1; i >= 0 && list[i]!.zxid > after; i--) if (types(list[i]!.type)) first = list[i];
    return first;
  }

  hasEvent(path: string, zxid: number, type: number): boolean {
    return this.#eventsByPath.get(path)?.some((event) => event.zxid === zxid && event.type === type) ?? false;
  }

  differenceOf(machine: Machine): string | null {
    const { tree } = machine.model(TreeModel);
    let count = PRESET.length;
    for (const [path, { data, stat }] of this.nodes()) {
      count++;
      const node = tree.node(path);
      if (node === undefined) return `no ${path}`;
      const differs = node.data !== data || node.version !== stat.version || node.czxid !== stat.czxid;
      const moved =
        node.mzxid !== stat.mzxid || node.pzxid !== stat.pzxid || node.ephemeralOwner !== stat.ephemeralOwner;
      if (differs || moved) return `another ${path}`;
    }
    return tree.nodeCount === count ? null : `${tree.nodeCount} nodes, not ${count}`;
  }

  /** All nodes as they are now, but for those that were there from the beginning. */
  *nodes(): Iterable<readonly [path: string, node: ReferenceNode]> {
    for (const [path, node] of this.#nodes) {
      if (this.#versions.has(path) && path !== "/") yield [path, { data: node.data, stat: statOf(node) }];
    }
  }
}

function newNode(data: string | null, zxid: number, time: number, owner: number): CurrentNode {
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

function statOf(node: CurrentNode): Stat {
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
