// `cabildo check`: reads a recorded history, says whether it is linearizable, and draws it if it is not.

import { readFileSync, writeFileSync } from "node:fs";
import { counted } from "../checkers/formatting.ts";
import {
  type Check,
  checkLinearizable,
  drawHistory,
  explainCheck,
  type History,
  HistoryError,
  parseHistory,
} from "../checkers/index.ts";
import { EXIT_FAILED, EXIT_UNDECIDED, EXIT_USAGE } from "./exit.ts";

export interface CheckRequest {
  readonly html: "never" | "if-violated" | { readonly file: string };
  readonly seconds: number;
  readonly json: boolean;
}

/** Prints the verdict, as a line or as JSON; returns the exit status. */
export function runCheck(file: string, request: CheckRequest): number {
  const history = read(file);
  if (history === null) return EXIT_USAGE;
  const started = performance.now();
  const isOver = () => performance.now() - started > request.seconds * 1000;
  const check = checkLinearizable(history.model, history.operations, { isOver });
  const seconds = (performance.now() - started) / 1000;

  const page = pageOf(file, check, request);
  const isDrawn = page !== null && draw(page, file, history, check);
  const report: Report = { file, history, check, seconds, page: isDrawn ? page : null };
  process.stdout.write(request.json ? `${JSON.stringify(jsonOf(report), null, 2)}\n` : textOf(report));
  const status = EXIT_STATUS[check.verdict];
  return status === 0 && page !== null && !isDrawn ? EXIT_USAGE : status;
}

const EXIT_STATUS = { linearizable: 0, violated: EXIT_FAILED, undecided: EXIT_UNDECIDED } as const;

interface Report {
  readonly file: string;
  readonly history: History;
  readonly check: Check<unknown>;
  readonly seconds: number;
  /** Where it was drawn, if it was. */
  readonly page: string | null;
}

function read(file: string): History | null {
  try {
    return parseHistory(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof HistoryError) for (const problem of error.problems) complain(`${file}: ${problem}`);
    else complain(`${file} cannot be read: ${reasonOf(error)}`);
    return null;
  }
}

function pageOf(file: string, { verdict }: Check<unknown>, { html }: CheckRequest): string | null {
  if (html === "never") return null;
  if (html !== "if-violated") return html.file;
  return verdict === "violated" ? `${file.replace(/\.json$/i, "")}.check.html` : null;
}

/** A page that cannot be written takes nothing from the verdict. */
function draw(page: string, file: string, { model, operations, unit }: History, check: Check<unknown>): boolean {
  try {
    writeFileSync(page, drawHistory(model, operations, check, { source: file, unit }));
    return true;
  } catch (error) {
    complain(`${page} cannot be written: ${reasonOf(error)}`);
    return false;
  }
}

function textOf({ file, history, check, seconds, page }: Report): string {
  const { model, operations } = history;
  const figures = `${counted(check.operations, "operation")} (${unansweredIn(history)} never answered) on ${counted(check.keys, "key")}, ${seconds.toFixed(2)} s`;
  const drawn = page === null ? "" : `Drawn in ${page}\n`;
  switch (check.verdict) {
    case "linearizable":
      return `${file}: linearizable: ${figures}\n${drawn}`;
    case "violated":
      return `${file}: not linearizable: ${figures}\n${explainCheck(model, operations, check)}\n${drawn}`;
    case "undecided":
      return `${file}: undecided: ${figures}\n${explainCheck(model, operations, check)} ${ADVICE}\n${drawn}`;
  }
}

const ADVICE = "More time (--seconds) or a shorter history may decide it.";

function jsonOf({ history, check, seconds, page }: Report): unknown {
  const { model, operations } = history;
  const figures = {
    verdict: check.verdict,
    model: model.name,
    operations: check.operations,
    unanswered: unansweredIn(history),
    keys: check.keys,
    steps: check.steps,
    seconds: Math.round(seconds * 1000) / 1000,
    page,
  };
  if (check.verdict === "linearizable") return figures;
  const explanation = explainCheck(model, operations, check);
  if (check.verdict === "undecided") return { ...figures, explanation, undecided: check.undecided };
  const { key, stuck, order, open, states, statesAreAll } = check.violation;
  const told = states.map((state) => model.describeState(state));
  return { ...figures, explanation, violation: { key, stuck, order, open, states: told, statesAreAll } };
}

function unansweredIn({ operations }: History): number {
  return operations.filter((operation) => operation.return === null).length;
}

function complain(text: string): void {
  process.stderr.write(`cabildo: ${text}\n`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
