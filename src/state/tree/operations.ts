// What each command does to the tree: reads its fields, checks in ZooKeeper's order (its PrepRequestProcessor), then
// changes. Equal trees and equal commands give equal trees and equal outcomes, on every member.

import { assert } from "../../base/assert.ts";
import { type ByteReader, ByteWriter } from "../../base/bytes.ts";
import { byteString } from "../../base/text.ts";
import { DONE, rejected } from "../outcomes.ts";
import { fixedUp, OPEN_ACL, PERMISSION } from "./acl.ts";
import { readAcl } from "./acl-table.ts";
import type { Changes, NodeKind } from "./changes.ts";
import { CREATE_MODE, MODE_INVALID, POLICY_BIT, TREE_OPERATION, TTL_GIVEN } from "./commands.ts";
import { detached } from "./outcomes.ts";
import { isValidPath, lastSlashOf } from "./paths.ts";
import { exceedsQuota, exceedsQuotaText } from "./quotas.ts";
import type { Requester } from "./requester.ts";
import { sequenceSuffix } from "./sequence.ts";
import type { Tree } from "./tree.ts";
import type { TreeOutcome } from "./types.ts";
import type { Znode } from "./znode.ts";

/** ZooKeeper keeps a TTL in five bytes. */
const TTL_MAX = 2 ** 40 - 1;
const PLAIN: NodeKind = Object.freeze({ kind: "plain" });
const CONTAINER: NodeKind = Object.freeze({ kind: "container" });

export class Operations {
  readonly #tree: Tree;
  readonly #changes: Changes;
  readonly #requester: Requester;
  readonly #scratch = new ByteWriter(256);

  constructor(changes: Changes, requester: Requester) {
    this.#tree = changes.tree;
    this.#changes = changes;
    this.#requester = requester;
  }

  /** Reconfigurations aside (reconfiguration.ts). The reader stands behind the credentials, and is left at the command's end. */
  apply(operation: number, reader: ByteReader): TreeOutcome {
    switch (operation) {
      case TREE_OPERATION.setAcl:
        return this.#setAcl(reader);
      case TREE_OPERATION.multi:
        return this.#multi(reader);
      case TREE_OPERATION.reap:
        return this.#reap(reader);
      default:
        return this.#single(operation, reader);
    }
  }

