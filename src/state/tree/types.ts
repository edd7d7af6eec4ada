// What the tree says to those who use it: outcomes of commands, and events for whoever watches on this member.

/** Why a command was turned down; decided alike on every member. Protocols map each to their own code, in one table. */
export type Rejection =
  | "bad-arguments"
  | "bad-version"
  | "feature-level"
  | "invalid-acl"
  | "new-configuration-no-quorum"
  | "no-auth"
  | "no-children-for-ephemerals"
  | "no-node"
  | "node-exists"
  | "not-empty"
  | "quota-exceeded"
  | "reconfig-disabled"
  | "reconfig-in-progress"
  | "runtime-inconsistency"
  | "session-expired"
  | "session-moved"
  | "unimplemented";

/** A znode's metadata. Zxids, times (ms since 1970) and session ids are whole numbers below 2⁵³. */
export interface Stat {
  readonly czxid: number;
  readonly mzxid: number;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: number;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: number;
}

export interface Acl {
  /** Bits: 1 read, 2 write, 4 create, 8 delete, 16 admin. */
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

/** Who a client has proved to be: `{ scheme: "digest", id: "user:hash" }`. */
export interface Identity {
  readonly scheme: string;
  readonly id: string;
}

/**
 * What a command came to. A `stat` may be the live node itself: read it before the next command is applied, or copy it.
 */
export type TreeOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "created"; readonly path: string; readonly stat: Stat }
  | { readonly kind: "updated"; readonly stat: Stat }
  | { readonly kind: "multi"; readonly results: readonly TreeOutcome[] }
  /** Nothing was applied. `failed` is the position of the operation that failed. */
  | { readonly kind: "multi-rejected"; readonly failed: number; readonly code: Rejection; readonly count: number }
  | { readonly kind: "rejected"; readonly code: Rejection }
  /** A reconfiguration was taken up; `reconfigured` follows for this zxid when it has ended. */
  | { readonly kind: "reconfiguring"; readonly zxid: number };

export type NodeEvent = "created" | "deleted" | "data-changed" | "children-changed";

/** Called in the middle of `apply`, before the outcome of the command that caused it. Must not throw, nor call back. */
export interface TreeEvents {
  /** `acl` is the node's at the time of the event (before it, for a deletion): who may not read is not told. */
  onNode(event: NodeEvent, path: string, zxid: number, acl: readonly Acl[]): void;
  /** The reconfiguration taken up at `zxid` is in force (the configuration's text and its stat), or was given up. */
  onReconfigured(zxid: number, outcome: TreeOutcome & { kind: "updated" | "rejected" }): void;
}
