// The real objects behind the histories: registers as plain a map as can be, and znodes in the product's own state machine.

import assert from "node:assert/strict";
import type { Random } from "../../../src/base/random.ts";
import type { RegisterInput, RegisterOutput, Value } from "../../../src/checkers/models/register.ts";
import type { ZnodeInput, ZnodeOutput, ZnodeRejection } from "../../../src/checkers/models/znode.ts";
import { type Outcome, World } from "../../state/world.ts";

/** `values`: how many different ones are written; few of them make histories ambiguous. */
export function registers(random: Random, { keys, values }: { readonly keys: number; readonly values: number }) {
  const held = new Map<string, Value>();
  const anyValue = () => random.below(values);
  return {
    ask(): RegisterInput {
      const key = `k${random.below(keys)}`;
      const dice = random.below(10);
      if (dice < 5) return { kind: "read", key };
      if (dice < 8) return { kind: "write", key, value: anyValue() };
      return { kind: "compare-and-set", key, expected: anyValue(), value: anyValue() };
    },
    answer(input: RegisterInput): RegisterOutput {
      const value = held.get(input.key) ?? null;
      if (input.kind === "read") return { kind: "value", value };
      if (input.kind === "compare-and-set" && input.expected !== value) return { kind: "rejected" };
      held.set(input.key, input.value);
      return { kind: "done" };
    },
  };
}

export function znodes(random: Random, paths: number) {
  const world = World.withSession();
  return {
    ask(number: number): ZnodeInput {
      const path = `/n${random.below(paths)}`;
      const data = `d${number}`;
      const version = random.chance(0.5) ? -1 : random.below(4);
      const dice = random.below(12);
      if (dice < 4) return { kind: "get-data", path };
      if (dice < 5) return { kind: "exists", path };
      if (dice < 7) return { kind: "create", path, data };
      if (dice < 8) return { kind: "delete", path, version };
      return { kind: "set-data", path, data, version };
    },
    answer(input: ZnodeInput): ZnodeOutput {
      switch (input.kind) {
        case "create":
          return answerOf(world.create(input.path, { data: input.data }));
        case "delete":
          return answerOf(world.delete(input.path, input.version));
        case "set-data":
          return answerOf(world.set(input.path, input.data, input.version));
        default:
          return read(world, input);
      }
    },
  };
}

function read(world: World, input: ZnodeInput): ZnodeOutput {
  const node = world.tree.node(input.path);
  if (node === undefined) return { kind: "rejected", code: "no-node" };
  if (input.kind === "exists") return { kind: "stat", version: node.version };
  return { kind: "data", data: node.data, version: node.version };
}

function answerOf(outcome: Outcome): ZnodeOutput {
  switch (outcome.kind) {
    case "created":
    case "done":
      return { kind: outcome.kind };
    case "updated":
      return { kind: "updated", version: outcome.stat.version };
    case "rejected":
      return { kind: "rejected", code: outcome.code as ZnodeRejection };
    default:
      assert.fail(outcome.kind);
  }
}
