// Processor time of an uncontended lock and its release, in virtual time, within this process: `lock-cost.ts [DIR...]`. The servers are
// those of this tree's `dist`; the clients and recipes are those of each DIR's, in turns of a few milliseconds, so that an earlier
// build can be measured beside this one on a busy machine. Build all of them before.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { repository } from "../test/support/cache.ts";

const SLICES = 300;
const LOCKS_IN_A_SLICE = 200;

const load = (root: string, file: string) => import(pathToFileURL(resolve(root, "dist", `${file}.js`)).href);
const { ScenarioCluster } = await load(repository, "testing/virtual-cluster");
const { serversOf, virtualPorts } = await load(repository, "testing/virtual-ports");
const { ClientNetwork } = await load(repository, "sim/kernel/client-network");

const cluster = await ScenarioCluster.start({ members: 1, seed: 1 });
const { ensemble } = cluster;
const pace = { delayMinMs: 0.1, delayMaxMs: 0.2, splitProbability: 0 };
const network = new ClientNetwork(ensemble.time, ensemble.random, pace);

/** The lock of one build, and the processor time of each of its slices. */
async function contestant(root: string, number: number) {
  const { ZooKeeperClient, parseConnectString } = await load(root, "protocols/zookeeper/client/index");
  const { ZooKeeperEngine } = await load(root, "engines/zookeeper/engine");
  const { Coordination } = await load(root, "recipes/index");
  const ports = virtualPorts(ensemble, network, number, ensemble.random);
  const client = new ZooKeeperClient(parseConnectString(serversOf(ensemble)), { sessionTimeoutMs: 10_000 }, ports);
  const lock = new Coordination(new ZooKeeperEngine(client, ports, {})).lock(`cost-${number}`);
  return { root: resolve(root), client, lock, microseconds: [] as number[] };
}

const roots = process.argv.length > 2 ? process.argv.slice(2) : ["."];

const contestants = await Promise.all(roots.map(contestant)); // loaded before virtual time runs

await cluster.play(async () => {
  await Promise.all(contestants.map(({ client }) => client.connected({ timeoutMs: 30_000 })));
  for (let slice = 0; slice < SLICES; slice++) {
    for (const { lock, microseconds } of contestants) {
      const before = process.cpuUsage();
      for (let i = 0; i < LOCKS_IN_A_SLICE; i++) await (await lock.acquire()).release();
      const { user, system } = process.cpuUsage(before);
      if (slice >= SLICES / 3) microseconds.push((user + system) / LOCKS_IN_A_SLICE);
    }
  }
  for (const { root, microseconds } of contestants) {
    microseconds.sort((a, b) => a - b);
    const at = (part: number) => microseconds[Math.floor(microseconds.length * part)]!.toFixed(1);
    console.log(`µs of processor time a lock and release: best ${at(0)}, p25 ${at(0.25)}, median ${at(0.5)}: ${root}`);
  }
  await Promise.all(contestants.map(({ client }) => client.close()));
});
