// `cabildo locks`, `cabildo elections` and `cabildo sessions`: who holds, who waits, who leads, and on which session.

import { CoordinationError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { ZooKeeperEngine } from "../engines/zookeeper/index.ts";
import type {
  CandidateInfo,
  ContenderInfo,
  Coordination,
  PermitContenderInfo,
  SharedContenderInfo,
} from "../recipes/index.ts";
import { openRecipes, type ServerOptions, say, tellFailure, urlOf } from "./servers.ts";
import { liveSessions, type Place, sessionRows } from "./sessions.ts";
import { textTable } from "./text-table.ts";

export interface ListingOptions extends ServerOptions {
  readonly output: string;
}

type Connection = Coordination<ZooKeeperEngine>;

/** Of each question to the servers, once they are connected to: a person waits for the answer. */
const LIMIT = { timeoutMs: 10_000 };

interface Contended {
  readonly name: string;
  readonly kind: "lock" | "read-write lock" | "semaphore";
  readonly contenders: readonly Shown[];
}

type Shown = ContenderInfo | SharedContenderInfo | PermitContenderInfo;

/** All of them give the exit status. Without names: all that are in the recipes' own folders. */
export function runLocks(names: readonly string[], options: ListingOptions): Promise<number> {
  return onServers(options, async (c) => {
    const locks = await contendedLocks(c, names);
    if (options.output === "json") return printJson(locks.map(lockJson));
    const rows = locks.flatMap(({ name, contenders }) =>
      contenders.map((one, at) => [name, standing(one, at, contenders), ...facts(one.who, one)]),
    );
    if (rows.length === 0) say("nobody holds a lock or a permit, or waits for one");
    else process.stdout.write(textTable(["LOCK", "STANDING", ...FACTS], rows));
  });
}

export function runElections(names: readonly string[], options: ListingOptions): Promise<number> {
  return onServers(options, async (c) => {
    const elections = await contendedElections(c, names);
    if (options.output === "json") return printJson(elections.map(electionJson));
    const rows = elections.flatMap(({ name, candidates }) =>
      candidates.map((one, at) => [
        name,
        at === 0 ? "leads" : `waits ${at}`,
        ...facts(one.id, one),
        String(one.priority),
        printable(one.value ?? "", WHO_CHARACTERS_MAX),
      ]),
    );
    if (rows.length === 0) say("nobody stands for election");
    else process.stdout.write(textTable(["ELECTION", "STANDING", ...FACTS, "PRIORITY", "VALUE"], rows));
  });
}

export function runSessions(options: ListingOptions): Promise<number> {
  return onServers(options, async (c) => {
    const { sessions, untold } = await liveSessions(urlOf(options));
    for (const line of untold) say(line);
    const rows = sessionRows(sessions, await placesOf(c));
    if (options.output === "json") return printJson(rows);
    const cells = rows.map(({ session, client, server, timeoutMs, places }) => [
      session,
      client ?? "",
      server ?? "",
      timeoutMs === null ? "" : `${timeoutMs / 1000} s`,
      [...new Set(places.map(({ who }) => printable(who, WHO_CHARACTERS_MAX)))],
      places.map(({ text }) => text),
    ]);
    process.stdout.write(textTable(["SESSION", "CLIENT", "SERVER", "TIMEOUT", "WHO", "PLACES"], cells));
  });
}

async function contendedLocks(c: Connection, names: readonly string[]): Promise<readonly Contended[]> {
  const plain = names.length > 0 ? names : await c.nodes.children("/locks", LIMIT);
  const shared =
    names.length > 0 ? names.filter((name) => !name.startsWith("/")) : await c.nodes.children("/rw-locks", LIMIT);
  const locks = plain.map((name) =>
    shownOrTold(`lock ${JSON.stringify(name)}`, names.length > 0, async (): Promise<Contended> => {
      return { name, kind: "lock", contenders: await c.lock(name).contenders(LIMIT) };
    }),
  );
  const readWrite = shared.map((name) =>
    shownOrTold(`read-write lock ${JSON.stringify(name)}`, names.length > 0, async (): Promise<Contended> => {
      return { name, kind: "read-write lock", contenders: await c.rwLock(name).contenders(LIMIT) };
    }),
  );
  const permits = names.length > 0 ? names : await c.nodes.children("/semaphores");
  const semaphores = permits.map((name) =>
    shownOrTold(`semaphore ${JSON.stringify(name)}`, names.length > 0, async (): Promise<Contended> => {
      // How many permits there are is known to its programs alone; it does not matter here.
      return { name, kind: "semaphore", contenders: await c.semaphore(name, { permits: 1 }).contenders() };
    }),
  );
  const all = await Promise.all([...locks, ...readWrite, ...semaphores]);
  return all.flat().filter(({ contenders }) => contenders.length > 0);
}

async function contendedElections(c: Connection, names: readonly string[]) {
  const all = names.length > 0 ? names : await c.nodes.children("/elections", LIMIT);
  const elections = all.map((name) =>
    shownOrTold(`election ${JSON.stringify(name)}`, names.length > 0, async () => {
      const latch = await c.election(name).candidates(LIMIT);
      return {
        name,
        candidates: latch.length > 0 ? latch : await c.election(name, { form: "selector" }).candidates(LIMIT),
      };
    }),
  );
  return (await Promise.all(elections)).flat().filter(({ candidates }) => candidates.length > 0);
}

/** Of many, one whose name no recipe takes, or that the servers do not show, is told of alone: the others are shown. */
async function shownOrTold<T>(what: string, isAsked: boolean, look: () => Promise<T>): Promise<readonly T[]> {
  try {
    return [await look()];
  } catch (error) {
    if (isAsked || !(error instanceof CoordinationError) || error.code !== "rejected") throw error;
    say(`${printable(what, WHO_CHARACTERS_MAX)} is not shown: ${printable(error.message, MESSAGE_CHARACTERS_MAX)}`);
    return [];
  }
}

async function placesOf(c: Connection): Promise<readonly Place[]> {
  const [locks, elections] = await Promise.all([contendedLocks(c, []), contendedElections(c, [])]);
  return [
    ...locks.flatMap(({ name, kind, contenders }) =>
      contenders.map(({ session, who, isHolder }) => {
        return { session, who, text: `${isHolder ? "holds" : "waits for"} ${kind} ${JSON.stringify(name)}` };
      }),
    ),
    ...elections.flatMap(({ name, candidates }) =>
      candidates.map(({ session, id }, at) => {
        return { session, who: id, text: `${at === 0 ? "leads" : "stands for"} election ${JSON.stringify(name)}` };
      }),
    ),
  ];
}

/** What a program says about itself is cut sooner than a name, which somebody may want to copy. */
const WHO_CHARACTERS_MAX = 120;
const MESSAGE_CHARACTERS_MAX = 500;

const FACTS = ["WHO", "TOKEN", "SESSION", "SINCE"];

function facts(who: string, { token, session, since }: Pick<Shown, "token" | "session" | "since">): string[] {
  return [
    who === "" ? "?" : printable(who, WHO_CHARACTERS_MAX),
    token === null ? "" : String(token),
    session,
    isoText(since).replace(/\.\d+Z$/, "Z"),
  ];
}

function standing(one: Shown, at: number, all: readonly Shown[]): string {
  const mode = "mode" in one ? ` to ${one.mode}` : permitsText(one);
  if (one.isHolder) return `holds${mode}`;
  return `waits ${at + 1 - all.filter(({ isHolder }) => isHolder).length}${mode}`;
}

function permitsText(one: Shown): string {
  if (!("permits" in one) || one.permits === null) return "";
  const count = `${one.permits} permit${one.permits === 1 ? "" : "s"}`;
  return one.isHolder ? ` ${count}` : ` for ${count}`;
}

function lockJson({ name, kind, contenders }: Contended) {
  return { name, kind, contenders: contenders.map(contenderJson) };
}

function electionJson({ name, candidates }: { name: string; candidates: readonly CandidateInfo[] }) {
  return { name, candidates: candidates.map((one, at) => ({ ...contenderJson(one), isLeader: at === 0 })) };
}

function contenderJson<T extends { readonly token: bigint | null; readonly since: number }>(one: T) {
  return { ...one, token: one.token === null ? null : String(one.token), since: isoText(one.since) };
}

function isoText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

async function onServers(options: ServerOptions, work: (c: Connection) => Promise<void>): Promise<number> {
  try {
    await using c = await openRecipes(options);
    await work(c);
    return 0;
  } catch (error) {
    return tellFailure(error, options);
  }
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
