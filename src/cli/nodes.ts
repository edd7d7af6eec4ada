// `cabildo get`, `set`, `create`, `ls` and `rm`: single nodes, for people and for scripts.

import { buffer } from "node:stream/consumers";
import { type Lifetime, type Stat, type ZooKeeperClient, ZooKeeperError } from "../protocols/zookeeper/client/index.ts";
import { EXIT_USAGE } from "./exit.ts";
import { openClient, type ServerOptions, say, tellFailure } from "./servers.ts";

export interface NodeOptions extends ServerOptions {
  readonly output: string;
}

export interface SetOptions extends NodeOptions {
  readonly create?: boolean;
  readonly version?: number;
}

export interface ListOptions extends NodeOptions {
  readonly recursive?: boolean;
}

export interface RemoveOptions extends NodeOptions {
  readonly recursive?: boolean;
  readonly version?: number;
}

/** All of them give the exit status. */
export function runGet(path: string, options: NodeOptions): Promise<number> {
  return onServers(options, async (client) => {
    const { data, stat } = await client.getData(path);
    if (options.output === "json") return printJson({ path, ...shownData(data), stat: shownStat(stat) });
    const bytes = data ?? new Uint8Array(0);
    // Exactly what is stored; only a person's next prompt gets a line of its own.
    process.stdout.write(bytes);
    if (process.stdout.isTTY && bytes.at(-1) !== 0x0a) process.stdout.write("\n");
  });
}

/** Without a value, or with `-`, it is what comes on stdin. */
export async function runSet(path: string, value: string | undefined, options: SetOptions): Promise<number> {
  if (options.create && options.version !== undefined) {
    say("--create and --version exclude each other: a node that is not there has no version");
    return EXIT_USAGE;
  }
  const data = value === undefined || value === "-" ? await buffer(process.stdin) : value;
  return onServers(options, async (client) => {
    const stat = options.create
      ? await setOrCreate(client, path, data)
      : await client.setData(path, data, { version: options.version });
    if (options.output === "json") printJson({ path, stat: shownStat(stat) });
  });
}

export interface CreateNodeOptions extends NodeOptions {
  readonly parents?: boolean;
  readonly sequential?: boolean;
  readonly container?: boolean;
  /** Milliseconds. */
  readonly ttl?: number;
}

/** Prints the path, which a sequential node is given by the servers. An ephemeral one would end with this command. */
export async function runCreate(path: string, value: string | undefined, options: CreateNodeOptions): Promise<number> {
  const { parents, sequential, container, ttl, output } = options;
  if (container === true && (sequential === true || ttl !== undefined)) {
    say("--container excludes --sequential and --ttl: it is a kind of node of its own");
    return EXIT_USAGE;
  }
  const data = value === "-" ? await buffer(process.stdin) : (value ?? "");
  return onServers(options, async (client) => {
    if (parents === true) await createParents(client, path);
    const created = await client.create(path, data, lifetimeOf(options));
    if (output === "json") printJson({ path: created });
    else process.stdout.write(`${created}\n`);
  });
}

function lifetimeOf({ sequential, container, ttl }: CreateNodeOptions): Lifetime {
  if (container === true) return { mode: "container" };
  if (ttl === undefined) return { mode: sequential === true ? "persistent-sequential" : "persistent" };
  return { mode: sequential === true ? "persistent-sequential-with-ttl" : "persistent-with-ttl", ttlMs: ttl };
}

export function runList(path: string, options: ListOptions): Promise<number> {
  return onServers(options, async (client) => {
    const children = options.recursive
      ? (await pathsBelow(client, path)).map((each) => each.slice(path === "/" ? 1 : path.length + 1))
      : [...(await client.getChildren(path))];
    children.sort();
    if (options.output === "json") return printJson({ path, children });
    process.stdout.write(children.map((name) => `${name}\n`).join(""));
  });
}

