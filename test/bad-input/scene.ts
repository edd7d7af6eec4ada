// An ensemble under attack, and the clients beside it that must not notice. CABILDO_FLAVOUR=zookeeper puts the reference
// in its place: alone, because an ensemble of it does not survive all of this.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ensemble, type EnsembleOptions, type Flavour, type Member, startEnsemble } from "../support/ensemble.ts";
import { memoryOf } from "../support/processes.ts";
import { ZooKeeperClient } from "../support/zookeeper-client.ts";
import { root } from "./attacks.ts";
import { Control } from "./control.ts";

export const flavour = (process.env["CABILDO_FLAVOUR"] ?? "cabildo") as Flavour;
export const isOurs = flavour === "cabildo";

const comesBackWithinMs = 20_000;
const logWithinMs = 10_000;

export class Scene {
  readonly ensemble: Ensemble;
  readonly control: Control;
  #leader: Member;
  readonly #processes: readonly (number | undefined)[];

  private constructor(ensemble: Ensemble, leader: Member, control: Control) {
    this.ensemble = ensemble;
    this.control = control;
    this.#leader = leader;
    this.#processes = ensemble.members.map((member) => member.pid);
  }

  static async open(options: Partial<EnsembleOptions> = {}): Promise<Scene> {
    const ensemble = await startEnsemble({ flavour, members: isOurs ? 3 : 1, ...options });
    const client = await ZooKeeperClient.connect(ensemble.members[0]!.address);
    await client.create(root, "");
    await client.close();
    return new Scene(ensemble, await ensemble.leader(), await Control.start(ensemble.members));
  }

  /** The one whose clients misbehave: not the leader, so that what it passes on to others is attacked too. */
  async victim(): Promise<Member> {
    const leader = await this.ensemble.leader();
    return this.ensemble.members.find((member) => member !== leader) ?? leader;
  }

  /**
   * Every member still runs, the same one leads, and the other clients noticed nothing. What holds every member's loop
   * for longer than an election timeout may cost the leader its place (`mayChangeLeader`), but not a client its time.
   */
  async assertUnharmed(p99BoundMs: number, { mayChangeLeader = false } = {}): Promise<string> {
    const processes = this.ensemble.members.map((member) => member.pid);
    assert.deepEqual(processes, this.#processes, `a member ended\n${this.ensemble.lastWords()}`);
    const leader = await this.ensemble.leader();
    if (mayChangeLeader) this.#leader = leader;
    assert.equal(leader.id, this.#leader.id, "who leads");
    // What ZooKeeper's clients wait for is told, not judged.
    return this.control.assertUndisturbed(isOurs ? p99BoundMs : Number.POSITIVE_INFINITY);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control.stop();
    await this.ensemble.stop();
  }
}

/** Until a member holds no more memory than this; garbage is collected in its own time. */
export async function memoryComesBack(member: Member, limitMb: number): Promise<number> {
  const deadline = performance.now() + comesBackWithinMs;
  for (;;) {
    const now = memoryOf(member.pid, "VmRSS");
    if (now <= limitMb) return now;
    assert.ok(performance.now() < deadline, `${now.toFixed(0)} MB resident, at most ${limitMb.toFixed(0)} are right`);
    await sleep(200);
  }
}

/** Until a member's log holds this beyond a place in it. */
export async function logs(member: Member, pattern: RegExp, from = 0): Promise<string> {
  const deadline = performance.now() + logWithinMs;
  for (;;) {
    const found = pattern.exec(member.log().slice(from));
    if (found) return found[0];
    assert.ok(
      performance.now() < deadline,
      `no line like ${pattern} in the log:\n${member.log().slice(from).slice(-2000)}`,
    );
    await sleep(20);
  }
}
