// Free loopback ports for real servers. They are taken below the range that the kernel hands to outgoing connections,
// so that none is lost between the look and the bind, and each is reserved by a file, so that suites which run side by
// side never choose the same one.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isHeld } from "./cache.ts";

const firstPort = 24000;
const portsCount = 4000;
const reservations = join(tmpdir(), "cabildo-test-ports");
const held = new Set<string>();
let next = firstPort + ((process.pid * 61) % portsCount);

/** A port that is free now and stays reserved for this process until it ends. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < portsCount; tries++) {
    const port = next;
    next = next + 1 < firstPort + portsCount ? next + 1 : firstPort;
    if (!reserve(port)) continue;
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port from ${firstPort} on`);
}

function reserve(port: number): boolean {
  mkdirSync(reservations, { recursive: true });
  const path = join(reservations, String(port));
  if (held.has(path)) return false;
  if (isHeld(path)) return false;
  rmSync(path, { force: true });
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
  } catch {
    return false; // another process was quicker
  }
  held.add(path);
  return true;
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

process.on("exit", () => {
  for (const path of held) rmSync(path, { force: true });
});
