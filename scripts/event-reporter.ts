// A reporter for node:test inside the process of one test file: each result becomes a line of JSON, for `scripts/test-report.ts`.

import { inspect } from "node:util";

/** A line: a test that has ended, or something that a test says. The last line is of the kind `over`. */
export interface Result {
  readonly kind: "passed" | "failed" | "skipped" | "said" | "over";
  readonly text: string;
  readonly nesting: number;
  readonly ms: number;
  /** Of a test that failed: the error. Of one that was skipped: why. */
  readonly detail: string;
}

/** The part of an event of node:test that is read here. Its own types differ between releases of Node. */
interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    readonly message?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly type?: string; readonly duration_ms?: number; readonly error?: unknown };
  };
}

/** What node:test gives as the reason of a test that a name pattern leaves out. */
const LEFT_OUT = /does not match pattern/;
/** A line of the summary that node:test adds by itself. */
const COUNT = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const result = resultOf(event);
    if (result !== null) yield `${JSON.stringify(result)}\n`;
  }
  yield `${JSON.stringify({ kind: "over" })}\n`;
}

function resultOf({ type, data }: TestEvent): Result | null {
  const { name = "", nesting = 0, message = "", skip = false, todo = false, details } = data;
  const result = { text: name, nesting, ms: details?.duration_ms ?? 0, detail: "" };
  if (type === "test:diagnostic") return COUNT.test(message) ? null : { ...result, kind: "said", text: message };
  if ((type !== "test:pass" && type !== "test:fail") || details?.type === "suite") return null;
  if (skip !== false) {
    const reason = typeof skip === "string" ? skip : "";
    return LEFT_OUT.test(reason) ? null : { ...result, kind: "skipped", detail: reason };
  }
  if (type === "test:pass") return { ...result, kind: "passed" };
  if (todo !== false) return { ...result, kind: "skipped", detail: "to do" };
  return { ...result, kind: "failed", detail: textOf(details?.error) };
}

/** The cause, without the frame that node:test puts around it. */
function textOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return typeof cause === "string" ? cause : inspect(cause, { depth: 4 });
}
