// Histories as JSON, for files and other programs (docs/checking.md). Reading is strict: what is not understood is an error
// that names the operation and the field, never a guess, as a guess would be a verdict on something that did not happen.

import { FieldError, Fields } from "./fields.ts";
import type { Model, Operation } from "./model.ts";
import { type Format, LOCK, REGISTER, ZNODE } from "./models/formats.ts";

export const HISTORY_VERSION = 1;

const FORMATS: readonly Format<unknown, unknown, unknown>[] = [REGISTER, ZNODE, LOCK];
export const MODEL_NAMES: readonly string[] = FORMATS.map(({ model }) => model.name);

const PROBLEMS_MAX = 10;

export interface History {
  readonly model: Model<unknown, unknown, unknown>;
  /** What the times are counted in, for people: "ms". Empty where they are mere numbers. */
  readonly unit: string;
  readonly operations: readonly Operation<unknown, unknown>[];
}

/** Says all that is wrong with a history, or the first ten things. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Throws a `HistoryError` where the text is no history. */
export function parseHistory(text: string): History {
  try {
    const fields = new Fields(parsedJson(text), "");
    const version = fields.wholeNumber("version", 1);
    if (version !== HISTORY_VERSION) {
      throw new FieldError(`version ${version} of the format is not known here: this is version ${HISTORY_VERSION}`);
    }
    const name = fields.word("model", MODEL_NAMES);
    const unit = fields.has("unit") ? fields.text("unit") : "";
    fields.skip("unit");
    const list = fields.list("operations");
    fields.end();
    const format = FORMATS.find(({ model }) => model.name === name)!;
    return { model: format.model, unit, operations: readOperations(format, list) };
  } catch (error) {
    if (error instanceof FieldError) throw new HistoryError([error.message]);
    throw error;
  }
}

/** A history as `parseHistory` reads it, an operation a line. */
export function formatHistory<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  unit = "",
): string {
  const head = { version: HISTORY_VERSION, model: model.name, ...(unit === "" ? {} : { unit }) };
  const lines = operations.map(({ client, call, return: returned, input, output }) =>
    JSON.stringify(returned === null ? { client, call, input } : { client, call, return: returned, input, output }),
  );
  return `${JSON.stringify(head).slice(0, -1)},"operations":[\n${lines.join(",\n")}\n]}\n`;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FieldError(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function readOperations(
  format: Format<unknown, unknown, unknown>,
  list: readonly unknown[],
): Operation<unknown, unknown>[] {
  const operations: Operation<unknown, unknown>[] = [];
  const problems: string[] = [];
  for (const [position, value] of list.entries()) {
    try {
      operations.push(readOperation(format, new Fields(value, "")));
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      problems.push(`operations[${position}]${byClient(value)}: ${error.message}`);
      if (problems.length === PROBLEMS_MAX) break;
    }
  }
  if (problems.length > 0) throw new HistoryError(problems);
  return operations;
}

function readOperation(format: Format<unknown, unknown, unknown>, fields: Fields): Operation<unknown, unknown> {
  const asked = {
    client: fields.textOrNumber("client"),
    call: fields.number("call"),
    input: whole(fields.fields("input"), (given) => format.readInput(given)),
  };
  const isAnswered = fields.has("return");
  if (isAnswered !== fields.has("output")) {
    throw new FieldError("return and output come together or, where no answer came, not at all");
  }
  if (!isAnswered) {
    fields.skip("return");
    fields.skip("output");
    fields.end();
    return { ...asked, return: null };
  }
  const returned = fields.number("return");
  if (returned < asked.call) throw new FieldError(`return is ${returned}, before call, ${asked.call}`);
  const output = whole(fields.fields("output"), (given) => format.readOutput(given, asked.input));
  fields.end();
  return { ...asked, output, return: returned };
}

/** What is read from fields of which none is left over. */
function whole<Value>(fields: Fields, read: (fields: Fields) => Value): Value {
  const value = read(fields);
  fields.end();
  return value;
}

function byClient(value: unknown): string {
  if (typeof value !== "object" || value === null || !("client" in value)) return "";
  const { client } = value;
  return typeof client === "string" || typeof client === "number" ? ` (client ${JSON.stringify(client)})` : "";
}
