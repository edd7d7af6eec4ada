// The tree's part of a snapshot: nodes in any order, each whole with its path; access lists once, by number, before the
// first node that has them. Most nodes are plain leaves never changed: what only others have is optional.

import { assert } from "../../base/assert.ts";
import { type ByteReader, type ByteWriter, MalformedError } from "../../base/bytes.ts";
import type { LeaseTable, RestoredSection, RestoredSections, SnapshotSection } from "../model.ts";
import type { RecordWriter } from "../record-writer.ts";
import { readAcl } from "./acl-table.ts";
import { enlistEphemeral } from "./changes.ts";
import { writeAcl } from "./commands.ts";
import { registerQuota } from "./quotas.ts";
import { CONFIG_PATH, QUOTA_PATH, type Tree, ZOOKEEPER_PATH } from "./tree.ts";
import type { Acl } from "./types.ts";
import { Znode } from "./znode.ts";

const HAS = { data: 1, changes: 2, aversion: 4, directory: 8, owner: 16, container: 32, ttl: 64 } as const;
const SLASH = 0x2f;
/** Nodes that every tree has. */
const PRESET_PATHS = ["/", ZOOKEEPER_PATH, QUOTA_PATH, CONFIG_PATH];

/** The kinds of the tree's records: they are older than sections. */
export const TREE_RECORD = { acl: 5, node: 6 } as const;

/**
 * The tree as it was when the snapshot began: nodes are walked bucket by bucket, and one that is about to change before
 * the walk got to it is written first. Invariant: each node that was there is written once, as it was.
 */
export class TreeSection implements SnapshotSection {
  readonly #records: RecordWriter;
  readonly #tree: Tree;
  readonly #aclNumbers = new Map<readonly Acl[], number>();
  readonly #onEnd: () => void;
  #bucket = 0;
  #isWritten = false;
  count = 0;

  constructor(records: RecordWriter, tree: Tree, onEnd: () => void) {
    this.#records = records;
    this.#tree = tree;
    this.#onEnd = onEnd;
    tree.walks++;
  }

