import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, type LoggerOptions } from "../../src/cli/logger.ts";

function logged(options: LoggerOptions, message = "hello"): string {
  const lines: string[] = [];
  const log = createLogger({ ...options, write: (line) => void lines.push(line), now: () => new Date(0) });
  log.info(message);
  log.warn(message);
  log.error(message);
  return lines.join("");
}

test("a line an event, with time and level", () => {
  assert.equal(
    logged({}),
    "1970-01-01T00:00:00.000Z info  hello\n1970-01-01T00:00:00.000Z warn  hello\n1970-01-01T00:00:00.000Z error hello\n",
  );
});

test("less is logged when less is asked for; what is no level asks for all", () => {
  assert.equal(logged({ level: "ERROR" }).split("\n").length, 2);
  assert.equal(logged({ level: "warn" }).split("\n").length, 3);
  assert.equal(logged({ level: "loud" }).split("\n").length, 4);
});

test("a message from outside cannot forge a line or move the cursor", () => {
  const text = logged({ level: "error" }, "a\n1970-01-01T00:00:00.000Z info  forged\u001b[2J");
  assert.equal(text, "1970-01-01T00:00:00.000Z error a | 1970-01-01T00:00:00.000Z info  forged?[2J\n");
});

test("as JSON, for programs", () => {
  const [first] = logged({ format: "json" }, 'quote " and\nline').split("\n");
  assert.deepEqual(JSON.parse(first ?? ""), {
    time: "1970-01-01T00:00:00.000Z",
    level: "info",
    message: 'quote " and\nline',
  });
});

test("errors stand out in red on a terminal, and only there", () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  for (const isColoured of [true, false]) {
    const log = createLogger({ write, isColoured });
    log.error("trouble");
    log.warn("a word");
  }
  const red = lines.map((line) => line.startsWith("\u001b[31m") && line.endsWith("\u001b[0m\n"));
  assert.deepEqual(red, [true, false, false, false]);
});
