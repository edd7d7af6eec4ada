// The stage of an interoperability suite: one ensemble of real processes, one foreign runtime, and scenarios played by
// that runtime's programs. A program prints `ok <law>` or `failed <law>`, a tab and why, for each thing it checks, and may ask
// for what only the stage can do: `please kill-leader`, `please lose-quorum` and `please restore`, each answered by `done`.
import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { MissingRuntime } from "../support/commands.ts";
import { type Ensemble, type Flavour, type Member, startEnsemble } from "../support/ensemble.ts";
import { type Command, Program } from "../support/program.ts";

/** Which server the suites play against: ours, unless INTEROP_FLAVOUR says zookeeper. */
export const flavour: Flavour = process.env["INTEROP_FLAVOUR"] === "zookeeper" ? "zookeeper" : "cabildo";

const programWithinMs = 120_000;

export interface Stage<Runtime> {
  /** One scenario: the law it shows, then how. A failure comes with the members' last words. */
  scenario(law: string, play: (actors: Actors<Runtime>) => Promise<void>): void;
  /** A scenario that one program plays alone: each law that it reports becomes a test of its own. */
  laws(title: string, command: (runtime: Runtime, connectString: string) => Command): void;
}

interface Actors<Runtime> {
  readonly context: TestContext;
  readonly runtime: Runtime;
  readonly ensemble: Ensemble;
  /** Kills the leader by SIGKILL; the stage starts it again before the next scenario. */
  killLeader(): Promise<Member>;
  restore(): Promise<void>;
}

export interface StageOptions<Runtime> {
  readonly runtime: () => Promise<Runtime>;
  /** 3 unless given. */
  readonly members?: number;
  /** Their numbers; from 1 unless given. */
  readonly ids?: readonly number[];
  readonly config?: readonly string[];
  readonly runtimeOptions?: (flavour: Flavour) => readonly string[];
}

export async function prepareStage<Runtime>(options: StageOptions<Runtime>): Promise<Stage<Runtime>> {
  let runtime: Runtime;
  try {
    runtime = await options.runtime();
  } catch (error) {
    if (!(error instanceof MissingRuntime) || process.env["CI"]) throw error;
    return skipping(`${error.message}`);
  }
  const ensemble = await startEnsemble({
    flavour,
    members: options.members ?? 3,
    ...(options.ids === undefined ? {} : { ids: options.ids }),
    config: options.config ?? [],
    runtimeOptions: options.runtimeOptions?.(flavour) ?? [],
  });
  after(() => ensemble.stop());
  return playing(runtime, ensemble);
}

function skipping<Runtime>(reason: string): Stage<Runtime> {
  return {
    scenario: (law) => void test(law, { skip: reason }),
    laws: (title) => void test(title, { skip: reason }),
  };
}

function playing<Runtime>(runtime: Runtime, ensemble: Ensemble): Stage<Runtime> {
  async function killLeader(): Promise<Member> {
    const leader = await ensemble.leader();
    await leader.kill("SIGKILL");
    return leader;
  }

  /** Kills all members but the first. */
  async function loseQuorum(): Promise<void> {
    await Promise.all(ensemble.members.slice(1).map((member) => member.kill("SIGKILL")));
  }

  async function restore(): Promise<void> {
    for (const member of ensemble.members) if (member.pid === undefined) await member.restart();
    await ensemble.waitReady();
  }

  function scenario(law: string, play: (actors: Actors<Runtime>) => Promise<void>): void {
    test(law, async (context) => {
      try {
        await play({ context, runtime, ensemble, killLeader, restore });
      } catch (error) {
        console.error(`${law}: ${(error as Error).stack}\n${ensemble.lastWords()}`);
        throw error;
      } finally {
        await restore();
      }
    });
  }

  return {
    scenario,
    laws(title, command) {
      scenario(title, async ({ context }) => {
        await using program = new Program(command(runtime, ensemble.connectString), []);
        const reports = await hear(program, {
          "kill-leader": killLeader,
          "lose-quorum": loseQuorum,
          restore,
        });
        for (const report of reports) await context.test(report.law, () => assert.ok(report.ok, report.why));
        assert.ok(reports.length > 0, `it checked nothing; ${program.transcript()}`);
      });
    },
  };
}

interface Report {
  readonly law: string;
  readonly ok: boolean;
  readonly why: string;
}

/** Listens to a program until it ends, does what it asks for, and gives what it found. */
async function hear(program: Program, wishes: Record<string, () => Promise<unknown>>): Promise<Report[]> {
  const reports: Report[] = [];
  for (let heard = 0; ; heard++) {
    const line = await program.line(/^(ok|failed|please|end)\b/, { from: heard, withinMs: programWithinMs });
    heard = program.lines.indexOf(line, heard);
    const [word, rest] = [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)];
    if (word === "end") break;
    if (word === "ok") reports.push({ law: rest, ok: true, why: "" });
    if (word === "failed") {
      const [law, why] = rest.split("\t");
      reports.push({ law: law!, ok: false, why: `${why}\n${program.transcript()}` });
    }
    if (word !== "please") continue;
    const wish = wishes[rest];
    assert.ok(wish !== undefined, `the program asks for ${rest}, which the stage cannot do`);
    await wish();
    program.say("done");
  }
  assert.equal(await program.ended, 0, `the program did not end well; ${program.transcript()}`);
  return reports;
}