export async function runRemove(path: string, options: RemoveOptions): Promise<number> {
  if (options.recursive && options.version !== undefined) {
    say("--recursive and --version exclude each other: a version is one node's");
    return EXIT_USAGE;
  }
  if (options.recursive && (path === "/" || path === "/zookeeper")) {
    say(`rm --recursive ${path} would remove what belongs to the servers. Name what is below it`);
    return EXIT_USAGE;
  }
  return onServers(options, async (client) => {
    const removed = options.recursive ? await removeTree(client, path) : 1;
    if (!options.recursive) await client.delete(path, { version: options.version });
    if (options.output === "json") printJson({ path, removed });
  });
}

export async function onServers(
  options: ServerOptions,
  work: (client: ZooKeeperClient) => Promise<void>,
): Promise<number> {
  try {
    await using client = await openClient(options);
    await work(client);
    return 0;
  } catch (error) {
    return tellFailure(error, options);
  }
}

async function setOrCreate(client: ZooKeeperClient, path: string, data: string | Uint8Array): Promise<Stat> {
  for (;;) {
    try {
      return await client.setData(path, data);
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
    await createParents(client, path);
    try {
      return (await client.createWithStat(path, data)).stat;
    } catch (error) {
      // Another was quicker, or a parent has gone again.
      if (!isRefusal(error, "node-exists") && !isRefusal(error, "no-node")) throw error;
    }
  }
}

export async function createParents(client: ZooKeeperClient, path: string): Promise<void> {
  const parts = path.split("/").slice(1, -1);
  for (let depth = 1; depth <= parts.length; depth += 1) {
    try {
      await client.create(`/${parts.slice(0, depth).join("/")}`);
    } catch (error) {
      if (!isRefusal(error, "node-exists")) throw error;
    }
  }
}

/** From the leaves up; again where somebody adds to it meanwhile. */
export async function removeTree(client: ZooKeeperClient, path: string): Promise<number> {
  let removed = 0;
  for (;;) {
    for (const each of [path, ...(await pathsBelow(client, path))].reverse()) {
      try {
        await client.delete(each);
        removed += 1;
      } catch (error) {
        const isOthers = each !== path && (isRefusal(error, "no-node") || isRefusal(error, "not-empty"));
        if (isOthers || isRefusal(error, "not-empty")) continue;
        throw error;
      }
      if (each === path) return removed;
    }
  }
}

/** Everything below, parents before their children. */
export async function pathsBelow(client: ZooKeeperClient, path: string): Promise<string[]> {
  const found: string[] = [];
  let level = [path];
  while (level.length > 0) {
    const next = await Promise.all(level.map((each) => childrenOf(client, each, each === path)));
    level = next.flat();
    found.push(...level);
  }
  return found;
}

async function childrenOf(client: ZooKeeperClient, path: string, isTop: boolean): Promise<string[]> {
  try {
    const names = await client.getChildren(path);
    return names.map((name) => (path === "/" ? `/${name}` : `${path}/${name}`));
  } catch (error) {
    if (!isTop && isRefusal(error, "no-node")) return []; // it has gone meanwhile
    throw error;
  }
}

export function isRefusal(error: unknown, reason: ZooKeeperError["reason"]): boolean {
  return error instanceof ZooKeeperError && error.reason === reason;
}

/** Text where it is text, else base64, and says which. */
export function shownData(data: Uint8Array | null): { readonly data: string | null; readonly encoding?: "base64" } {
  if (data === null) return { data: null };
  try {
    return { data: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data) };
  } catch {
    return { data: Buffer.from(data).toString("base64"), encoding: "base64" };
  }
}

/** 64-bit numbers as text, for JSON's are shorter. */
function shownStat(stat: Stat): Record<string, number | string> {
  return Object.fromEntries(
    Object.entries(stat).map(([name, value]: [string, number | bigint]) => [
      name,
      typeof value === "bigint" ? String(value) : value,
    ]),
  );
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
