// A member is stopped for longer than a session lives, and goes on as if nothing had been. While it was away the others
// have moved on: it must show nothing old to reads that must be current, take no write for a session that has ended, and
// end no session that lives on elsewhere.
import { setTimeout as sleep } from "node:timers/promises";
import { type Ensemble, type Member, startEnsemble } from "../support/ensemble.ts";
import { ReconnectingClient } from "../support/reconnecting-client.ts";
import { ConnectionLost, SessionExpired, ZooKeeperClient, ZooKeeperError } from "../support/zookeeper-client.ts";
import { counts } from "./counts.ts";
import { attack, type Lab } from "./lab.ts";
import { fallen, Workload } from "./workload.ts";

const config = ["tickTime=500", "maxSessionTimeout=60000"];
const loadTimeoutMs = 5000; // the load's clients give a silent server up after two thirds of it, and move
const strandedTimeoutMs = 1500; // the stranded client never moves: its session ends while its server sleeps
const patientTimeoutMs = 60_000; // a client that outlives the silence where it is, and has its questions answered
const stopMinMs = 5500;
const stopVariesMs = 2000;
const cyclesOfOneLoad = 4;
const writesBetween = 5;
const answerWithinMs = 10_000;
const probe = "/probe";
const ephemeralAndSequential = 3;

attack("SIGSTOP for longer than a session", { timeout: 90_000 + counts.stops * 30_000 }, async (lab) => {
  await using ensemble = await startEnsemble({ flavour: "cabildo", members: 3, config });
  const addresses = ensemble.members.map((member) => member.address);
  let load: Workload | undefined;
  try {
    for (const { number, random } of lab.cycles(counts.stops)) {
      await lab.within("stop", ensemble, async () => {
        load ??= await Workload.begin({ addresses, sessionTimeoutMs: loadTimeoutMs }, addresses[0]!);
        await load.progress(lab, writesBetween);
        const leader = await ensemble.leader();
        const isLeader = number % 2 === 1;
        const others = ensemble.members.filter((member) => member !== leader);
        const member = isLeader ? leader : others[random.below(others.length)]!;
        lab.count(isLeader ? "leaders" : "followers");
        await stop(lab, ensemble, load, member, stopMinMs + random.below(stopVariesMs));
        lab.judge("after the stop", fallen(ensemble.members));
        await load.progress(lab, writesBetween);
        if (number % cyclesOfOneLoad !== 0 && number !== counts.stops) return;
        await load.end(lab, ensemble);
        load = undefined;
      });
    }
  } finally {
    load?.abandon();
  }
});

async function stop(lab: Lab, ensemble: Ensemble, load: Workload, member: Member, forMs: number): Promise<void> {
  using stranded = await Stranded.open(member, ensemble);
  const began = performance.now();
  await member.kill("SIGSTOP");
  stranded.ask(); // before the others have noticed
  await stranded.writeElsewhere();
  lab.highest("ms until a write past it at most", performance.now() - began);
  lab.highest("ms until all clients write again at most", await load.progress(lab, writesBetween));
  while (performance.now() - began < forMs || !stranded.hasExpired) {
    stranded.ask();
    await stranded.writeElsewhere();
    lab.judge("while the member is stopped", [...load.met, ...stranded.violations(performance.now() - began)]);
    await sleep(50);
  }
  stranded.write();
  stranded.ask();
  await member.kill("SIGCONT");
  const answers = await stranded.answers();
  lab.judge("when the member had gone on", answers.violations);
  lab.count("reads asked of a stopped member", answers.asked);
  lab.count("answered", answers.answered);
  await ensemble.waitReady();
}

interface Question {
  /** What had been acknowledged to others when it was asked. */
  readonly acknowledged: number;
  readonly answer: Promise<number | null>;
}

/** Two clients whose server stops under them, and who stay; and another one who sees what becomes of them meanwhile. */
class Stranded {
  readonly #client: ZooKeeperClient;
  readonly #patient: ZooKeeperClient;
  readonly #witness: ReconnectingClient;
  readonly #own: string;
  readonly #heardAt: number;
  readonly #questions: Question[] = [];
  #writes: Promise<string | null>[] = [];
  #acknowledged: number;
  #expiredAt = 0;

  private constructor(
    [client, patient]: readonly [ZooKeeperClient, ZooKeeperClient],
    witness: ReconnectingClient,
    own: string,
    acknowledged: number,
  ) {
    this.#client = client;
    this.#patient = patient;
    this.#witness = witness;
    this.#own = own;
    this.#acknowledged = acknowledged;
    this.#heardAt = performance.now();
  }

