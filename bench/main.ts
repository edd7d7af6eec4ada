// npm run bench -- [WHAT] [options]: measures our server, and a real ZooKeeper 3.9 beside it in the same run.
//
//   throughput (the default)  --ops get,set,create,create-sequential,mix --members 1,3 --bytes 100,1000
//                             --outstanding 1,20 --connections 50 --seconds 3 --rounds 3
//   memory                    --nodes 1000000 --bytes 100
//   single-write              --seconds 3 --rounds 5 --bytes 100
//   recipes                   --members 3 --tasks 1,20 --waiters 50 --kills 10 --locks 1000 --seconds 3 --rounds 3
//   profile                   --ops get,set,create --members 1 --outstanding 20 --seconds 5
//
//   --before DIR                 throughput beside an earlier build of ours (its working tree, built), not ZooKeeper
//   --flavour cabildo|zookeeper  only one of them      --config KEY=VALUE   a further line of zoo.cfg (repeatable)
//   --json                       figures, not tables   --markdown           the section of docs/performance.md
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { MissingRuntime } from "../test/support/commands.ts";
import type { Flavour } from "../test/support/ensemble.ts";
import { machine } from "./machine.ts";
import * as memory from "./memory.ts";
import * as profile from "./profile.ts";
import * as recipes from "./recipes.ts";
import * as singleWrite from "./single-write.ts";
import * as throughput from "./throughput.ts";

const flavours: readonly Flavour[] = ["cabildo", "zookeeper"];
const kinds = ["throughput", "memory", "single-write", "profile", "recipes"] as const;
type Kind = (typeof kinds)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ops: { type: "string" },
    members: { type: "string" },
    bytes: { type: "string" },
    outstanding: { type: "string" },
    connections: { type: "string" },
    seconds: { type: "string" },
    rounds: { type: "string" },
    nodes: { type: "string" },
    tasks: { type: "string" },
    waiters: { type: "string" },
    kills: { type: "string" },
    locks: { type: "string" },
    flavour: { type: "string" },
    before: { type: "string" },
    config: { type: "string", multiple: true },
    profile: { type: "boolean" },
    json: { type: "boolean" },
    markdown: { type: "boolean" },
  },
});

function numbers(text: string | undefined, otherwise: readonly number[]): number[] {
  return (text?.split(",") ?? otherwise).map((word) => number(String(word), 0));
}

function number(text: string | undefined, otherwise: number): number {
  const value = Number(text ?? otherwise);
  if (!(value > 0)) throw new Error(`${text} is not a positive number`);
  return value;
}

function oneOf<T extends string>(word: string, known: readonly T[]): T {
  const found = known.find((each) => each === word);
  if (found === undefined) throw new Error(`${word} is none of ${known.join(", ")}`);
  return found;
}

interface Report {
  readonly figures: unknown;
  readonly text: string;
}

async function measure(kind: Kind): Promise<Report> {
  const chosen = values.flavour === undefined ? flavours : [oneOf(values.flavour, flavours)];
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const config = values.config ?? [];
  switch (kind) {
    case "throughput": {
      const { before } = values;
      const contestants: readonly throughput.Contestant[] = before === undefined ? chosen : ["cabildo", "before"];
      const figures = await throughput.throughput({
        flavours: contestants,
        before: before && join(resolve(before), "dist", "cli", "main.js"),
        members: numbers(values.members, [1, 3]),
        bytes: numbers(values.bytes, [100, 1000]),
        outstanding: numbers(values.outstanding, [1, 20]),
        operations: operationsOr(throughput.operations),
        connections: number(values.connections, 50),
        seconds: number(values.seconds, 3),
        rounds: number(values.rounds, 3),
        config,
        say,
      });
      return { figures, text: throughput.report(figures, contestants) };
    }
    case "memory": {
      const figures = await memory.memory({
        flavours: chosen,
        nodes: number(values.nodes, 1_000_000),
        bytes: number(values.bytes, 100),
        config,
        say,
      });
      return { figures, text: memory.report(figures) };
    }
    case "single-write": {
      const figures = await singleWrite.singleWrite({
        flavours: chosen,
        seconds: number(values.seconds, 3),
        rounds: number(values.rounds, 5),
        bytes: number(values.bytes, 100),
        config,
        say,
      });
      return { figures, text: singleWrite.report(figures) };
    }
    case "recipes": {
      const figures = await recipes.recipes({
        flavours: chosen,
        members: number(values.members, 3),
        tasks: numbers(values.tasks, [1, 20]),
        waiters: number(values.waiters, 50),
        kills: number(values.kills, 10),
        locks: number(values.locks, 1000),
        seconds: number(values.seconds, 3),
        rounds: number(values.rounds, 3),
        config,
        say,
      });
      return { figures, text: recipes.report(figures) };
    }
    case "profile": {
      const figures = await profile.profile({
        members: number(values.members, 1),
        operations: operationsOr(["get", "set", "create"]),
        outstanding: number(values.outstanding, 20),
        connections: number(values.connections, 50),
        bytes: number(values.bytes, 100),
        seconds: number(values.seconds, 5),
        config,
        say,
      });
      return { figures, text: profile.report(figures) };
    }
  }
}

function operationsOr(otherwise: readonly throughput.Operation[]): throughput.Operation[] {
  return (values.ops?.split(",") ?? otherwise).map((word) => oneOf(word, throughput.operations));
}

try {
  const kind = oneOf(values.profile ? "profile" : (positionals[0] ?? "throughput"), kinds);
  const { figures, text } = await measure(kind);
  if (values.json) console.log(JSON.stringify({ machine: machine(), kind, figures }, null, 2));
  else if (values.markdown)
    console.log(`<!-- npm run bench -- ${process.argv.slice(2).join(" ")} -->\n${machine()}\n\n${text}`);
  else console.log(`\n${machine()}\n\n${text}`);
} catch (error) {
  const missing = error instanceof MissingRuntime;
  process.stderr.write(missing ? `bench: skipped, ${error.message}\n` : `bench: ${(error as Error).stack}\n`);
  process.exitCode = missing ? 0 : 1;
}
