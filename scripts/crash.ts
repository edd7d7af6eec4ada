// The crash lab at full length: every attack below test/crash, or those whose file names contain a word given. Ends in one
// line of figures for each attack and one for all; the exit status is 1 when anything was found.
//
//   npm run crash
//   npm run crash -- kill black-hole

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figures, lineOf } from "../test/crash/lab.ts";

const folder = join("test", "crash");
const words = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts"))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort()
  .map((name) => join(folder, name));
if (files.length === 0) {
  console.error(`no attack in ${folder} is called ${words.join(" or ")}`);
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), "cabildo-crash-"));
const figuresFile = join(scratch, "figures");
writeFileSync(figuresFile, "");
const startedAt = performance.now();
const status = await run(files);
const attacks = readFileSync(figuresFile, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Figures);
rmSync(scratch, { recursive: true });

console.log("");
for (const figures of attacks) console.log(lineOf(figures));
console.log(total(attacks));
process.exit(status === 0 && attacks.length > 0 && attacks.every(({ violations }) => violations === 0) ? 0 : 1);

function run(files: readonly string[]): Promise<number> {
  // Files run one after another: they would time each other otherwise.
  const child = spawn(process.execPath, ["--import", "tsx", "--test", "--test-concurrency=1", ...files], {
    stdio: "inherit",
    env: { ...process.env, CABILDO_CRASH: "long", CABILDO_CRASH_FIGURES: figuresFile },
  });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

/** An attack that never came to its line has failed as well, and shows in the tests' own status. */
function total(attacks: readonly Figures[]): string {
  const sum = (of: (figures: Figures) => number) => attacks.reduce((all, figures) => all + of(figures), 0);
  const violations = Math.max(
    sum((figures) => figures.violations),
    status === 0 ? 0 : 1,
  );
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  const cycles = sum((figures) => figures.cycles);
  const writes = sum((figures) => figures.counted["writes acknowledged"] ?? 0);
  return `crash lab: ${attacks.length} attacks, ${cycles} cycles, ${writes} writes acknowledged, ${minutes} minutes; violations: ${violations}`;
}
