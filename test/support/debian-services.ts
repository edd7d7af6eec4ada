// Stores from Debian's packages, as processes of the test: installed where they are missing and that is possible.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { locate, MissingRuntime, run } from "./commands.ts";
import { freePort } from "./ports.ts";
import { reap } from "./reaper.ts";

export interface Service extends AsyncDisposable {
  readonly port: number;
}

const READY_MS = 30_000;
const POSTGRES = "/usr/lib/postgresql";

/** Fails with a MissingRuntime where it is not to be had. */
export async function startPostgres(): Promise<Service> {
  if (!existsSync(POSTGRES)) await installFromDebian("postgresql");
  const [version] = readdirSync(POSTGRES).sort((a, b) => Number(b) - Number(a));
  const bin = (name: string) => join(POSTGRES, version!, "bin", name);
  const folder = mkdtempSync(join(tmpdir(), "cabildo-postgres-"));
  // It does not run as root: Debian's package has a user for it.
  const user = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const options = { ...user, cwd: folder, stdio: "pipe" } as const;
  execFileSync(bin("initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], options);
  const port = await freePort();
  const settings = ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-c", "fsync=off"];
  return started(spawn(bin("postgres"), settings, { ...user, cwd: folder, stdio: "ignore" }), port, folder);
}

/** As `startPostgres`. */
export async function startRedis(): Promise<Service> {
  if (!existsSync("/usr/bin/redis-server")) await installFromDebian("redis-server");
  const folder = mkdtempSync(join(tmpdir(), "cabildo-redis-"));
  const port = await freePort();
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  return started(spawn("/usr/bin/redis-server", settings, { stdio: "ignore" }), port, folder);
}

function idOf(flag: "-u" | "-g"): number {
  return Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
}

async function installFromDebian(name: string): Promise<void> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) throw new MissingRuntime(`Debian's package ${name}`);
  const apt = locate("apt-get", "Debian's package installer");
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run(apt, ["update", "-q"], { environment });
    await run(apt, ["install", "-y", "-q", "--no-install-recommends", name], { environment });
  } catch {
    throw new MissingRuntime(`Debian's package ${name}`);
  }
}

async function started(child: ChildProcess, port: number, folder: string): Promise<Service> {
  reap(child);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill("SIGINT"); // PostgreSQL's fast shutdown; Redis ends too
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + READY_MS;
  while (!(await isListening(port))) {
    if (performance.now() > deadline || child.exitCode !== null) {
      await stop();
      throw new Error(`${child.spawnfile} does not listen`);
    }
    await sleep(50);
  }
  return { port, [Symbol.asyncDispose]: stop };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
