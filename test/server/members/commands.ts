// The commands as operators run them, against real members.
import assert from "node:assert/strict";
import { builtServer } from "../../support/built-server.ts";
import { Program } from "../../support/program.ts";

export interface Ran {
  readonly status: number | NodeJS.Signals;
  readonly out: string;
  readonly err: string;
}

export async function cabildo(...args: readonly string[]): Promise<Ran> {
  const main = await builtServer();
  await using program = new Program({ command: process.execPath, args: [main] }, args);
  const status = await program.ended;
  return { status, out: program.lines.join("\n"), err: program.errors };
}

/** What it prints; anything but success fails the test. */
export async function mustDo(...args: readonly string[]): Promise<string> {
  const { status, out, err } = await cabildo(...args);
  assert.equal(status, 0, `cabildo ${args.join(" ")}: ${err}`);
  return out;
}
