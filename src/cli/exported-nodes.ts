// `cabildo export` and `cabildo import`: nodes as JSON, a line each, for moving them between clusters and for keeping them in a repository.
// An export is read node by node while clients write: it is no moment's state, as a backup is.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { CoordinationError } from "../base/errors.ts";
import { ACL, type Acl, type ZooKeeperClient } from "../protocols/zookeeper/client/index.ts";
import { createParents, isRefusal, type NodeOptions, onServers, pathsBelow, shownData } from "./nodes.ts";
import { say } from "./servers.ts";

/** How many nodes are read or written at a time. */
const PARALLEL = 32;

export interface ExportOptions extends NodeOptions {
  readonly acls?: boolean;
}

export interface ImportOptions extends NodeOptions {
  readonly to: string;
  readonly overwrite?: boolean;
}

interface Line {
  /** Below the exported node; empty: itself. */
  readonly path: string;
  readonly data: string | null;
  readonly encoding?: "base64";
  readonly acl?: readonly Acl[];
}

/** The node and everything below it, parents first. Ephemeral nodes end with their sessions, and are left out. */
export function runExport(top: string, options: ExportOptions): Promise<number> {
  return onServers(options, async (client) => {
    const paths = [top, ...(await pathsBelow(client, top))].filter((path) => !isServers(path)).sort();
    for (let at = 0; at < paths.length; at += PARALLEL) {
      const lines = await Promise.all(paths.slice(at, at + PARALLEL).map((path) => lineOf(client, top, path, options)));
      await written(lines.join(""));
    }
  });
}

/** Creates what is missing; existing nodes are left as they are, or given the data of the lines. Gives 1 where some were left. */
export async function runImport(file: string | undefined, options: ImportOptions): Promise<number> {
  const counts = { created: 0, changed: 0, same: 0, left: 0 };
  const status = await onServers(options, async (client) => {
    let number = 0;
    for await (const text of createInterface({
      input: file === undefined || file === "-" ? process.stdin : createReadStream(file),
    })) {
      number++;
      if (text.trim() === "") continue;
      const line = parsedLine(text, number, counts.created + counts.changed);
      counts[await importLine(client, line, options)]++;
    }
  });
  if (status !== 0) return status;
  const { created, changed, same, left } = counts;
  if (options.output === "json") process.stdout.write(`${JSON.stringify(counts)}\n`);
  else process.stdout.write(`${created} created, ${changed} changed, ${same} as they were\n`);
  if (left > 0) say(`${left} nodes are there with other data, and were left: --overwrite changes them`);
  return left > 0 ? 1 : 0;
}

async function lineOf(client: ZooKeeperClient, top: string, path: string, { acls }: ExportOptions): Promise<string> {
  try {
    const { data, stat } = await client.getData(path);
    if (stat.ephemeralOwner > 0n) return "";
    const below = path.slice(top === "/" ? 0 : top.length);
    const acl = acls === true ? { acl: (await client.getAcl(path)).acl } : {};
    return `${JSON.stringify({ path: below === "/" ? "" : below, ...shownData(data), ...acl } satisfies Line)}\n`;
  } catch (error) {
    if (path !== top && isRefusal(error, "no-node")) return ""; // it has gone meanwhile
    throw error;
  }
}

/** Quotas and the ensemble's configuration belong to the cluster. */
function isServers(path: string): boolean {
  return path === "/zookeeper" || path.startsWith("/zookeeper/");
}

function parsedLine(text: string, number: number, done: number): Line {
  try {
    const line = JSON.parse(text) as Line;
    const isPath = typeof line.path === "string" && (line.path === "" || /^\/[^\0]*[^/]$/.test(line.path));
    const isData = line.data === null || typeof line.data === "string";
    if (isPath && isData && (line.encoding === undefined || line.encoding === "base64")) return line;
  } catch {
    // said below
  }
  const what = done === 0 ? "nothing was imported" : `${done} nodes were imported before it`;
  const why = `line ${number} is not one that \`cabildo export\` writes; ${what}`;
  throw new CoordinationError("configuration", done === 0 ? "not-applied" : "applied", why);
}

async function importLine(
  client: ZooKeeperClient,
  { path: below, data, encoding, acl }: Line,
  { to, overwrite }: ImportOptions,
): Promise<"created" | "changed" | "same" | "left"> {
  const path = (to === "/" ? "" : to) + below || "/";
  const bytes = data === null ? new Uint8Array(0) : Buffer.from(data, encoding === "base64" ? "base64" : "utf8");
  if (path !== "/") {
    const access = { acl: acl ?? ACL.open };
    try {
      await client.create(path, bytes, access).catch(async (error) => {
        if (!isRefusal(error, "no-node")) throw error;
        await createParents(client, path);
        await client.create(path, bytes, access);
      });
      return "created";
    } catch (error) {
      if (!isRefusal(error, "node-exists")) throw error;
    }
  }
  const found = await client.getData(path);
  if (Buffer.compare(found.data ?? new Uint8Array(0), bytes) === 0) return "same";
  if (overwrite !== true) return "left";
  await client.setData(path, bytes);
  return "changed";
}

function written(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
