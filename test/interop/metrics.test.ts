// The metrics that ZooKeeper 3.9.5 exports, compared with ours: of a leader, a follower and a server that stands alone, after
// the same load. Each is exported here under the same name, with the same type and labels, or docs/zookeeper.md says why not.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { repository } from "../support/cache.ts";
import { MissingRuntime } from "../support/commands.ts";
import { type Ensemble, type Flavour, type Member, startEnsemble } from "../support/ensemble.ts";
import { freePort } from "../support/ports.ts";
import { referenceZooKeeper } from "../support/reference-zookeeper.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";

const ROLES = ["leader", "follower", "standalone"] as const;
type Role = (typeof ROLES)[number];

/** Of one metric: its type, and its samples' suffixes and labels, without values of labels that a member chooses. */
interface Family {
  readonly type: string;
  readonly samples: ReadonlySet<string>;
}
type Families = ReadonlyMap<string, Family>;

/** What a server says to Prometheus, and the keys of its `mntr`. */
interface Told {
  readonly families: Families;
  readonly keys: ReadonlySet<string>;
}

const missing = await referenceZooKeeper().then(
  () => null,
  (error: unknown) => error,
);
if (missing === null) compare();
else if (missing instanceof MissingRuntime && !process.env["CI"]) test("metrics", { skip: missing.message });
else throw missing;

function compare(): void {
  const told: Record<Flavour, Partial<Record<Role, Told>>> = { cabildo: {}, zookeeper: {} };
  before(async () => {
    for (const flavour of ["zookeeper", "cabildo"] as const) told[flavour] = await whatIsTold(flavour);
  });

  for (const role of ROLES) {
    test(`a ${role}: what ZooKeeper exports is exported with its type and labels, or listed as without counterpart`, () => {
      const [theirs, ours] = [told.zookeeper[role]!.families, told.cabildo[role]!.families];
      assert.ok(theirs.size > 150, `ZooKeeper exports ${theirs.size}`);
      const listed = withoutCounterpart();
      const problems = [...theirs].flatMap(([name, family]) => {
        const own = ours.get(name);
        if (own === undefined) return listed.has(name) ? [] : [`${name} is neither exported nor listed`];
        if (listed.has(name)) return [`${name} is listed as without counterpart, and exported`];
        if (own.type !== family.type) return [`${name} is a ${family.type}, here a ${own.type}`];
        const lacks = [...family.samples].filter((sample) => !own.samples.has(sample));
        return lacks.map((sample) => `${name}: no sample ${sample}, but ${[...own.samples].join(" ")}`);
      });
      assert.deepEqual(problems, []);
    });

    test(`a ${role}: mntr has ZooKeeper's keys, but for those without counterpart`, () => {
      const [theirs, ours] = [told.zookeeper[role]!.keys, told.cabildo[role]!.keys];
      const listed = withoutCounterpart();
      const lacks = [...theirs].filter((key) => !ours.has(key) && !listed.has(key) && !listed.has(metricOf(key)));
      assert.deepEqual(lacks, []);
    });
  }

  test("nothing is listed as without counterpart that ZooKeeper does not export", () => {
    const exported = new Set(ROLES.flatMap((role) => [...told.zookeeper[role]!.families.keys()]));
    assert.deepEqual(
      [...withoutCounterpart()].filter((name) => !exported.has(name)),
      [],
    );
  });
}

