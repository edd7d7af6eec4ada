// Paths of the network that swallow what is sent on them, in both directions or one, or let only a few bytes through; nobody
// is told. The others go on within a bound, whoever waits on the wrong side of it is told within another, and nothing
// acknowledged is lost, whether what was swallowed arrives in the end or never.
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import { root } from "../failover/writers.ts";
import * as ask from "../protocols/zookeeper/support/requests.ts";
import { type Flow, Network } from "../support/black-hole.ts";
import { type Ensemble, type Member, startEnsemble } from "../support/ensemble.ts";
import { ConnectionLost, ZooKeeperClient } from "../support/zookeeper-client.ts";
import { counts } from "./counts.ts";
import { attack, type Lab } from "./lab.ts";
import { fallen, Workload } from "./workload.ts";

const sessionTimeoutMs = 10_000;
const config = [
  "tickTime=500",
  "maxSessionTimeout=60000",
  "reconfigEnabled=true",
  "skipACL=yes",
  "snapCount=20000",
  "preAllocSize=4096",
];
const cyclesOfOneLoad = 5;
const writesBetween = 5;
/** A client bears with a silent server for two thirds of its timeout, and may meet another silent one after it. */
const failoverWithinMs = 15_000;
const answerWithinMs = 15_000;
const clients = 0;

interface Scene {
  readonly ensemble: Ensemble;
  readonly network: Network;
  readonly addresses: readonly string[];
}

/** Which directions of a path suffer, as seen from the member that is meant. */
const sides = ["both ways", "from it", "to it"] as const;
const places = ["the leader's peers", "a follower's peers", "one link", "its clients", "all of the leader's"] as const;

attack("a network that swallows", { timeout: 120_000 + counts.blackHoles * 45_000 }, async (lab) => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 3, config });
  await using network = new Network();
  const scene = { ensemble, network, addresses: await interpose(ensemble, network) };
  const { addresses } = scene;
  let load: Workload | undefined;
  try {
    for (const { number, random } of lab.cycles(counts.blackHoles)) {
      await lab.within("black hole", ensemble, async () => {
        load ??= await Workload.begin({ addresses, sessionTimeoutMs, patienceMs: 1000 }, ensemble.members[0]!.address);
        await load.progress(lab, writesBetween);
        await swallow(lab, scene, load, random);
        lab.judge("after it", fallen(ensemble.members));
        await ensemble.waitReady();
        await load.progress(lab, writesBetween);
        if (number % cyclesOfOneLoad !== 0 && number !== counts.blackHoles) return;
        await load.end(lab, ensemble);
        load = undefined;
      });
    }
  } finally {
    network.heal("cut");
    load?.abandon();
  }
});

async function swallow(lab: Lab, scene: Scene, load: Workload, random: Random): Promise<void> {
  const { ensemble, network } = scene;
  const side = sides[random.below(sides.length)]!;
  const place = places[random.below(places.length)]!;
  const flow: Flow = random.chance(0.75) ? "swallow" : "trickle";
  const leader = await ensemble.leader();
  const followers = ensemble.members.filter((member) => member !== leader);
  const member = {
    "the leader's peers": leader,
    "a follower's peers": followers[random.below(2)]!,
    "one link": ensemble.members[random.below(3)]!,
    "its clients": ensemble.members[random.below(3)]!,
    "all of the leader's": leader,
  }[place];
  const others = ensemble.members.filter((other) => other !== member).map(({ id }) => id);
  const opposite = {
    "the leader's peers": others,
    "a follower's peers": others,
    "one link": [others[random.below(2)]!],
    "its clients": [clients],
    "all of the leader's": [...others, clients],
  }[place];
  const what = `${flow} at ${place}, member ${member.id}, ${side}`;
  lab.count(flow === "swallow" ? "times silent" : "times trickling");

  const waiting = await Waiting.open(member);
  for (const other of opposite) {
    if (side !== "to it") network.set(member.id, other, flow);
    if (side !== "from it") network.set(other, member.id, flow);
  }
  const attacked = async () => {
    waiting.ask(load);
    if (flow === "swallow") await goesOn(lab, load, waiting);
    // A trickle may still carry what keeps a leader in office: nothing is promised before it ends, but that all is in order.
    await sleep(random.below(flow === "swallow" ? 2000 : 5000));
    lab.count("connections held back", network.holding);
    network.heal(random.chance(0.5) ? "resume" : "cut");
    await goesOn(lab, load, waiting);
  };
  await lab.within(what, ensemble, attacked).finally(() => waiting.end());
}

