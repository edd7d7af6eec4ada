// Processor time of an uncontended lock and its release, in virtual time, with nothing but this process: `lock-cost.ts [DIR] [N]`.
// The servers are those of this tree's `dist`; the client and the recipes are those of DIR's, so that an earlier build can be
// measured beside this one. Build both before.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { repository as ROOT } from "../test/support/cache.ts";

const [client = ".", rounds = "4000"] = process.argv.slice(2);
const load = (root: string, file: string) => import(pathToFileURL(resolve(root, "dist", `${file}.js`)).href);
const { VirtualCluster } = await load(ROOT, "testing/virtual-cluster");
const { serversOf, virtualPorts } = await load(ROOT, "testing/virtual-ports");
const { ClientNetwork } = await load(ROOT, "sim/kernel/client-network");
const { ZooKeeperClient, parseConnectString } = await load(client, "protocols/zookeeper/client/index");
const { ZooKeeperEngine } = await load(client, "engines/zookeeper/engine");
const { Coordination } = await load(client, "recipes/index");

const cluster = await VirtualCluster.start({ members: 1, seed: 1 });
const { ensemble } = cluster;
const pace = { delayMinMs: 0.1, delayMaxMs: 0.2, splitProbability: 0 };
const network = new ClientNetwork(ensemble.time, ensemble.random, pace);
const ports = virtualPorts(ensemble, network, 1, ensemble.random);
const program = new ZooKeeperClient(parseConnectString(serversOf(ensemble)), { sessionTimeoutMs: 10_000 }, ports);
const times = Number(rounds);

await cluster.play(async () => {
  await program.connected({ timeoutMs: 30_000 });
  const lock = new Coordination(new ZooKeeperEngine(program, ports, {})).lock("cost");
  const work = async () => {
    for (let i = 0; i < times; i++) await (await lock.acquire()).release();
  };
  await work();
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 8; run++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / times);
  }
  console.log(
    `${best.toFixed(1)} µs of processor time a lock and release, the best of 8 runs of ${times}: ${resolve(client)}`,
  );
  await program.close();
});