/** The names in the table of docs/zookeeper.md. */
function withoutCounterpart(): ReadonlySet<string> {
  const text = readFileSync(join(repository, "docs", "zookeeper.md"), "utf8");
  const section = /^## Metrics without a counterpart$(.*?)(?=^## )/ms.exec(text)?.[1];
  assert.ok(section !== undefined, "docs/zookeeper.md has no such table");
  const names = section.split("\n").flatMap((line) => {
    const cell = /^\| (`.*?) \|/.exec(line)?.[1] ?? "";
    return [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, name]) => name!);
  });
  assert.equal(new Set(names).size, names.length, "a name stands there twice");
  return new Set(names);
}

/** The metric that a key of `mntr` tells of: `p50_readlatency`, or `avg_1_ack_latency` of member 1. */
function metricOf(key: string): string {
  const name = key.replace(/^(avg|min|max|cnt|sum|p50|p95|p99|p999)_/, "");
  for (const keyed of ["learner_handler_qp_size", "learner_handler_qp_time_ms", "ack_latency"]) {
    if (new RegExp(`^\\d+_${keyed}$`).test(name)) return keyed;
  }
  return name.replace(/^.*_((?:read|write)_per_namespace)$/, "$1");
}

/** Starts three and one, with Prometheus's port and without: in ZooKeeper the provider decides what `mntr` looks like. */
async function whatIsTold(flavour: Flavour): Promise<Record<Role, Told>> {
  const [families, keys] = [new Map<Role, Families>(), new Map<Role, ReadonlySet<string>>()];
  for (const members of [3, 1]) {
    const ports = new Map<number, number>();
    for (let id = 1; id <= members; id++) ports.set(id, await freePort());
    const config = ["snapCount=100", "metricsProvider.exportJvmInfo=true"];
    const configOf = (id: number) => [
      "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
      "metricsProvider.httpHost=127.0.0.1",
      `metricsProvider.httpPort=${ports.get(id)}`,
    ];
    const exporting = { flavour, members, config, configOf, withPrometheus: true };
    await visit(exporting, async (member, role) => {
      const response = await fetch(`http://127.0.0.1:${ports.get(member.id)}/metrics`);
      families.set(role, familiesOf(await response.text()));
    });
    await visit({ flavour, members, config: ["snapCount=100"] }, async (member, role) => {
      keys.set(role, keysOf(await member.ask("mntr")));
    });
  }
  return Object.fromEntries(
    ROLES.map((role) => [role, { families: families.get(role)!, keys: keys.get(role)! }]),
  ) as Record<Role, Told>;
}

async function visit(
  options: Parameters<typeof startEnsemble>[0],
  look: (member: Member, role: Role) => Promise<void>,
): Promise<void> {
  const ensemble: Ensemble = await startEnsemble(options);
  try {
    for (const member of ensemble.members) await load(member);
    for (const member of ensemble.members) await look(member, (await member.mode()) as Role);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${ensemble.lastWords()}`, { cause: error });
  } finally {
    await ensemble.stop();
  }
}

/** Reads, writes, watches of every kind, and enough of them for snapshots to be taken. */
async function load(member: Member): Promise<void> {
  const client = await ZooKeeperClient.connect(member.address);
  const path = `/loaded-${member.id}`;
  await client.exists(path, true);
  await client.getChildren("/", true);
  await client.create(path, "");
  await client.create(`${path}/ephemeral`, "", 1);
  for (let i = 0; i < 150; i++) {
    await client.getData(path, true);
    await client.setData(path, `${i}`);
  }
  await client.delete(`${path}/ephemeral`);
  await client.exists(path, true);
  await client.delete(path);
  await client.sync("/");
  await client.close();
}

function familiesOf(text: string): Families {
  const families = new Map<string, { type: string; samples: Set<string> }>();
  let [current, samples] = ["", new Set<string>()];
  for (const line of text.split("\n")) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) {
      [current, samples] = [name, new Set()];
      families.set(name, { type: type!, samples });
    }
    const [, sampled, labels = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /.exec(line) ?? [];
    if (sampled === undefined || current === "") continue;
    const shown = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      .map(([, label, value]) => (label === "quantile" || label === "area" ? `${label}=${value}` : label!))
      .sort();
    samples.add(`${sampled.slice(current.length)}{${shown.join(",")}}`);
  }
  return families;
}

function keysOf(text: string): ReadonlySet<string> {
  const keys = text.split("\n").flatMap((line) => /^zk_(\S+)\t/.exec(line)?.[1] ?? []);
  assert.ok(keys.length > 20, `mntr answered: ${text.slice(0, 200)}`);
  return new Set(keys);
}