  writeMore(): boolean {
    const { nodes, walks } = this.#tree;
    for (const node of nodes.bucket(this.#bucket++)) if (node.walked !== walks) this.#write(node);
    this.#isWritten = this.#bucket >= nodes.bucketCount;
    return !this.#isWritten;
  }

  end(): void {
    this.#onEnd();
  }

  /** A node is about to change, or to go. */
  readonly onBeforeChange = (node: Znode): void => {
    assert(!this.#isWritten || node.walked === this.#tree.walks, "a node that the walk has passed over");
    if (!this.#isWritten) this.#write(node);
  };

  #write(node: Znode): void {
    node.walked = this.#tree.walks;
    this.count++;
    const { acl } = node;
    if (!this.#aclNumbers.has(acl)) {
      this.#aclNumbers.set(acl, this.#aclNumbers.size);
      writeAcl(this.#records.begin(TREE_RECORD.acl), acl);
      this.#records.end();
    }
    this.#writeNode(this.#records.begin(TREE_RECORD.node), node);
    this.#records.end();
  }

  #writeNode(writer: ByteWriter, node: Znode): void {
    const { directory } = node;
    const ttl = this.#tree.ttls.size === 0 ? 0 : this.#tree.ttlOf(node);
    let has = 0;
    if (node.hasData) has |= HAS.data;
    if (node.mzxid !== node.czxid || node.mtime !== node.ctime || node.version !== 0) has |= HAS.changes;
    if (node.aversion !== 0) has |= HAS.aversion;
    if (directory !== null) has |= HAS.directory;
    if (node.ephemeralOwner !== 0) has |= HAS.owner;
    if (this.#tree.containers.size > 0 && this.#tree.isContainer(node)) has |= HAS.container;
    if (ttl > 0) has |= HAS.ttl;
    writer.uint8(has);
    writer.int32(this.#aclNumbers.get(node.acl)!);
    writer.int64(node.czxid);
    writer.int64(node.ctime);
    if ((has & HAS.owner) !== 0) writer.int64(node.ephemeralOwner);
    writeText(writer, node.path);
    if (node.hasData) {
      writer.int32(node.dataLength);
      node.writeDataTo(writer);
    }
    if ((has & HAS.changes) !== 0) {
      writer.int64(node.mzxid);
      writer.int64(node.mtime);
      writer.int32(node.version);
    }
    if ((has & HAS.aversion) !== 0) writer.int32(node.aversion);
    if (directory !== null) {
      writer.int32(directory.creates);
      writer.int64(directory.pzxid);
    }
    if ((has & HAS.ttl) !== 0) writer.int64(ttl);
  }
}

function writeText(writer: ByteWriter, text: string): void {
  writer.int32(text.length);
  writer.text(text);
}

/** Reads a tree into an empty one. */
export class RestoredTree implements RestoredSection {
  readonly #tree: Tree;
  readonly #leases: LeaseTable;
  readonly #adopt: (tree: Tree) => void;
  readonly #acls: (readonly Acl[])[] = [];
  /** Nodes that came before their parents. */
  readonly #early: Znode[] = [];

  constructor(tree: Tree, leases: LeaseTable, adopt: (tree: Tree) => void) {
    assert(tree.nodeCount === 0, "a snapshot is read into an empty tree");
    this.#tree = tree;
    this.#leases = leases;
    this.#adopt = adopt;
  }

  get count(): number {
    return this.#tree.nodeCount;
  }

  read(kind: number | null, reader: ByteReader): void {
    switch (kind) {
      case TREE_RECORD.node:
        this.#readNode(reader);
        break;
      case TREE_RECORD.acl:
        this.#acls.push(readAcl(reader));
        break;
      default:
        throw new MalformedError("a record of the tree in a section: it has none");
    }
  }

  adopt(): void {
    this.#adopt(this.#tree);
  }

  #readNode(reader: ByteReader): void {
    const has = reader.uint8();
    const acl = this.#acls[reader.uint32()];
    if (acl === undefined) throw new MalformedError("a node with an access list that did not come before it");
    const czxid = reader.counter();
    const ctime = reader.natural();
    const owner = (has & HAS.owner) === 0 ? 0 : reader.natural();
    const pathLength = reader.uint32();
    const pathStart = reader.offset;
    const path = reader.text(pathLength);
    this.#checkPath(path, reader.bytes, pathStart);
    const node = Znode.create(this.#tree.store, { path, acl, zxid: czxid, time: ctime, ephemeralOwner: owner });
    if ((has & HAS.data) !== 0) {
      const dataLength = reader.uint32();
      node.setData(reader.bytes, reader.skip(dataLength), dataLength);
    }
    if ((has & HAS.changes) !== 0) {
      node.mzxid = reader.counter();
      node.mtime = reader.natural();
      node.version = reader.int32();
    }
    if ((has & HAS.aversion) !== 0) node.aversion = reader.int32();
    if ((has & HAS.directory) !== 0) {
      const directory = node.becomeDirectory();
      directory.creates = reader.int32();
      directory.pzxid = reader.counter();
    }
    this.#add(node, has, (has & HAS.ttl) === 0 ? 0 : reader.natural());
    this.#link(node, reader.bytes, pathStart, pathStart + pathLength);
  }

  /** Each node has a parent, and each ephemeral node the lease that it lives and dies with. */
  complete(others: RestoredSections): void {
    const tree = this.#tree;
    for (const path of PRESET_PATHS)
      if (tree.node(path) === undefined) throw new MalformedError(`a tree without ${path}`);
    tree.root = tree.node("/")!;
    for (const node of this.#early) {
      const slash = node.path.lastIndexOf("/");
      const parent = tree.node(slash === 0 ? "/" : node.path.slice(0, slash));
      const directory = parent?.directory;
      if (parent === undefined || directory == null) throw new MalformedError(`no parent for ${node.path}`);
      directory.link(parent, node);
    }
    const leases = others(this.#leases);
    for (const session of tree.ephemerals.keys()) {
      if (!leases.has(session)) throw new MalformedError(`ephemeral nodes of ${session}, which is no lease`);
    }
  }

  /** It begins with a slash, ends with a name, and no other node has it. That there is a parent is seen when it is linked. */
  #checkPath(path: string, bytes: Uint8Array, start: number): void {
    const isWhole = path.startsWith("/") && (path.length === 1 || !path.endsWith("/"));
    if (!isWhole) throw new MalformedError("a node whose path is none");
    if (this.#tree.nodeAt(bytes, start, start + path.length) !== undefined)
      throw new MalformedError("a node that comes twice");
  }

  #add(node: Znode, has: number, ttl: number): void {
    const tree = this.#tree;
    tree.nodes.insert(node);
    tree.approximateBytes += node.path.length + node.dataLength;
    if (node.ephemeralOwner !== 0) enlistEphemeral(tree, node);
    if ((has & HAS.container) !== 0) tree.containers.add(node, 0);
    if (ttl > 0) tree.ttls.add(node, ttl);
    registerQuota(tree, node);
  }

  #link(node: Znode, bytes: Uint8Array, pathStart: number, pathEnd: number): void {
    if (pathEnd - pathStart === 1) return;
    let slash = pathEnd - 1;
    while (slash > pathStart && bytes[slash] !== SLASH) slash--;
    const parent = this.#tree.nodeAt(bytes, pathStart, slash === pathStart ? slash + 1 : slash);
    const directory = parent?.directory;
    if (parent === undefined || directory == null) this.#early.push(node);
    else directory.link(parent, node);
  }
}
