// The reference model of the tree: slow and obvious. It holds plain objects in a map of paths, and does a multi by copying everything first.

import type { MultiOperation } from "../../src/state/tree/commands.ts";
import type { Acl, TreeOutcome as Outcome, Stat } from "../../src/state/tree/types.ts";

interface ModelNode {
  data: string | null;
  acl: readonly Acl[];
  czxid: number;
  mzxid: number;
  pzxid: number;
  ctime: number;
  mtime: number;
  version: number;
  aversion: number;
  creates: number;
  owner: number;
  kind: "plain" | "container" | "ttl";
}

export type Operation = MultiOperation | { kind: "set-acl"; path: string; acl: readonly Acl[]; version: number };

export const OPEN: readonly Acl[] = [{ perms: 31, scheme: "world", id: "anyone" }];

export const REQUESTERS = [
  {
    name: "ann",
    identities: [
      { scheme: "ip", id: "10.0.0.1" },
      { scheme: "digest", id: "ann:h" },
    ],
  },
  {
    name: "bob",
    identities: [
      { scheme: "ip", id: "192.168.0.1" },
      { scheme: "digest", id: "bob:h" },
    ],
  },
  { name: "nobody", identities: [{ scheme: "ip", id: "10.7.7.7" }] },
] as const;

export class ReferenceTree {
  nodes = new Map<string, ModelNode>();
  revision = 0;
  time = 0;
  leases = new Set<number>();
  requester: (typeof REQUESTERS)[number] = REQUESTERS[0];
  session = 0;

  constructor() {
    for (const path of ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]) {
      this.nodes.set(path, this.#fresh("", OPEN, 0, "plain", 0, 0));
    }
    const config = this.nodes.get("/zookeeper/config")!;
    config.acl = [{ perms: 1, scheme: "world", id: "anyone" }];
    config.aversion = -1;
  }

  run(operation: Operation): Outcome {
    this.revision++;
    if (!this.leases.has(this.session)) return { kind: "rejected", code: "session-expired" };
    return this.#one(operation);
  }

  multi(operations: readonly MultiOperation[]): Outcome {
    this.revision++;
    if (!this.leases.has(this.session)) return { kind: "rejected", code: "session-expired" };
    const before = structuredClone(this.nodes);
    const results: Outcome[] = [];
    for (const [failed, operation] of operations.entries()) {
      const outcome = this.#one(operation);
      if (outcome.kind === "rejected") {
        this.nodes = before;
        return { kind: "multi-rejected", failed, code: outcome.code, count: operations.length };
      }
      results.push(outcome);
    }
    return { kind: "multi", results };
  }

  endLease(session: number): void {
    this.revision++;
    this.leases.delete(session);
    for (const [path, node] of [...this.nodes]) {
      if (node.owner !== session) continue;
      this.nodes.delete(path);
      this.nodes.get(parentOf(path))!.pzxid = this.revision;
    }
  }

  reap(path: string): void {
    this.revision++;
    this.nodes.delete(path);
    this.nodes.get(parentOf(path))!.pzxid = this.revision;
  }

  due(): string[] {
    return [...this.nodes].flatMap(([path, node]) => {
      if (this.children(path).length > 0) return [];
      if (node.kind === "container" && node.creates > 0) return [path];
      return node.kind === "ttl" && this.time - node.mtime > 50 ? [path] : [];
    });
  }

  children(path: string): string[] {
    return [...this.nodes.keys()].filter((other) => other !== "/" && parentOf(other) === path);
  }

  stat(path: string): Stat {
    const node = this.nodes.get(path)!;
    const numChildren = this.children(path).length;
    return {
      czxid: node.czxid,
      mzxid: node.mzxid,
      ctime: node.ctime,
      mtime: node.mtime,
      version: node.version,
      cversion: node.creates * 2 - numChildren,
      aversion: node.aversion,
      ephemeralOwner: node.owner,
      dataLength: node.data?.length ?? 0,
      numChildren,
      pzxid: node.pzxid,
    };
  }

