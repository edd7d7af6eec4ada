// Runs the simulator: `npm run sim -- --minutes 10`. One seed after another until the time or the seeds are used up; what
// breaks a law is printed with the seed that tells its story again: `npm run sim -- --seed N`.

import { parseArgs } from "node:util";
import { simulate } from "../src/sim/simulation.ts";
import { Tally } from "../src/sim/tally.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    from: { type: "string" },
    minutes: { type: "string" },
    stop: { type: "boolean", default: false },
  },
});

function number(name: "seed" | "seeds" | "from" | "minutes"): number | null {
  const text = values[name];
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) {
    console.error(`--${name} takes a number, not "${text}"`);
    process.exit(2);
  }
  return value;
}

const only = number("seed");
if (only !== null) {
  const report = await simulate(only, (line) => console.log(line));
  console.log(`trace ${report.traceHash}`);
  process.exit(report.violations.length === 0 ? 0 : 1);
}

const minutes = number("minutes");
const seeds = number("seeds") ?? (minutes === null ? 1000 : Number.POSITIVE_INFINITY);
const from = number("from") ?? Date.now() % 2 ** 40;
const until = performance.now() + (minutes ?? Number.POSITIVE_INFINITY) * 60_000;
const tally = new Tally();
const began = performance.now();
for (let seed = from; seed < from + seeds && performance.now() < until; seed++) {
  const report = await simulate(seed);
  tally.add(report);
  for (const { law, what } of report.violations.slice(0, 1)) {
    console.log(`violation: ${law}: ${what}`);
    console.log(`seed ${seed} (npm run sim -- --seed ${seed} tells the story)`);
  }
  if (values.stop && report.violations.length > 0) break;
}
console.log(tally.summary((performance.now() - began) / 1000, from));
process.exit(tally.violations === 0 ? 0 : 1);
