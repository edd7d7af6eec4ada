// A second check, by search alone: records what clients did to a few nodes of their own. It does not use zxids, the log or the
// reference model; only who asked what and when, and the answers.

import { byteString } from "../../base/text.ts";
import { checkLinearizable } from "../../checkers/linearizability.ts";
import type { Operation } from "../../checkers/model.ts";
import { type ZnodeInput, type ZnodeOutput, type ZnodeRejection, znode } from "../../checkers/models/znode.ts";
import { readStat } from "../../protocols/zookeeper/codec/records.ts";
import { readData } from "../../protocols/zookeeper/codec/replies.ts";
import { RECORDED } from "./paths.ts";
import { CODE } from "./reference-tree.ts";
import type { Reply, Request } from "./requests.ts";

/** Beyond so many steps on one node the search says nothing. */
const STEPS_MAX = 300_000;

const REJECTIONS: Readonly<Record<number, ZnodeRejection>> = {
  [CODE.noNode]: "no-node",
  [CODE.nodeExists]: "node-exists",
  [CODE.badVersion]: "bad-version",
};

export class HistoryRecorder {
  readonly #now: () => number;
  /** Asked for, in order; answered ones are replaced. Null: it certainly was not carried out. */
  readonly #operations: (Operation<ZnodeInput, ZnodeOutput> | null)[] = [];
  readonly #positions = new Map<Request, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  onSent(client: number, request: Request): void {
    const input = inputOf(request);
    if (input === null) return;
    const isRead = input.kind === "get-data";
    this.#positions.set(request, this.#operations.length);
    // A read that is never answered tells nothing, and does nothing.
    this.#operations.push(isRead ? null : { client, input, call: request.sentAt, return: null });
  }

  onReply(client: number, request: Request, { header: { error }, body }: Reply): void {
    const position = this.#positions.get(request);
    if (position === undefined) return;
    this.#positions.delete(request);
    const input = inputOf(request)!;
    const output = outputOf(input, error, body);
    const call = input.kind === "get-data" ? request.syncSentAt : request.sentAt;
    this.#operations[position] = output === null ? null : { client, input, output, call, return: this.#now() };
  }

  /** What is wrong with the answers; null where they can be explained, or it would take too long to say. */
  verdict(): string | null {
    const history = this.#operations.filter((operation) => operation !== null);
    const check = checkLinearizable(znode, history, { stepsMax: STEPS_MAX });
    if (check.verdict !== "violated") return null;
    const { key, stuck } = check.violation;
    const { client, input, output } = history[stuck]!;
    return `${key}: the answer ${JSON.stringify(output)} of client ${client} to ${znode.describeInput(input)} has no place`;
  }
}

function inputOf({ operation }: Request): ZnodeInput | null {
  if (!("path" in operation) || !operation.path.startsWith(`${RECORDED}/`)) return null;
  const { path } = operation;
  switch (operation.kind) {
    case "create":
      return { kind: "create", path, data: operation.data };
    case "set":
      return { kind: "set-data", path, data: operation.data, version: operation.version };
    case "delete":
      return { kind: "delete", path, version: operation.version };
    case "get":
      return { kind: "get-data", path };
    default:
      return null;
  }
}

/** Null: it was refused, and not carried out. */
function outputOf(input: ZnodeInput, error: number, body: Reply["body"]): ZnodeOutput | null {
  if (error !== CODE.ok) {
    const code = REJECTIONS[error];
    return code === undefined ? null : { kind: "rejected", code };
  }
  const start = body.offset;
  try {
    switch (input.kind) {
      case "create":
        return { kind: "created" };
      case "set-data":
        return { kind: "updated", version: readStat(body).version };
      case "get-data": {
        const { data, stat } = readData(body);
        return {
          kind: "data",
          data: data === null ? null : byteString(data, 0, data.length),
          version: stat.version,
        };
      }
      default:
        return { kind: "done" };
    }
  } finally {
    body.offset = start;
  }
}
