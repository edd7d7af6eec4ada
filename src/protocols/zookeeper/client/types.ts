// The types of the client's interface: nodes, their stat, access lists, and events.

/**
 * A node's metadata. Transaction ids (zxids) and session ids are whole 64-bit numbers; times are milliseconds since 1970 by
 * the leader's clock.
 */
export interface Stat {
  /** The transaction that created the node: never given twice, so it serves as a fencing token. */
  readonly czxid: bigint;
  /** The transaction that last changed its data. */
  readonly mzxid: bigint;
  /** The transaction that last added or removed a child. */
  readonly pzxid: bigint;
  readonly ctime: number;
  readonly mtime: number;
  /** Changes of the data: what `setData` and `delete` compare. */
  readonly version: number;
  /** Changes of the children. */
  readonly cversion: number;
  /** Changes of the access list: what `setAcl` compares. */
  readonly aversion: number;
  /** The session that owns an ephemeral node; 0n for every other. */
  readonly ephemeralOwner: bigint;
  /** Bytes. */
  readonly dataLength: number;
  readonly numChildren: number;
}

/** One line of an access list: who (`scheme` and `id`) may do what (`perms`, see {@link PERMISSION}). */
export interface Acl {
  readonly perms: number;
  /** `world`, `auth`, `digest`, `ip`, `x509`, `sasl`. */
  readonly scheme: string;
  readonly id: string;
}

/** Bits of `Acl.perms`; add them up. */
export const PERMISSION = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** The access lists that most nodes have. */
export const ACL = {
  /** Anyone may do everything. */
  open: [{ perms: PERMISSION.all, scheme: "world", id: "anyone" }],
  /** Anyone may read. */
  readable: [{ perms: PERMISSION.read, scheme: "world", id: "anyone" }],
  /** The identities that this client has proved (`addAuth`, SASL) may do everything. */
  creator: [{ perms: PERMISSION.all, scheme: "auth", id: "" }],
} as const satisfies Record<string, readonly Acl[]>;

/** A node's data: bytes, text as UTF-8, or ZooKeeper's null, which is not the same as no bytes. */
export type Data = Uint8Array | string | null;

/**
 * How a node lives. `ephemeral`: as long as the session. `sequential`: with ten digits behind its name that no sibling had
 * before. `container`: until its last child is gone. `with-ttl`: until it was neither changed nor had children for `ttlMs`.
 */
export type CreateMode =
  | "persistent"
  | "ephemeral"
  | "persistent-sequential"
  | "ephemeral-sequential"
  | "container"
  | "persistent-with-ttl"
  | "persistent-sequential-with-ttl";

/** The mode of a new node (persistent unless given), with its time to live in milliseconds where it has one. */
export type Lifetime =
  | { readonly mode?: Exclude<CreateMode, "persistent-with-ttl" | "persistent-sequential-with-ttl"> }
  | { readonly mode: "persistent-with-ttl" | "persistent-sequential-with-ttl"; readonly ttlMs: number };

/** What happened to a node; `children-changed` is told of the parent. */
export type NodeEventType = "created" | "deleted" | "data-changed" | "children-changed";

/** An event of one node. */
export interface NodeEvent {
  readonly type: NodeEventType;
  readonly path: string;
  /** The transaction that did it; null where the server does not say (ZooKeeper before 3.9, and after a reconnection). */
  readonly zxid: bigint | null;
}

/** Called once, with the first event, as ZooKeeper's one-shot watches are. Not called when the session is lost. */
export type Watcher = (event: NodeEvent) => void;

/** An identity that a client has proved. */
export interface Identity {
  readonly scheme: string;
  readonly user: string;
}
