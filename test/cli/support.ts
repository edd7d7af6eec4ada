// What the tests of the coordinating commands share: one member with short sessions, behind a network that can swallow, and
// the command as users run it.

import { after } from "node:test";
import { type Coordination, connect, type ZooKeeperEngine } from "../../src/index.ts";
import { Network } from "../support/black-hole.ts";
import { builtServer } from "../support/built-server.ts";
import { type Ensemble, startEnsemble } from "../support/ensemble.ts";
import { Program } from "../support/program.ts";

export interface Servers {
  readonly ensemble: Ensemble;
  readonly url: string;
  /** The same member, by a path that the tests can cut. */
  readonly cutUrl: string;
  readonly network: Network;
  /** For the tests' own looks and locks. */
  readonly c: Coordination<ZooKeeperEngine>;
  /** `cabildo …`, against the member unless the arguments say otherwise. */
  cabildo(args: readonly string[], environment?: Readonly<Record<string, string>>): Program;
  /** Runs it to its end. */
  run(
    args: readonly string[],
    options?: { readonly stdin?: string; readonly environment?: Readonly<Record<string, string>> },
  ): Promise<{ readonly status: number | NodeJS.Signals; readonly out: string; readonly err: string }>;
}

/** Of one test file; ends with it. */
export async function servers(): Promise<Servers> {
  const main = await builtServer();
  const ensemble = await startEnsemble({ flavour: "cabildo", members: 1, config: ["tickTime=200"] });
  const network = new Network();
  const { clientPort } = ensemble.members[0]!;
  const url = `zookeeper://127.0.0.1:${clientPort}`;
  const cutUrl = `zookeeper://127.0.0.1:${await network.inFrontOfClients(1, clientPort)}`;
  const c = await connect(url);
  after(async () => {
    await c.close();
    await network.close();
    await ensemble.stop();
  });
  const cabildo: Servers["cabildo"] = (args, environment = {}) =>
    new Program(
      { command: process.execPath, args: [main], environment: { CABILDO_CONNECT: url, ...environment } },
      args,
    );
  const run: Servers["run"] = async (args, { stdin = "", environment = {} } = {}) => {
    await using program = cabildo(args, environment);
    program.endInput(stdin);
    const status = await program.ended;
    return { status, out: program.lines.map((line) => `${line}\n`).join(""), err: program.errors };
  };
  return { ensemble, url, cutUrl, network, c, cabildo, run };
}

/** Whether a process is there, and no zombie that waits for its parent. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
