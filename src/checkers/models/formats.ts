// The models' inputs and outputs as JSON. An answer of a kind that its operation never gets is refused here: whoever recorded
// it mixed something up, which says nothing about the object.

import type { Fields } from "../fields.ts";
import type { Model } from "../model.ts";
import { type LockInput, type LockOutput, type LockState, lock } from "./lock.ts";
import { type RegisterInput, type RegisterOutput, type RegisterState, register } from "./register.ts";
import { ZNODE_REJECTIONS, type ZnodeInput, type ZnodeOutput, type ZnodeState, znode } from "./znode.ts";

/** Both readers throw a `FieldError`. */
export interface Format<State, Input, Output> {
  readonly model: Model<State, Input, Output>;
  readInput(fields: Fields): Input;
  readOutput(fields: Fields, input: Input): Output;
}

export const REGISTER: Format<RegisterState, RegisterInput, RegisterOutput> = {
  model: register,

  readInput(fields): RegisterInput {
    const kind = fields.word("kind", ["read", "write", "compare-and-set"]);
    const key = fields.text("key");
    switch (kind) {
      case "read":
        return { kind, key };
      case "write":
        return { kind, key, value: fields.scalar("value") };
      case "compare-and-set":
        return { kind, key, expected: fields.scalar("expected"), value: fields.scalar("value") };
    }
  },

  readOutput(fields, input): RegisterOutput {
    switch (input.kind) {
      case "read":
        return { kind: fields.word("kind", ["value"]), value: fields.scalar("value") };
      case "write":
        return { kind: fields.word("kind", ["done"]) };
      case "compare-and-set":
        return { kind: fields.word("kind", ["done", "rejected"]) };
    }
  },
};

const VERSION_ANY = -1;

export const ZNODE: Format<ZnodeState, ZnodeInput, ZnodeOutput> = {
  model: znode,

  readInput(fields): ZnodeInput {
    const kind = fields.word("kind", ["create", "delete", "set-data", "get-data", "exists"]);
    const path = fields.text("path");
    switch (kind) {
      case "create":
        return { kind, path, data: fields.textOrNull("data") };
      case "delete":
        return { kind, path, version: fields.wholeNumber("version", VERSION_ANY) };
      case "set-data":
        return {
          kind,
          path,
          data: fields.textOrNull("data"),
          version: fields.wholeNumber("version", VERSION_ANY),
        };
      case "get-data":
      case "exists":
        return { kind, path };
    }
  },

  readOutput(fields, input): ZnodeOutput {
    const kind = fields.word("kind", [ZNODE_ANSWER[input.kind], "rejected"]);
    switch (kind) {
      case "created":
      case "done":
        return { kind };
      case "updated":
      case "stat":
        return { kind, version: fields.wholeNumber("version", 0) };
      case "data":
        return { kind, data: fields.textOrNull("data"), version: fields.wholeNumber("version", 0) };
      case "rejected":
        return { kind, code: fields.word("code", ZNODE_REJECTIONS) };
    }
  },
};

const ZNODE_ANSWER = {
  create: "created",
  delete: "done",
  "set-data": "updated",
  "get-data": "data",
  exists: "stat",
} as const;

export const LOCK: Format<LockState, LockInput, LockOutput> = {
  model: lock,

  readInput(fields): LockInput {
    const kind = fields.word("kind", ["acquire", "release", "use"]);
    const name = fields.text("lock");
    switch (kind) {
      case "acquire":
        return { kind, lock: name };
      case "release":
        return { kind, lock: name, token: fields.wholeNumberOrNull("token", 0) };
      case "use":
        return { kind, lock: name, token: fields.wholeNumber("token", 0) };
    }
  },

  readOutput(fields, input): LockOutput {
    const kind = fields.word("kind", [input.kind === "acquire" ? "acquired" : "done", "rejected"]);
    return kind === "acquired" ? { kind, token: fields.wholeNumber("token", 0) } : { kind };
  },
};
