// What the servers held at every zxid: the reference model's reading of the committed log, with the time at which each zxid
// came into force, and with the operator's removals.

import { EVENT, type ReferenceTree } from "../../sim/zookeeper/reference-tree.ts";

export class StateHistory {
  readonly #tree: ReferenceTree;
  readonly #now: () => number;
  /** By zxid: what it created. */
  readonly #created = new Map<number, string[]>();
  /** By path: the zxid that created it last. */
  readonly #births = new Map<string, number>();
  /** By zxid: when it was in force. */
  readonly #moments = new Map<number, number>();
  #told = 0;
  /** Paths that an operator removed, or is about to. */
  readonly #removed = new Set<string>();
  /** Sessions that an operator ended, or is about to. */
  readonly #endedSessions = new Set<number>();
  /** Hears of each node that a session created, as it happens. */
  onEphemeral: (path: string) => void = () => {};

  constructor(tree: ReferenceTree, now: () => number) {
    this.#tree = tree;
    this.#now = now;
  }

  /** The latest that is in force anywhere. */
  get zxid(): number {
    return this.#tree.zxid;
  }

  /** After each entry that was applied for the first time anywhere. */
  catchUp(): void {
    const { events } = this.#tree;
    const fresh = events.slice(this.#told);
    this.#told = events.length;
    for (const { zxid, type, path } of fresh) {
      if (!this.#moments.has(zxid)) this.#moments.set(zxid, this.#now());
      if (type !== EVENT.created) continue;
      this.#births.set(path, zxid);
      const paths = this.#created.get(zxid);
      if (paths === undefined) this.#created.set(zxid, [path]);
      else paths.push(path);
      if (this.#tree.nodeAt(path, zxid)!.stat.ephemeralOwner !== 0) this.onEphemeral(path);
    }
  }

  /** The node below `directory` that this token is the creation of. */
  nodeOf(token: bigint, directory: string): string | null {
    return this.#created.get(Number(token))?.find((path) => path.startsWith(`${directory}/`)) ?? null;
  }

  /** The zxid that created it, the last time; null: it never was there. */
  createdAt(path: string): number | null {
    return this.#births.get(path) ?? null;
  }

  /** The session that it lives as long as; null: none. */
  ownerOf(path: string): number | null {
    const created = this.createdAt(path);
    const owner = created === null ? 0 : (this.#tree.nodeAt(path, created)?.stat.ephemeralOwner ?? 0);
    return owner === 0 ? null : owner;
  }

  /** When a node was gone that was created at `since`, or last: the zxid, and the moment; null: it is there. */
  goneAt(path: string, since = this.createdAt(path) ?? 0): { readonly zxid: number; readonly at: number } | null {
    const event = this.#tree.nextEvent(path, since, (type) => type === EVENT.deleted);
    return event === undefined ? null : { zxid: event.zxid, at: this.#moments.get(event.zxid)! };
  }

  childrenAt(path: string, zxid: number): readonly string[] {
    return this.#tree.childrenAt(path, zxid);
  }

  children(path: string): readonly string[] {
    return this.childrenAt(path, this.zxid);
  }

  isThereAt(path: string, zxid: number): boolean {
    return this.#tree.nodeAt(path, zxid) !== undefined;
  }

  dataAt(path: string, zxid: number): string | null {
    return this.#tree.nodeAt(path, zxid)?.data ?? null;
  }

  /** The zxid of the last change of a node's data by then; 0: it is not there. */
  changedAt(path: string, zxid: number): number {
    return this.#tree.nodeAt(path, zxid)?.stat.mzxid ?? 0;
  }

  /** Whether a node was missing at some zxid from `from` until now. */
  wasMissingSince(path: string, from: number): boolean {
    if (!this.isThereAt(path, from) || !this.isThereAt(path, this.zxid)) return true;
    return this.#tree.nextEvent(path, from, (type) => type === EVENT.deleted) !== undefined;
  }

  /** Every zxid that changed something at this path, in order, with the data from then on; null: it is not there. */
  *changesOf(path: string): Iterable<{ readonly zxid: number; readonly data: string | null }> {
    let last = -1;
    for (const event of this.#tree.events) {
      if (event.path !== path || event.type === EVENT.childrenChanged || event.zxid === last) continue;
      last = event.zxid;
      yield { zxid: last, data: this.dataAt(path, last) };
    }
  }

  /** All nodes of sessions, as they are now. */
  ephemerals(): string[] {
    return [...this.#tree.nodes()].filter(([, { stat }]) => stat.ephemeralOwner !== 0).map(([path]) => path);
  }

  isSessionAlive(id: bigint): boolean {
    return this.#tree.isSessionAlive(Number(id));
  }

  noteRemoval(path: string): void {
    this.#removed.add(path);
  }

  /** Whether an operator removed a node of this path, or is about to. */
  wasRemovedByOperator(path: string): boolean {
    return this.#removed.has(path);
  }

  noteEndedSession(id: bigint): void {
    this.#endedSessions.add(Number(id));
  }

  /** Whether an operator had a hand in the end of this node. */
  wasTakenAway(path: string, since = this.createdAt(path) ?? 0): boolean {
    const owner = this.#tree.nodeAt(path, since)?.stat.ephemeralOwner ?? 0;
    return this.goneAt(path, since) !== null && (this.#removed.has(path) || this.#endedSessions.has(owner));
  }
}
