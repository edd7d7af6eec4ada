// One node, as a view of its record: cheap to make, and true until the node is deleted. Whoever keeps one beyond the next
// command may see another node's numbers: keep the path instead.

import { assert } from "../../base/assert.ts";
import type { ByteWriter } from "../../base/bytes.ts";
import {
  ACL,
  AVERSION,
  BELOW,
  BELOW_BYTES,
  BLOCK,
  CREATES,
  CTIME,
  CZXID,
  DIRECTORY,
  FIRST,
  FOLLOWING,
  LENGTH,
  MTIME,
  MZXID,
  type NodeStore,
  OWNER,
  PARENT,
  PRECEDING,
  PZXID,
  SIZE,
  VERSION,
  WALKED,
} from "./node-store.ts";
import type { Acl, Stat } from "./types.ts";

const NULL_LENGTH = -1;

export interface NewNode {
  readonly path: string;
  readonly acl: readonly Acl[];
  readonly zxid: number;
  readonly time: number;
  /** The session that the node lives and dies with; 0 for all others, containers and TTL nodes among them. */
  readonly ephemeralOwner: number;
}

export class Znode implements Stat {
  readonly store: NodeStore;
  /** The number of its record: two views are of one node if these are equal. */
  readonly record: number;

  constructor(store: NodeStore, record: number) {
    this.store = store;
    this.record = record;
  }

  static create(store: NodeStore, { path, acl, zxid, time, ephemeralOwner }: NewNode): Znode {
    const { nodes } = store;
    const record = store.allocate(path, acl);
    nodes.setDouble(record, CZXID, zxid);
    nodes.setDouble(record, MZXID, zxid);
    nodes.setDouble(record, CTIME, time);
    nodes.setDouble(record, MTIME, time);
    nodes.setDouble(record, OWNER, ephemeralOwner);
    nodes.setInteger(record, LENGTH, NULL_LENGTH);
    return new Znode(store, record);
  }

  get path(): string {
    return this.store.path(this.record);
  }

  /** A one-byte string; null where the client gave none, which is not the same as empty. */
  get data(): string | null {
    const length = this.store.nodes.integer(this.record, LENGTH);
    if (length === NULL_LENGTH) return null;
    return length === 0 ? "" : this.store.data.text(this.store.nodes.double(this.record, BLOCK), length);
  }

  set data(text: string | null) {
    const block = this.#reserve(text === null ? NULL_LENGTH : text.length);
    if (text !== null && text.length > 0) this.store.data.writeText(block, text);
  }

  /** Takes `length` bytes at `start` as the data; −1 for none. */
  setData(source: Uint8Array, start: number, length: number): void {
    const block = this.#reserve(length);
    if (length > 0) this.store.data.write(block, source, start, length);
  }

  /** Takes the data out, uncopied: to be given back by `putBack`, or released. */
  takeData(): TakenData {
    const { nodes } = this.store;
    const length = nodes.integer(this.record, LENGTH);
    const block = nodes.double(this.record, BLOCK);
    this.#setLength(NULL_LENGTH);
    return { block, length };
  }

  /** Gives back data that was taken, in place of what is there. */
  putBack({ block, length }: TakenData): void {
    this.#reserve(NULL_LENGTH);
    this.#setLength(length);
    this.store.nodes.setDouble(this.record, BLOCK, block);
  }

  /** Writes the data's bytes, without their length: as `data`, without a string. */
  writeDataTo(writer: ByteWriter): void {
    const length = this.store.nodes.integer(this.record, LENGTH);
    if (length > 0) this.store.data.copyTo(writer, this.store.nodes.double(this.record, BLOCK), length);
  }

  get hasData(): boolean {
    return this.store.nodes.integer(this.record, LENGTH) !== NULL_LENGTH;
  }

  get dataLength(): number {
    const length = this.store.nodes.integer(this.record, LENGTH);
    return length === NULL_LENGTH ? 0 : length;
  }

  /** Nodes with equal lists share one. */
  get acl(): readonly Acl[] {
    return this.store.acls.list(this.store.nodes.integer(this.record, ACL));
  }

  set acl(acl: readonly Acl[]) {
    const { nodes, acls } = this.store;
    const kept = acls.use(acl);
    acls.release(nodes.integer(this.record, ACL));
    nodes.setInteger(this.record, ACL, kept);
  }

  get czxid(): number {
    return this.store.nodes.double(this.record, CZXID);
  }

  get mzxid(): number {
    return this.store.nodes.double(this.record, MZXID);
  }

  set mzxid(zxid: number) {
    this.store.nodes.setDouble(this.record, MZXID, zxid);
  }

  get ctime(): number {
    return this.store.nodes.double(this.record, CTIME);
  }

  get mtime(): number {
    return this.store.nodes.double(this.record, MTIME);
  }

  set mtime(time: number) {
    this.store.nodes.setDouble(this.record, MTIME, time);
  }

  get version(): number {
    return this.store.nodes.integer(this.record, VERSION);
  }

  set version(version: number) {
    this.store.nodes.setInteger(this.record, VERSION, version);
  }

  get aversion(): number {
    return this.store.nodes.integer(this.record, AVERSION);
  }

  set aversion(version: number) {
    this.store.nodes.setInteger(this.record, AVERSION, version);
  }

  get ephemeralOwner(): number {
    return this.store.nodes.double(this.record, OWNER);
  }

  /** Every create and every delete of a child counts, although only creates are kept. */
  get cversion(): number {
    const directory = this.#directory;
    const { directories } = this.store;
    return directory === 0
      ? 0
      : (directories.integer(directory, CREATES) * 2 - directories.integer(directory, SIZE)) | 0;
  }

