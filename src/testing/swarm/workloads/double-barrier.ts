// Double barriers: participants come, some give up, some die, and those that entered leave together.

import { CoordinationError } from "../../../base/errors.ts";
import type { BarrierEntry } from "../../../recipes/index.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "double-barrier";
const MEMBERS = 2;

/** One who wants to enter, from when it asks. */
interface Entry {
  readonly program: SimulatedProgram;
  readonly askedAt: number;
  /** What became of it: `refused` has then not been there. */
  fate: "open" | "inside" | "refused" | "lost";
  token: bigint;
}

export class DoubleBarrierWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #directory: string;
  readonly #entries: Entry[] = [];
  readonly emptyAfter: readonly string[];

  constructor(context: WorkloadContext) {
    this.#context = context;
    this.#directory = `${context.root}/double-barriers/${NAME}`;
    this.emptyAfter = [this.#directory];
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    const { over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 3));
      await this.#context.attempt(program, "the double barrier", () => this.#once(program));
    }
  }

  async #once(program: SimulatedProgram): Promise<void> {
    using wait = program.wait(this.#context.sessionTimeoutMs);
    const inside = await this.#enter(program, wait.options);
    await program.hold(inside, program.some(this.#context.sessionTimeoutMs / 3));
    if (program.random.chance(0.3)) return inside.release();
    using scope = program.wait(this.#context.sessionTimeoutMs);
    await this.#leave(program, inside, scope.options);
  }

  async #enter(program: SimulatedProgram, options: object): Promise<BarrierEntry> {
    const { history } = this.#context;
    const entry: Entry = { program, askedAt: history.zxid, fate: "open", token: 0n };
    this.#entries.push(entry);
    try {
      const inside = await program.c.doubleBarrier(NAME, { members: MEMBERS }).enter(options);
      entry.fate = "inside";
      entry.token = inside.token;
      return inside;
    } catch (error) {
      const isCertain = error instanceof CoordinationError && error.outcome === "not-applied";
      entry.fate = isCertain && error.code !== "session-expired" ? "refused" : "lost";
      throw error;
    }
  }

  /** Whoever goes on at the end goes on when all that it was with have gone. */
  async #leave(program: SimulatedProgram, inside: BarrierEntry, options: object): Promise<void> {
    await inside.leave(options);
    const own = this.#context.history.nodeOf(inside.token, this.#directory);
    const fellows = this.#fellowsOf(own, inside.token);
    const present = new Set(this.#context.history.children(this.#directory));
    const left = fellows.filter((name) => `${this.#directory}/${name}` !== own && present.has(name));
    if (left.length === 0) return;
    this.#context.violate(
      "participants leave together",
      `${program.name} goes on, and ${left.join(" ")} is inside still`,
    );
  }

  /** The names of those who were there when the door was opened that let this one in. */
  #fellowsOf(own: string | null, token: bigint): readonly string[] {
    const opened = this.#openedFor(own, token);
    if (opened === null) return [];
    return this.#context.history.childrenAt(this.#directory, opened).filter((name) => name !== "ready");
  }

  /** The zxid that opened the door for it: the first one after its coming. */
  #openedFor(own: string | null, token: bigint): number | null {
    if (own === null) return null;
    const gone = this.#context.history.goneAt(own)?.zxid ?? Number.POSITIVE_INFINITY;
    for (const { zxid, data } of this.#context.history.changesOf(`${this.#directory}/ready`)) {
      if (data !== null && zxid > Number(token) && zxid < gone) return zxid;
    }
    return null;
  }

  async afterRecovery(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void> {
    const members = programs.length;
    const inside = await program.c.doubleBarrier("everyone", { members }).enter();
    await inside.leave();
  }

  /** Nobody was let in before enough had come who did not go away again. */
  check(): void {
    const { history } = this.#context;
    for (const entry of this.#entries) {
      if (entry.fate !== "inside") continue;
      const own = history.nodeOf(entry.token, this.#directory);
      const opened = this.#openedFor(own, entry.token);
      const { name } = entry.program;
      if (opened === null) {
        this.#context.violate("participants enter together", `${name} is let in, and nothing was opened`);
        continue;
      }
      const there = this.#fellowsOf(own, entry.token);
      const refused = there.filter((each) => this.#wasRefused(`${this.#directory}/${each}`));
      if (there.length - refused.length >= MEMBERS) continue;
      const of = refused.length === 0 ? "" : `, of whom ${refused.length} had been told that they were not there`;
      this.#context.violate(
        "participants enter together",
        `${name} (token ${entry.token}) is let in among ${there.length} of ${MEMBERS}${of}`,
      );
    }
  }

  /** Whether it was made for an entry that then failed for certain. */
  #wasRefused(path: string): boolean {
    const { history } = this.#context;
    const created = history.createdAt(path);
    const owner = history.ownerOf(path);
    if (created === null || owner === null || history.wasTakenAway(path)) return false;
    // A program wants to enter once at a time: it was made for the last that its program had asked for by then.
    const entry = this.#entries.findLast(({ program, askedAt }) => askedAt < created && program.hasOwned(owner));
    return entry?.fate === "refused";
  }
}
