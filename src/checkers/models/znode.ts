// ZooKeeper's znodes, each path by itself: whether the node is there, its data and its version. What other paths decide is
// taken as it comes: whether there is a parent, and whether there are children.
//
// A node may also go because its session ended. A history says so by a `delete` of any version, by a client of its own,
// called when the session was last heard of and never answered.

import type { Model } from "../model.ts";
import { unseenBeside } from "./unseen.ts";

export type ZnodeInput =
  | { readonly kind: "create"; readonly path: string; readonly data: string | null }
  /** Version −1: whatever it is. */
  | { readonly kind: "delete"; readonly path: string; readonly version: number }
  | { readonly kind: "set-data"; readonly path: string; readonly data: string | null; readonly version: number }
  | { readonly kind: "get-data"; readonly path: string }
  | { readonly kind: "exists"; readonly path: string };

/** The words are those of `cabildo`'s own outcomes. */
export type ZnodeOutput =
  /** To a create. */
  | { readonly kind: "created" }
  /** To a delete. */
  | { readonly kind: "done" }
  /** To a set-data, with the version that it made. */
  | { readonly kind: "updated"; readonly version: number }
  /** To a get-data. */
  | { readonly kind: "data"; readonly data: string | null; readonly version: number }
  /** To an exists that found the node. */
  | { readonly kind: "stat"; readonly version: number }
  /** `no-node` to a create: no parent. `not-empty` to a delete: children. */
  | { readonly kind: "rejected"; readonly code: ZnodeRejection };

export const ZNODE_REJECTIONS = ["no-node", "node-exists", "bad-version", "not-empty"] as const;
export type ZnodeRejection = (typeof ZNODE_REJECTIONS)[number];

export type ZnodeState =
  | { readonly kind: "absent" }
  | { readonly kind: "node"; readonly data: string | null; readonly version: number };

const ABSENT: ZnodeState = { kind: "absent" };
const VERSION_ANY = -1;

export const znode: Model<ZnodeState, ZnodeInput, ZnodeOutput> = {
  name: "znode",
  keyOf: ({ path }) => path,
  initial: () => ABSENT,

  step(state, input, output) {
    if (output.kind === "rejected") return mayReject(state, input, output.code) ? state : null;
    if (rejectionOf(state, input) !== null) return null;
    const after = effectOf(state, input);
    return answers(input, after, output) ? after : null;
  },

  stepUnanswered(state, input) {
    return rejectionOf(state, input) === null ? effectOf(state, input) : state;
  },

  isIdle: (input, output) => input.kind === "get-data" || input.kind === "exists" || output.kind === "rejected",
  simplified(operations) {
    const seen = new Set(operations.flatMap(({ output }) => (output?.kind === "data" ? [output.data] : [])));
    const unseen = unseenBeside(seen);
    return operations.map((operation) => {
      const { input } = operation;
      if ((input.kind !== "create" && input.kind !== "set-data") || seen.has(input.data)) return operation;
      return { ...operation, input: { ...input, data: unseen } };
    });
  },

  identityOf: (state) => (state.kind === "absent" ? "" : `${state.version} ${JSON.stringify(state.data)}`),

  describeInput(input) {
    switch (input.kind) {
      case "create":
        return `create ${JSON.stringify(input.data)}`;
      case "delete":
        return `delete${ifVersion(input.version)}`;
      case "set-data":
        return `set-data ${JSON.stringify(input.data)}${ifVersion(input.version)}`;
      case "get-data":
      case "exists":
        return input.kind;
    }
  },
  describeOutput(output) {
    switch (output.kind) {
      case "created":
      case "done":
        return output.kind;
      case "updated":
      case "stat":
        return `version ${output.version}`;
      case "data":
        return `${JSON.stringify(output.data)}, version ${output.version}`;
      case "rejected":
        return output.code;
    }
  },
  describeState: (state) =>
    state.kind === "absent" ? "absent" : `${JSON.stringify(state.data)}, version ${state.version}`,
};

/** Why the node by itself turns an operation down, checked in ZooKeeper's order; null where it does not. */
function rejectionOf(state: ZnodeState, input: ZnodeInput): ZnodeRejection | null {
  if (input.kind === "create") return state.kind === "node" ? "node-exists" : null;
  if (state.kind === "absent") return "no-node";
  if (input.kind !== "delete" && input.kind !== "set-data") return null;
  return input.version === VERSION_ANY || input.version === state.version ? null : "bad-version";
}

/** A missing parent comes before anything the node itself could say; children come after all of it. */
function mayReject(state: ZnodeState, input: ZnodeInput, code: ZnodeRejection): boolean {
  const own = rejectionOf(state, input);
  if (input.kind === "create" && code === "no-node") return own === null;
  if (input.kind === "delete" && code === "not-empty") return own === null;
  return own === code;
}

function effectOf(state: ZnodeState, input: ZnodeInput): ZnodeState {
  switch (input.kind) {
    case "create":
      return { kind: "node", data: input.data, version: 0 };
    case "delete":
      return ABSENT;
    case "set-data":
      return { kind: "node", data: input.data, version: state.kind === "node" ? state.version + 1 : 0 };
    case "get-data":
    case "exists":
      return state;
  }
}

/** Whether this is the answer to an operation that was carried out and left this state. */
function answers(input: ZnodeInput, after: ZnodeState, output: ZnodeOutput): boolean {
  switch (input.kind) {
    case "create":
      return output.kind === "created";
    case "delete":
      return output.kind === "done";
    case "set-data":
      return output.kind === "updated" && after.kind === "node" && output.version === after.version;
    case "get-data":
      return (
        output.kind === "data" &&
        after.kind === "node" &&
        output.version === after.version &&
        output.data === after.data
      );
    case "exists":
      return output.kind === "stat" && after.kind === "node" && output.version === after.version;
  }
}

function ifVersion(version: number): string {
  return version === VERSION_ANY ? "" : ` if version ${version}`;
}