  /** What a multi may hold. A check outside of one is never proposed. */
  #single(operation: number, reader: ByteReader): TreeOutcome {
    switch (operation) {
      case TREE_OPERATION.create:
        return this.#create(reader);
      case TREE_OPERATION.delete:
        return this.#delete(reader);
      case TREE_OPERATION.setData:
        return this.#setData(reader);
      case TREE_OPERATION.check:
        return this.#check(reader);
      default:
        assert(false, `operation ${operation} of the tree`);
    }
  }

  #create(reader: ByteReader): TreeOutcome {
    const flags = reader.uint8();
    const mode = flags & ~TTL_GIVEN;
    const ttl = (flags & TTL_GIVEN) === 0 ? -1 : reader.int64();
    const pathLength = reader.uint32();
    const { bytes } = reader;
    const start = reader.skip(pathLength);
    const end = start + pathLength;
    const dataLength = reader.int32();
    const dataStart = dataLength > 0 ? reader.skip(dataLength) : 0;
    const asked = readAcl(reader);

    const hasTtl = mode === CREATE_MODE.ttl || mode === CREATE_MODE.ttlSequential;
    if (mode === MODE_INVALID) return rejected("bad-arguments");
    if (hasTtl && !this.#allowed(POLICY_BIT.extendedTypes)) return rejected("unimplemented");
    if (hasTtl ? ttl <= 0 || ttl > TTL_MAX : ttl >= 0) return rejected("bad-arguments");
    const slash = lastSlashOf(bytes, start, end);
    if (slash === -1) return rejected("bad-arguments");
    const acl = asked === OPEN_ACL ? OPEN_ACL : fixedUp(asked, this.#requester);
    if (acl === null) return rejected("invalid-acl");
    const parent = slash === start ? this.#tree.root : this.#tree.nodeAt(bytes, start, slash);
    if (parent === undefined) return rejected("no-node");
    if (!this.#requester.may(PERMISSION.create, parent.acl)) return rejected("no-auth");

    const path = isSequential(mode)
      ? this.#sequentialPath(bytes, start, end, parent)
      : newPath(this.#tree, bytes, start, end);
    if (typeof path !== "string") return path;
    if (parent.ephemeralOwner !== 0) return rejected("no-children-for-ephemerals");
    const grown = Math.max(dataLength, 0);
    if (exceedsQuotaText(path, grown)) return rejected("bad-arguments");
    if (this.#allowed(POLICY_BIT.enforceQuota) && exceedsQuota(this.#tree, path, parent, grown, 1)) {
      return rejected("quota-exceeded");
    }
    const kind = this.#kindOf(mode, ttl);
    const node = this.#changes.create(parent, { path, acl, kind, source: bytes, start: dataStart, length: dataLength });
    return { kind: "created", path, stat: node };
  }

  #delete(reader: ByteReader): TreeOutcome {
    const version = reader.int32();
    const length = reader.uint32();
    const { bytes } = reader;
    const start = reader.skip(length);
    const node = this.#tree.nodeAt(bytes, start, start + length);
    if (node === undefined) return this.#deleteMissing(bytes, start, start + length);
    const { parent } = node;
    if (parent === null || isPreset(node)) return rejected("bad-arguments");
    if (!this.#requester.may(PERMISSION.delete, parent.acl)) return rejected("no-auth");
    if (version !== -1 && version !== node.version) return rejected("bad-version");
    if (node.numChildren > 0) return rejected("not-empty");
    this.#changes.remove(node);
    return DONE;
  }

  #deleteMissing(bytes: Uint8Array, start: number, end: number): TreeOutcome {
    const slash = lastSlashOf(bytes, start, end);
    if (slash === -1) return rejected("bad-arguments");
    const parent = slash === start ? this.#tree.root : this.#tree.nodeAt(bytes, start, slash);
    if (parent !== undefined && !this.#requester.may(PERMISSION.delete, parent.acl)) return rejected("no-auth");
    return rejected("no-node");
  }

  #setData(reader: ByteReader): TreeOutcome {
    const version = reader.int32();
    const length = reader.uint32();
    const { bytes } = reader;
    const start = reader.skip(length);
    const dataLength = reader.int32();
    const dataStart = dataLength > 0 ? reader.skip(dataLength) : 0;
    const node = this.#tree.nodeAt(bytes, start, start + length);
    if (node === undefined) return missing(bytes, start, start + length);
    if (!this.#requester.may(PERMISSION.write, node.acl)) return rejected("no-auth");
    if (exceedsQuotaText(node.path, dataLength)) return rejected("bad-arguments");
    if (this.#allowed(POLICY_BIT.enforceQuota)) {
      const grown = Math.max(dataLength, 0) - node.dataLength;
      if (exceedsQuota(this.#tree, node.path, node, grown, 0)) return rejected("quota-exceeded");
    }
    if (version !== -1 && version !== node.version) return rejected("bad-version");
    this.#changes.setData(node, nextVersion(node.version), bytes, dataStart, dataLength);
    return { kind: "updated", stat: node };
  }

  #check(reader: ByteReader): TreeOutcome {
    const version = reader.int32();
    const length = reader.uint32();
    const start = reader.skip(length);
    const node = this.#tree.nodeAt(reader.bytes, start, start + length);
    if (node === undefined) return missing(reader.bytes, start, start + length);
    if (!this.#requester.may(PERMISSION.read, node.acl)) return rejected("no-auth");
    if (version !== -1 && version !== node.version) return rejected("bad-version");
    return DONE;
  }

  #setAcl(reader: ByteReader): TreeOutcome {
    const version = reader.int32();
    const length = reader.uint32();
    const { bytes } = reader;
    const start = reader.skip(length);
    const asked = readAcl(reader);
    if (!isValidPath(bytes, start, start + length)) return rejected("bad-arguments");
    const acl = fixedUp(asked, this.#requester);
    if (acl === null) return rejected("invalid-acl");
    const node = this.#tree.nodeAt(bytes, start, start + length);
    if (node === undefined) return rejected("no-node");
    if (!this.#requester.may(PERMISSION.admin, node.acl)) return rejected("no-auth");
    if (version !== -1 && version !== node.aversion) return rejected("bad-version");
    this.#changes.setAcl(node, acl, nextVersion(node.aversion));
    return { kind: "updated", stat: node };
  }

  /** All or nothing, under one zxid; later operations see what earlier ones did. */
  #multi(reader: ByteReader): TreeOutcome {
    const count = reader.uint32();
    const results: TreeOutcome[] = [];
    this.#changes.beginMulti();
    for (let position = 0; position < count; position++) {
      const outcome = this.#single(reader.uint8(), reader);
      if (outcome.kind === "rejected") {
        this.#changes.rollBackMulti();
        reader.offset = reader.end;
        return { kind: "multi-rejected", failed: position, code: outcome.code, count };
      }
      results.push(detached(outcome));
    }
    this.#changes.commitMulti();
    return { kind: "multi", results };
  }

  #reap(reader: ByteReader): TreeOutcome {
    const node = this.#tree.node(reader.text(reader.uint32()));
    const mzxid = reader.int64();
    const pzxid = reader.int64();
    if (node === undefined || node.mzxid !== mzxid || node.pzxid !== pzxid || node.numChildren > 0) return DONE;
    if (this.#tree.isContainer(node) || this.#tree.ttlOf(node) > 0) this.#changes.remove(node);
    return DONE;
  }

  #allowed(bit: number): boolean {
    return (this.#requester.policy & bit) !== 0;
  }

  #sequentialPath(bytes: Uint8Array, start: number, end: number, parent: Znode): string | TreeOutcome {
    const scratch = this.#scratch.clear();
    scratch.raw(bytes, start, end);
    scratch.text(sequenceSuffix(parent.directory?.creates ?? 0));
    return newPath(this.#tree, scratch.bytes, 0, scratch.length);
  }

  #kindOf(mode: number, ttl: number): NodeKind {
    switch (mode) {
      case CREATE_MODE.ephemeral:
      case CREATE_MODE.ephemeralSequential:
        assert(this.#requester.session !== 0, "an ephemeral that no session owns");
        return { kind: "ephemeral", session: this.#requester.session };
      case CREATE_MODE.container:
        return CONTAINER;
      case CREATE_MODE.ttl:
      case CREATE_MODE.ttlSequential:
        return { kind: "ttl", ttl };
      default:
        return PLAIN;
    }
  }
}

/** The path as it will be kept, or why there can be no new node. */
function newPath(tree: Tree, bytes: Uint8Array, start: number, end: number): string | TreeOutcome {
  if (!isValidPath(bytes, start, end)) return rejected("bad-arguments");
  if (tree.nodeAt(bytes, start, end) !== undefined) return rejected("node-exists");
  return byteString(bytes, start, end);
}

/** No node there: is it that it is missing, or could there never be one? */
function missing(bytes: Uint8Array, start: number, end: number): TreeOutcome {
  return rejected(isValidPath(bytes, start, end) ? "no-node" : "bad-arguments");
}

function isSequential(mode: number): boolean {
  return (
    mode === CREATE_MODE.sequential || mode === CREATE_MODE.ephemeralSequential || mode === CREATE_MODE.ttlSequential
  );
}

/** The nodes that were there before the first command. */
function isPreset(node: Znode): boolean {
  return node.czxid === 0;
}

/** −1 means "any" to clients, so no version ever is −1 (ZOOKEEPER-4743). */
function nextVersion(version: number): number {
  const next = (version + 1) | 0;
  return next === -1 ? 0 : next;
}
