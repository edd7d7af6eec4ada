// How long one client waits for one write at one member, beside what such a wait must cost here at least: one loopback
// round trip around one write and one fdatasync of as many bytes, in the same directory, measured in turns with it.
import { join } from "node:path";
import { type Ensemble, type Flavour, startEnsemble } from "../test/support/ensemble.ts";
import { median } from "../test/support/statistics.ts";
import { floor, type Latency, load } from "./compiled.ts";
import { table, times } from "./tables.ts";

export interface SingleWriteOptions {
  readonly flavours: readonly Flavour[];
  readonly seconds: number;
  readonly rounds: number;
  readonly bytes: number;
  readonly config: readonly string[];
  readonly say: (line: string) => void;
}

type Contender = "round trip" | "write + fdatasync + round trip" | Flavour;
export type SingleWrite = ReadonlyMap<Contender, readonly Latency[]>;

const around = 50; // the bytes of a request, and of a record in the log, besides the value

export async function singleWrite(options: SingleWriteOptions): Promise<SingleWrite> {
  const ensembles: Ensemble[] = [];
  const results = new Map<Contender, Latency[]>();
  const note = (who: Contender, latency: Latency) => {
    results.set(who, [...(results.get(who) ?? []), latency]);
    options.say(`${who}: mean ${latency.mean} p50 ${latency.p50} p99 ${latency.p99} µs`);
  };
  try {
    for (const flavour of options.flavours) {
      ensembles.push(await startEnsemble({ flavour, members: 1, config: options.config }));
    }
    for (const { connectString } of ensembles) await load({ servers: connectString, op: "set", seconds: 3 }); // warm
    for (let round = 0; round < options.rounds; round++) {
      for (const sync of [0, 1] as const) {
        const file = join(ensembles[0]!.dataRoot, "floor");
        const { latencyUs } = await floor({ file, bytes: options.bytes + around, seconds: options.seconds, sync });
        note(sync ? "write + fdatasync + round trip" : "round trip", latencyUs);
      }
      for (const { flavour, connectString } of ensembles) {
        const { bytes, seconds } = options;
        const one = { connections: 1, outstanding: 1 };
        note(flavour, (await load({ servers: connectString, op: "set", ...one, bytes, seconds })).latencyUs);
      }
    }
  } finally {
    for (const ensemble of ensembles) await ensemble.stop();
  }
  return results;
}

export function report(results: SingleWrite): string {
  const of = (who: Contender, field: keyof Latency) => median(results.get(who)!.map((latency) => latency[field]));
  const least = of("write + fdatasync + round trip", "p50");
  const rows = [...results.keys()].map((who) => [
    who,
    ...(["p50", "mean", "p99"] as const).map((field) => of(who, field).toFixed(0)),
    times(of(who, "p50") / least),
  ]);
  return table(["one at a time", "p50 µs", "mean µs", "p99 µs", "p50 to the floor's"], rows);
}