  static async open(member: Member, ensemble: Ensemble): Promise<Stranded> {
    const elsewhere = ensemble.members.filter((other) => other !== member).map(({ address }) => address);
    const witness = new ReconnectingClient(elsewhere, { sessionTimeoutMs: loadTimeoutMs });
    const seeing = await witness.attached();
    if ((await seeing.exists(probe)) === null) {
      await seeing.create(probe);
      await seeing.create(`${probe}/value`, "0");
    }
    const { stat } = await seeing.getData(`${probe}/value`);
    const patient = await ZooKeeperClient.connect(member.address, { sessionTimeoutMs: patientTimeoutMs });
    const client = await ZooKeeperClient.connect(member.address, { sessionTimeoutMs: strandedTimeoutMs });
    const own = await client.create(`${probe}/own`, "mine", ephemeralAndSequential);
    return new Stranded([client, patient], witness, own, stat.version);
  }

  get hasExpired(): boolean {
    return this.#expiredAt > 0;
  }

  /** A read that must be current, into the silence. */
  ask(): void {
    for (const client of [this.#client, this.#patient]) {
      const read = Promise.all([client.sync(probe), client.getData(`${probe}/value`)]);
      const answer = read.then(([, { stat }]) => stat.version, unlessLost);
      this.#questions.push({ acknowledged: this.#acknowledged, answer });
    }
  }

  /** A write of a session that has ended, which its server has slept through. */
  write(): void {
    const attempts = [
      this.#client.create(`${probe}/late`, "of an ended session"),
      this.#client.setData(`${probe}/value`, "of an ended session").then(() => `${probe}/value`),
    ];
    this.#writes = attempts.map((attempt) => attempt.catch(unlessLost));
  }

  /** One write by the witness, and its look at the stranded client's ephemeral. */
  async writeElsewhere(): Promise<void> {
    try {
      const client = await this.#witness.attached();
      const { version } = await client.setData(`${probe}/value`, "elsewhere");
      this.#acknowledged = version;
      if (this.#expiredAt === 0 && (await client.exists(this.#own)) === null) this.#expiredAt = performance.now();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }

  violations(stoppedForMs: number): string[] {
    const lived = this.#expiredAt - this.#heardAt;
    if (this.hasExpired && lived < strandedTimeoutMs)
      return [`a session of ${strandedTimeoutMs} ms ended after ${lived} ms`];
    const isLate = !this.hasExpired && stoppedForMs > strandedTimeoutMs + answerWithinMs;
    return isLate ? [`a session of ${strandedTimeoutMs} ms lives ${stoppedForMs} ms after its server was stopped`] : [];
  }

  async answers(): Promise<{ asked: number; answered: number; violations: string[] }> {
    const late = sleep(answerWithinMs, "late" as const, { ref: false });
    const violations: string[] = [];
    let answered = 0;
    for (const { acknowledged, answer } of this.#questions) {
      const version = await Promise.race([answer, late]);
      if (version === "late") violations.push(`a read has no answer ${answerWithinMs} ms after the member went on`);
      else if (version !== null) {
        answered++;
        if (version < acknowledged)
          violations.push(`stale: version ${version} was read, acknowledged was ${acknowledged}`);
      }
    }
    for (const write of this.#writes) {
      const path = await Promise.race([write, late]);
      if (path !== null) violations.push(`a write of a session that had ended: ${path}`);
    }
    const { session } = this.#client;
    const seeing = await this.#witness.attached();
    await seeing.sync();
    const { data } = await seeing.getData(`${probe}/value`);
    const names = await seeing.getChildren(probe);
    if (data !== "elsewhere" || names.some((name) => name !== "value")) {
      violations.push(`left by a session that had ended: ${names.join(", ")}; the value is ${data}`);
    }
    const again = await ZooKeeperClient.connect(seeing.address, { session }).catch((error: unknown) => error);
    if (!(again instanceof SessionExpired)) violations.push("a session that had ended was attached again");
    return { asked: this.#questions.length, answered, violations };
  }

  [Symbol.dispose](): void {
    // Its member may still be stopped, when something has gone wrong: nobody waits for a last word.
    this.#client.destroy();
    this.#patient.destroy();
    this.#witness.abandon();
  }
}

/** The connection may end, or the server say that the session has. */
function unlessLost(error: unknown): null {
  if (error instanceof ConnectionLost || error instanceof ZooKeeperError) return null;
  throw error;
}
