// What upgrades with real processes are made of: members of the previous landed build (previous.json) and of this tree's, in one
// ensemble and under load. Every acknowledged write is there once and in order, and every session survives.

import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Cast, careful, type MakeWriter, pipelining, Scene } from "../failover/scene.ts";
import { builtServer } from "../support/built-server.ts";
import { repository } from "../support/cache.ts";
import type { Member } from "../support/ensemble.ts";
import { previousCommit, previousServer, whyNoPreviousBuild } from "./previous-build.ts";
import { EphemeralWriter, TransactionWriter, Watcher } from "./writers.ts";

const echoMember = join(repository, "test", "upgrade", "echo-member.mjs");

/** `echo`: this tree's, with the echo door and its model besides. */
export type Build = "previous" | "present" | "echo";

export const writesBetween = 12; // by each writer
export const timeout = 120_000;

/** So many writers of each kind. Their sessions outlive what a busy machine makes of a restart. */
function castOf(each: number): Cast {
  const patient: Cast = {
    careful: [each, careful],
    pipelining: [each, pipelining],
    transactions: [each, (name, connect, ...rest) => new TransactionWriter(name, connect(), ...rest)],
    ephemerals: [each, (name, connect, ...rest) => new EphemeralWriter(name, connect(), ...rest)],
    watcher: [each, (name, connect, ...rest) => new Watcher(name, "careful0", connect, ...rest)],
  };
  const options = { sessionTimeoutMs: 30_000, patienceMs: 2000 };
  return Object.fromEntries(
    Object.entries(patient).map(([name, [count, make]]) => {
      const asked: MakeWriter = (name, connect, ...rest) =>
        make(name, (own) => connect({ ...options, ...own }), ...rest);
      return [name, [count, asked]];
    }),
  );
}

export const names: Readonly<Record<Build, string>> = {
  previous: `the previous build (${previousCommit})`,
  present: "this tree's build",
  echo: "this tree's build with the echo door",
};
export const hint =
  "Members of both have to serve one ensemble, each on what the other wrote to disk and wire: a format is read one version " +
  "back, and a new one is not written before every member of the configuration has announced that it reads it.";

export function explained(what: string, cause: unknown): Error {
  return new Error(`${what}. ${hint}\n${(cause as Error).message}`, { cause });
}

/** Why there is nothing to upgrade from; false: there is. */
export const skip = (await whyNoPreviousBuild()) ?? false;

export const programs: Readonly<Record<Build, string>> =
  skip === false
    ? { previous: await previousServer(), present: await builtServer(), echo: echoMember }
    : { previous: "", present: "", echo: "" };

/** An ensemble of the previous build, and writers at work. */
export function openPrevious(config: readonly string[], writersOfEach: number): Promise<Scene> {
  const options = { flavour: "cabildo", members: 3, program: programs.previous, config } as const;
  return Scene.open(options, castOf(writersOfEach));
}

interface Move {
  readonly signal?: NodeJS.Signals;
  readonly whileDown?: () => void;
}

/** Starts the member again as the other build, and waits until all serve and every writer has got on at it. */
export async function move(scene: Scene, member: Member, to: Build, how?: Move): Promise<void> {
  await replace(member, to, how);
  try {
    await scene.ensemble.waitReady();
    await scene.spread(writesBetween);
  } catch (error) {
    throw explained(`member ${member.id} does not serve as ${names[to]} beside the others`, error);
  }
}

/** Ends the load, and finds the same on all members, with nothing lost, doubled or swapped. */
export async function assertNothingLost(scene: Scene): Promise<void> {
  try {
    await scene.stopWriters();
    await scene.verify("after the upgrade");
    for (const { name, client } of scene.writers) assert.equal(client.sessions, 1, `${name} lost its session`);
  } catch (error) {
    throw explained("members of two builds do not keep what they acknowledged", error);
  }
}

/** Ends the member's process, and starts it on the same data as the other build. */
export async function replace(member: Member, to: Build, { signal = "SIGTERM", whileDown }: Move = {}): Promise<void> {
  await member.kill(signal);
  whileDown?.();
  await member.restart(programs[to]);
}

/** What a new disk has: the member's number. */
export function wipe({ dataDirectory }: Member): void {
  for (const name of readdirSync(dataDirectory)) {
    if (name !== "myid") rmSync(join(dataDirectory, name), { recursive: true });
  }
}