/** All clients write within a bound, and one that stays where it is hears something within another. */
async function goesOn(lab: Lab, load: Workload, waiting: Waiting): Promise<void> {
  const failoverMs = await load.progress(lab, writesBetween, { withinMs: failoverWithinMs });
  lab.highest("ms until all clients write again at most", failoverMs);
  const answeredMs = await waiting.settled();
  lab.judge(
    "of a client that does not leave",
    answeredMs === null ? [`neither an answer nor an end within ${answerWithinMs} ms`] : [],
  );
  lab.highest("ms until a client that stays is answered or let go at most", answeredMs ?? 0);
}

/** A client right at a member, past the network, that would wait without end for a write and for a read. */
class Waiting {
  static #serial = 0;
  readonly #client: ZooKeeperClient;
  #settled: Promise<unknown> = Promise.resolve();
  #askedAt = 0;
  #settledAt = 0;

  private constructor(client: ZooKeeperClient) {
    this.#client = client;
  }

  static async open(member: Member): Promise<Waiting> {
    return new Waiting(await ZooKeeperClient.connect(member.address, { sessionTimeoutMs: 60_000 }));
  }

  ask({ ledger }: Workload): void {
    const path = `${root}/sequence/waiting${++Waiting.#serial}`;
    const node = { path, data: path };
    this.#askedAt = performance.now();
    const write = this.#client.create(node.path, node.data).then(
      () => {
        ledger.created.set(node.path, node.data);
      },
      (error: unknown) => {
        if (!(error instanceof ConnectionLost)) throw error;
        ledger.cut.push([node]);
      },
    );
    const read = Promise.all([this.#client.sync(), this.#client.exists(root)]).catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) throw error;
    });
    this.#settled = Promise.all([write, read]).then(() => {
      this.#settledAt = performance.now();
    });
  }

  /** How long it took, or null where it took too long. */
  async settled(): Promise<number | null> {
    const timer = new AbortController();
    const late = sleep(answerWithinMs, "late" as const, { signal: timer.signal }).catch(() => "over" as const);
    const first = await Promise.race([this.#settled.then(() => "settled" as const), late]);
    timer.abort();
    return first === "settled" ? this.#settledAt - this.#askedAt : null;
  }

  end(): void {
    this.#client.destroy();
  }
}

/** Puts the network between the members, by giving each of them a new address; says where clients connect from now on. */
async function interpose(ensemble: Ensemble, network: Network): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { id, peerAddress, clientPort } of ensemble.members) {
    const [host, peerPort, electionPort] = peerAddress.split(":");
    const port = await network.inFrontOfPeers(id, Number(peerPort));
    lines.push(`server.${id}=${host}:${port}:${electionPort}:participant;127.0.0.1:${clientPort}`);
  }
  const client = await ZooKeeperClient.connect(ensemble.members[0]!.address);
  const { error } = await client.request(...ask.reconfig({ newMembers: lines.join("\n") }));
  if (error !== 0) throw new Error(`the members' new addresses were refused: error ${error}`);
  await client.close();
  // Connections that stand go on past the network until their members have started anew.
  for (const member of ensemble.members) await member.kill("SIGKILL");
  for (const member of ensemble.members) await member.restart();
  await ensemble.waitReady();
  const ports = await Promise.all(
    ensemble.members.map(({ id, clientPort }) => network.inFrontOfClients(id, clientPort)),
  );
  return ports.map((port) => `127.0.0.1:${port}`);
}
