// Plants known bugs in a copy of the sources, one at a time, and fails if the suite does not notice one of them:
//
//   npm run mutants -- [name…] [--jobs 2] [--seeds 150] [--no-sim] [--no-tests]
//
// `name`: only the bugs whose names contain it. `--seeds`: how many histories the simulator may take for each. `--no-sim`,
// `--no-tests`: the tests alone, or the simulator alone on the bugs within its reach.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS } from "../test/mutants/all.ts";
import { failingAnyway, type HuntOptions, hunt } from "../test/mutants/hunt.ts";
import { figuresOf, isCaught, lineOf } from "../test/mutants/report.ts";
import { simulator } from "../test/mutants/suites.ts";

const TREE = join(dirname(fileURLToPath(import.meta.url)), "..");
/** A simulation that has noticed nothing by then counts as one that notices nothing. */
const SIMULATOR_MINUTES = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: "2" },
    seeds: { type: "string", default: "150" },
    "no-sim": { type: "boolean", default: false },
    "no-tests": { type: "boolean", default: false },
  },
});

const named = MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)));
const mutants = values["no-tests"] ? named.filter(({ simulator: reach }) => reach === true) : named;
if (mutants.length === 0) {
  console.error(`no planted bug's name contains ${positionals.join(" or ")}`);
  process.exit(1);
}

const began = performance.now();
const hasSimulator = existsSync(join(TREE, "scripts", "sim.ts")) && !values["no-sim"];
const options: HuntOptions = {
  tree: TREE,
  jobs: Number(values.jobs),
  isTested: !values["no-tests"],
  simulator: hasSimulator ? simulator(Number(values.seeds), SIMULATOR_MINUTES) : null,
  onVerdict: (verdict) => console.error(lineOf(verdict)),
};

const failing = await failingAnyway(mutants, options);
for (const { name, trial } of failing) {
  console.error(`${trial.excerpt}\n${name} fails although nothing is planted: "${trial.finding.by}"`);
}
if (failing.length > 0) process.exit(1);

const verdicts = await hunt(mutants, options);
console.log(figuresOf(verdicts, hasSimulator, (performance.now() - began) / 1000));
process.exit(verdicts.every(isCaught) ? 0 : 1);
