// What a foreign suite found, test by test, and the judgement: it passes as a whole when each of its tests passes, but for
// those that are listed with a reason, and when it ran as many as it has.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

type Verdict = "passed" | "failed" | "skipped";

export interface Outcome {
  readonly name: string;
  readonly verdict: Verdict;
  /** What it said when it failed. */
  readonly why: string;
}

export interface Expectation {
  /** Fewer passed tests mean that the suite did not run. */
  readonly passedMin: number;
  /** Tests that may fail: a pattern of the name, and the reason. */
  readonly mayFail?: readonly { readonly name: RegExp; readonly because: string }[];
}

/** Fails with the name and the complaint of each test that failed and may not. */
export function judge(t: TestContext, outcomes: readonly Outcome[], expected: Expectation): void {
  const of = (verdict: Verdict) => outcomes.filter((outcome) => outcome.verdict === verdict);
  t.diagnostic(`${of("passed").length} passed, ${of("failed").length} failed, ${of("skipped").length} skipped`);
  const excused = (name: string) => expected.mayFail?.find((exception) => exception.name.test(name));
  for (const { name } of of("failed")) {
    const exception = excused(name);
    if (exception !== undefined) t.diagnostic(`failed, as it may: ${name}: ${exception.because}`);
  }
  const failures = of("failed").filter(({ name }) => excused(name) === undefined);
  assert.deepEqual(failures.map(({ name, why }) => `${name}\n${why}`).join("\n\n"), "", "tests that fail");
  assert.ok(of("passed").length >= expected.passedMin, `${of("passed").length} passed, ${expected.passedMin} expected`);
}

/** The outcomes in the JUnit reports (`*.xml`) of a folder. */
export function junitOutcomes(folder: string): Outcome[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".xml"));
  return files.flatMap((file) => junitReport(readFileSync(join(folder, file), "utf8")));
}

function junitReport(xml: string): Outcome[] {
  return [...xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map((match) => {
    const [attributes, body] = [match[1]!, match[2] ?? ""];
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
    const failed = /<(?:failure|error)\b/.test(body);
    const verdict = failed ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed";
    return { name: `${attribute("classname")} ${attribute("name")}`, verdict, why: failed ? body.slice(0, 2000) : "" };
  });
}
