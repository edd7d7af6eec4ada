// Compares a client's request and reply with the command in the log and its outcome there.

import { readStat } from "../../protocols/zookeeper/codec/records.ts";
import { type MultiResult, readCreated, readMultiReply } from "../../protocols/zookeeper/codec/replies.ts";
import type { Stat } from "../../state/tree/types.ts";
import { CODE, type Outcome } from "./reference-tree.ts";
import type { Reply, Request } from "./requests.ts";
import type { Command, TreeCommand } from "./tree-commands.ts";

/** Whether a command of the log is what a session asked for. */
export function isAskedBy(command: Command, session: number, operation: Request["operation"]): boolean {
  if (command.kind === "single")
    return command.session === session && isSame(command.command, operation as TreeCommand);
  if (command.kind !== "multi" || operation.kind !== "multi" || command.session !== session) return false;
  return (
    command.commands.length === operation.commands.length &&
    command.commands.every((one, i) => isSame(one, operation.commands[i]!))
  );
}

function isSame(some: TreeCommand, other: TreeCommand): boolean {
  if (some.kind !== other.kind || some.path !== other.path) return false;
  if (some.kind === "create") return other.kind === "create" && some.data === other.data && some.mode === other.mode;
  if (some.kind === "set") return other.kind === "set" && some.data === other.data && some.version === other.version;
  return other.kind !== "create" && some.version === other.version;
}

/** What a successful write's answer should have been, where it was not. */
export function differenceOf(kind: string, expected: Outcome, body: Reply["body"]): string | null {
  switch (kind) {
    case "create": {
      const { path, stat } = readCreated(body);
      if (path !== expected.path) return `${path} was created, not ${expected.path}`;
      return isSameStat(stat, expected.stat!) ? null : "its stat is another";
    }
    case "set":
      return isSameStat(readStat(body), expected.stat!) ? null : "its stat is another";
    case "multi": {
      const results = readMultiReply(body);
      const isRight =
        results.length === expected.results!.length &&
        results.every((result, i) => isSameResult(result, expected.results![i]!));
      return isRight ? null : `${JSON.stringify(results)} instead of ${JSON.stringify(expected.results)}`;
    }
    default:
      return null;
  }
}

function isSameResult(result: MultiResult, expected: Outcome): boolean {
  switch (result.kind) {
    case "error":
      return result.error === expected.code && expected.path === undefined && expected.stat === undefined;
    case "created":
      return result.path === expected.path && isSameStat(result.stat!, expected.stat!);
    case "updated":
      return expected.stat !== undefined && isSameStat(result.stat, expected.stat);
    default:
      return expected.code === CODE.ok;
  }
}

export function isSameStat(some: Stat, other: Stat): boolean {
  return (
    some.czxid === other.czxid &&
    some.mzxid === other.mzxid &&
    some.pzxid === other.pzxid &&
    some.ctime === other.ctime &&
    some.mtime === other.mtime &&
    some.version === other.version &&
    some.cversion === other.cversion &&
    some.ephemeralOwner === other.ephemeralOwner &&
    some.dataLength === other.dataLength &&
    some.numChildren === other.numChildren
  );
}