  get numChildren(): number {
    const directory = this.#directory;
    return directory === 0 ? 0 : this.store.directories.integer(directory, SIZE);
  }

  get pzxid(): number {
    const directory = this.#directory;
    return directory === 0 ? this.czxid : this.store.directories.double(directory, PZXID);
  }

  /** Null until the first child is created. */
  get directory(): Directory | null {
    return this.#directory === 0 ? null : new Directory(this.store, this.#directory);
  }

  get parent(): Znode | null {
    return this.#other(this.store.nodes.integer(this.record, PARENT));
  }

  /** The next child of the same parent. */
  get following(): Znode | null {
    return this.#other(this.store.nodes.integer(this.record, FOLLOWING));
  }

  /** The number of the last snapshot that has this node behind it: it was written to it, or is newer than it. */
  get walked(): number {
    return this.store.nodes.integer(this.record, WALKED);
  }

  set walked(walk: number) {
    this.store.nodes.setInteger(this.record, WALKED, walk);
  }

  /** Makes it a directory, if it is none yet. */
  becomeDirectory(): Directory {
    const { nodes, directories } = this.store;
    if (this.#directory === 0) {
      const directory = directories.allocate();
      directories.setDouble(directory, PZXID, this.czxid);
      nodes.setInteger(this.record, DIRECTORY, directory);
    }
    return new Directory(this.store, this.#directory);
  }

  /** Takes back that it is one: it has no children, and never had any. */
  forgetDirectory(): void {
    this.store.directories.release(this.#directory);
    this.store.nodes.setInteger(this.record, DIRECTORY, 0);
  }

  get #directory(): number {
    return this.store.nodes.integer(this.record, DIRECTORY);
  }

  #other(record: number): Znode | null {
    return record === 0 ? null : new Znode(this.store, record);
  }

  /** Room for data of another length; returns its block. */
  #reserve(length: number): number {
    const { nodes, data } = this.store;
    const before = nodes.integer(this.record, LENGTH);
    const block = nodes.double(this.record, BLOCK);
    nodes.setInteger(this.record, LENGTH, length);
    const grown = (length > 0 ? length : 0) - (before > 0 ? before : 0);
    if (grown !== 0) this.store.growAbove(this.record, 0, grown);
    if (before > 0 && length > 0 && data.isSameSize(before, length)) return block;
    if (before > 0) data.release(block, before);
    if (length <= 0) return 0;
    const next = data.allocate(length);
    nodes.setDouble(this.record, BLOCK, next);
    return next;
  }

  #setLength(length: number): void {
    const grown = Math.max(length, 0) - this.dataLength;
    this.store.nodes.setInteger(this.record, LENGTH, length);
    if (grown !== 0) this.store.growAbove(this.record, 0, grown);
  }
}

/** Data that was taken out of its node, in its block. */
export interface TakenData {
  readonly block: number;
  /** −1: the node had none. */
  readonly length: number;
}

/** What a node has once it had a child, as a view too. */
export class Directory {
  readonly #store: NodeStore;
  readonly #record: number;

  constructor(store: NodeStore, record: number) {
    this.#store = store;
    this.#record = record;
  }

  get first(): Znode | null {
    const first = this.#store.directories.integer(this.#record, FIRST);
    return first === 0 ? null : new Znode(this.#store, first);
  }

  /** Children ever created, as a signed 32-bit number: where sequence suffixes come from. Never goes back. */
  get creates(): number {
    return this.#store.directories.integer(this.#record, CREATES);
  }

  set creates(count: number) {
    this.#store.directories.setInteger(this.#record, CREATES, count);
  }

  /** Nodes below, at any depth. */
  get below(): number {
    return this.#store.directories.double(this.#record, BELOW);
  }

  /** Bytes of the data of all of them. */
  get belowBytes(): number {
    return this.#store.directories.double(this.#record, BELOW_BYTES);
  }

  /** The zxid of the last create or delete of a child. */
  get pzxid(): number {
    return this.#store.directories.double(this.#record, PZXID);
  }

  set pzxid(zxid: number) {
    this.#store.directories.setDouble(this.#record, PZXID, zxid);
  }

  /** Adds `child` to the children of `parent`, whose directory this is; counts no create. */
  link(parent: Znode, child: Znode): void {
    const { nodes, directories } = this.#store;
    const next = directories.integer(this.#record, FIRST);
    nodes.setInteger(child.record, PARENT, parent.record);
    nodes.setInteger(child.record, PRECEDING, 0);
    nodes.setInteger(child.record, FOLLOWING, next);
    if (next !== 0) nodes.setInteger(next, PRECEDING, child.record);
    directories.setInteger(this.#record, FIRST, child.record);
    directories.setInteger(this.#record, SIZE, directories.integer(this.#record, SIZE) + 1);
    this.#store.growAbove(
      child.record,
      1 + (child.directory?.below ?? 0),
      child.dataLength + (child.directory?.belowBytes ?? 0),
    );
  }

  unlink(child: Znode): void {
    const { nodes, directories } = this.#store;
    this.#store.growAbove(child.record, -1, -child.dataLength);
    assert(directories.integer(this.#record, SIZE) > 0, "a child is counted by its parent");
    const preceding = nodes.integer(child.record, PRECEDING);
    const following = nodes.integer(child.record, FOLLOWING);
    if (preceding === 0) directories.setInteger(this.#record, FIRST, following);
    else nodes.setInteger(preceding, FOLLOWING, following);
    if (following !== 0) nodes.setInteger(following, PRECEDING, preceding);
    directories.setInteger(this.#record, SIZE, directories.integer(this.#record, SIZE) - 1);
  }
}