  #one(operation: Operation): Outcome {
    const code = (name: string): Outcome => ({ kind: "rejected", code: name as "no-node" });
    switch (operation.kind) {
      case "create": {
        const { mode, data } = operation;
        const isTtl = mode === 5 || mode === 6;
        if (isTtl !== (operation.ttl !== undefined)) return code("bad-arguments");
        if (!operation.path.includes("/")) return code("bad-arguments");
        const acl = this.#fixed(operation.acl);
        if (acl === null) return code("invalid-acl");
        const parentPath = parentOf(operation.path);
        const parent = this.nodes.get(parentPath);
        if (parent === undefined) return code("no-node");
        if (!this.#may(4, parent)) return code("no-auth");
        const isSequential = mode === 2 || mode === 3 || mode === 6;
        const path = operation.path + (isSequential ? String(parent.creates).padStart(10, "0") : "");
        if (isWrong(path)) return code("bad-arguments");
        if (this.nodes.has(path)) return code("node-exists");
        if (parent.owner !== 0) return code("no-children-for-ephemerals");
        const owner = mode === 1 || mode === 3 ? this.session : 0;
        const text = data === null ? null : String.fromCharCode(...data);
        const kind = isTtl ? "ttl" : mode === 4 ? "container" : "plain";
        this.nodes.set(path, this.#fresh(text, acl, this.revision, kind, owner, this.time));
        parent.creates++;
        parent.pzxid = this.revision;
        return { kind: "created", path, stat: this.stat(path) };
      }
      case "delete": {
        const { path } = operation;
        if (!path.includes("/") || /^\/(zookeeper(\/quota|\/config)?)?$/.test(path)) return code("bad-arguments");
        const parent = this.nodes.get(parentOf(path));
        if (parent === undefined) return code("no-node");
        if (!this.#may(8, parent)) return code("no-auth");
        const node = this.nodes.get(path);
        if (node === undefined) return code("no-node");
        if (operation.version !== -1 && operation.version !== node.version) return code("bad-version");
        if (this.children(path).length > 0) return code("not-empty");
        this.nodes.delete(path);
        parent.pzxid = this.revision;
        return { kind: "done" };
      }
      case "set-data":
      case "check":
      case "set-acl": {
        if (isWrong(operation.path)) return code("bad-arguments");
        const acl = operation.kind === "set-acl" ? this.#fixed(operation.acl) : OPEN;
        if (acl === null) return code("invalid-acl");
        const node = this.nodes.get(operation.path);
        if (node === undefined) return code("no-node");
        const needed = { "set-data": 2, check: 1, "set-acl": 16 }[operation.kind];
        if (!this.#may(needed, node)) return code("no-auth");
        const version = operation.kind === "set-acl" ? node.aversion : node.version;
        if (operation.version !== -1 && operation.version !== version) return code("bad-version");
        if (operation.kind === "check") return { kind: "done" };
        if (operation.kind === "set-acl") {
          node.acl = acl;
          node.aversion = version + 1 === -1 ? 0 : version + 1;
        } else {
          node.data = operation.data === null ? null : String.fromCharCode(...operation.data);
          node.version = version + 1;
          node.mzxid = this.revision;
          node.mtime = this.time;
        }
        return { kind: "updated", stat: this.stat(operation.path) };
      }
    }
  }

  #fresh(
    data: string | null,
    acl: readonly Acl[],
    zxid: number,
    kind: ModelNode["kind"],
    owner: number,
    time: number,
  ): ModelNode {
    const numbers = { czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: time, mtime: time };
    return { data, acl, ...numbers, version: 0, aversion: 0, creates: 0, owner, kind };
  }

  #fixed(acl: readonly Acl[]): readonly Acl[] | null {
    if (acl.length === 0 || acl.some(({ scheme }) => scheme === "who")) return null;
    const proved = this.requester.identities.filter(({ scheme }) => scheme === "digest");
    const full = acl.flatMap((entry) =>
      entry.scheme === "auth" ? proved.map(({ scheme, id }) => ({ perms: entry.perms, scheme, id })) : [entry],
    );
    return full.length === 0 ? null : full;
  }

  #may(permission: number, node: ModelNode): boolean {
    return node.acl.some(
      ({ perms, scheme, id }) =>
        (perms & permission) !== 0 &&
        (scheme === "world" ||
          this.requester.identities.some((identity) =>
            scheme === "ip" ? identity.id.startsWith("10.") : identity.scheme === scheme && identity.id === id,
          )),
    );
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function isWrong(path: string): boolean {
  return path !== "/" && (!path.startsWith("/") || /\/(\.|\.\.)?(\/|$)/.test(path));
}
