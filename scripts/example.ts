// Runs one example alone: `npm run example lock`. One that needs servers finds a member of its own, on a free port and with a
// temporary directory, unless CABILDO_CONNECT names others. Without a name it lists them.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startMember } from "../src/server/index.ts";
import { TREE } from "./lanes.ts";

const FOLDER = join(TREE, "examples");
const [name, ...args] = process.argv.slice(2);
const file = join(FOLDER, `${name?.replace(/\.ts$/, "")}.ts`);

if (name !== undefined && existsSync(file)) {
  const needsServers = readFileSync(file, "utf8").includes("process.env.CABILDO_CONNECT");
  if (needsServers && !process.env["CABILDO_CONNECT"]) await withMember((url) => play({ CABILDO_CONNECT: url }));
  else await play({});
} else {
  process.exitCode = name === undefined ? 0 : 2;
  if (name !== undefined) console.error(`there is no example "${name}"`);
  console.log(`npm run example NAME\n\n${listOf(FOLDER).join("\n")}`);
}

function listOf(folder: string): readonly string[] {
  const ours = (each: string) => each.endsWith(".ts") && (dirname(each) === "." || dirname(each) === "fencing");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(ours).sort();
  const width = Math.max(...names.map((each) => each.length));
  return names.map((each) => {
    const [, first = ""] = /^\/\/ ([^:;.\n]*)/.exec(readFileSync(join(folder, each), "utf8")) ?? [];
    return `  ${each.slice(0, -3).padEnd(width)}${first}`;
  });
}

async function play(environment: Readonly<Record<string, string>>): Promise<void> {
  const node = ["--conditions=source", "--import", "tsx", file, ...args];
  const child = spawn(process.execPath, node, { stdio: "inherit", env: { ...process.env, ...environment } });
  process.exitCode = await new Promise<number>((resolve) => child.once("exit", (status) => resolve(status ?? 1)));
}

async function withMember(body: (url: string) => Promise<void>): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "cabildo-example-"));
  const port = await freePort();
  const logger = { info() {}, warn: console.warn, error: console.error };
  const member = await startMember({ data, zookeeper: { port, address: "127.0.0.1" }, logger });
  try {
    await body(`zookeeper://127.0.0.1:${port}`);
  } finally {
    await member.close();
    rmSync(data, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
