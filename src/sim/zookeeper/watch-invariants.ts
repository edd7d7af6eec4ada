// The invariants of watches. Every event is true, was asked for, and comes in the right order. A client that is shown a change
// has been told of it before. The client object records what it watches, and since which zxid.

import type { Stat } from "../../state/tree/types.ts";
import { EVENT, type NodeEvent, type ReferenceTree } from "./reference-tree.ts";
import type { ObservedClient, WatchKind } from "./requests.ts";

/** Events that are found by comparing carry no zxid. */
export const UNKNOWN_ZXID = -1;

const isData = (type: number): boolean => type !== EVENT.childrenChanged;
const isChild = (type: number): boolean => type === EVENT.childrenChanged || type === EVENT.deleted;

interface ClientView {
  /** Watches are being set again: since when, and what was told meanwhile. */
  setting: { readonly relativeZxid: number; readonly told: NodeEvent[] } | null;
  /** Of a recursive watch: how far in the reference model's events it has been told. */
  readonly told: Map<string, number>;
}

export class WatchInvariants {
  readonly #tree: ReferenceTree;
  readonly #violate: (invariant: string, what: string) => void;
  readonly #clients = new Map<ObservedClient, ClientView>();

  constructor(tree: ReferenceTree, violate: (invariant: string, what: string) => void) {
    this.#tree = tree;
    this.#violate = violate;
  }

  #view(client: ObservedClient): ClientView {
    let view = this.#clients.get(client);
    if (view === undefined) {
      view = { setting: null, told: new Map() };
      this.#clients.set(client, view);
    }
    return view;
  }

  /** A new connection: nobody watches on it yet. */
  onDialed(client: ObservedClient): void {
    this.#view(client).setting = null;
  }

  onDisconnected(client: ObservedClient): void {
    const view = this.#view(client);
    for (const { type, path } of view.setting?.told ?? []) consume(client, type, path);
    view.setting = null;
  }

  /** `setWatches` leaves. */
  onSettingAgain(client: ObservedClient): void {
    this.#view(client).setting = { relativeZxid: client.session!.lastZxid, told: [] };
  }

  onNotification(client: ObservedClient, type: number, path: string, zxid: number): void {
    const { setting } = this.#view(client);
    if (zxid === UNKNOWN_ZXID) {
      if (setting === null)
        this.#violate("only watched events", `client ${client.id} is told of ${path} for no reason`);
      else setting.told.push({ zxid: UNKNOWN_ZXID, type, path });
      return;
    }
    if (!this.#tree.hasEvent(path, zxid, type)) {
      this.#violate("events are true", `client ${client.id} is told of event ${type} at ${path} at zxid ${zxid}`);
      return;
    }
    const isExpected = this.#isNextOfOnce(client, type, path, zxid);
    if (!this.#isNextOfRecursive(client, type, path, zxid) && !isExpected) {
      this.#violate("only watched events", `client ${client.id} is told of event ${type} at ${path} (${zxid}) unasked`);
    }
    consume(client, type, path);
  }

  #isNextOfOnce(client: ObservedClient, type: number, path: string, zxid: number): boolean {
    const kinds = client.watches.get(path);
    if (kinds === undefined) return false;
    let isExpected = false;
    for (const [kind, armedAt] of kinds) {
      if (kind === "recursive") continue;
      const types = kind === "child" ? isChild : isData;
      if (!types(type)) continue;
      const next = this.#tree.nextEvent(path, armedAt, types);
      if (next?.zxid === zxid && next.type === type) isExpected = true;
      else if (next !== undefined && next.zxid < zxid) this.#missed(client, path, next);
    }
    return isExpected;
  }

  /** A recursive watch is told of everything below, in order, each once. */
  #isNextOfRecursive(client: ObservedClient, type: number, path: string, zxid: number): boolean {
    if (!isData(type)) return false;
    const { told } = this.#view(client);
    let isExpected = false;
    for (const [root, kinds] of client.watches) {
      if (!kinds.has("recursive") || !isWithin(path, root)) continue;
      const at = this.#nextBelow(root, told.get(root) ?? 0);
      const next = this.#tree.events[at];
      if (next?.zxid === zxid && next.path === path && next.type === type) {
        told.set(root, at + 1);
        isExpected = true;
      } else if (next !== undefined) {
        this.#missed(client, next.path, next);
      }
    }
    return isExpected;
  }

  #nextBelow(root: string, from: number): number {
    const { events } = this.#tree;
    let at = from;
    while (at < events.length && !(isData(events[at]!.type) && isWithin(events[at]!.path, root))) at++;
    return at;
  }

  #missed(client: ObservedClient, path: string, { type, zxid }: NodeEvent): void {
    this.#violate("no event missed", `client ${client.id} was not told of event ${type} at ${path} at zxid ${zxid}`);
  }

  /** Nothing that a reply may show was left untold. */
  checkTold(client: ObservedClient, zxid: number): void {
    const { setting, told } = this.#view(client);
    if (setting !== null) return;
    for (const [path, kinds] of client.watches) {
      for (const [kind, armedAt] of kinds) {
        if (kind === "recursive") {
          const next = this.#tree.events[this.#nextBelow(path, told.get(path) ?? 0)];
          if (next !== undefined && next.zxid <= zxid) this.#missed(client, next.path, next);
        } else {
          const next = this.#tree.nextEvent(path, armedAt, kind === "child" ? isChild : isData);
          if (next !== undefined && next.zxid <= zxid) this.#missed(client, path, next);
        }
      }
    }
  }

  arm(client: ObservedClient, path: string, kind: WatchKind, zxid: number): void {
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
    const { events } = this.#tree;
    let at = events.length;
    while (at > 0 && events[at - 1]!.zxid > zxid) at--;
    return at;
  }

  /** Watches were set again: what had changed meanwhile was told, and nothing else; the rest is watched. */
  onSet(client: ObservedClient, zxid: number): void {
    const view = this.#view(client);
    const { setting } = view;
    view.setting = null;
    if (setting === null) return;
    const told = new Set(setting.told.map(({ type, path }) => `${type} ${path}`));
    const due = new Set<string>();
    for (const [path, kinds] of client.watches) {
      const node = this.#tree.nodeAt(path, zxid);
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
function consume(client: ObservedClient, type: number, path: string): void {
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
