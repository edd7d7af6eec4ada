// Handshakes as long as a frame may be: what stands behind the fields is nobody's, and must not be kept for a connection's life.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { silentLogger } from "../../src/base/logger.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { runMember } from "../../src/server/member.ts";
import { freePort } from "../support/ports.ts";

const connections = 60;
const frameBytes = 1_000_000;

setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

/** Memory of buffers in this process, in MB, which holds the member as well. */
function buffersMb(): number {
  collect();
  collect();
  return process.memoryUsage().arrayBuffers / 1e6;
}

function answered(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("data", () => resolve()).once("close", () => reject(new Error("the connection was closed")));
    socket.write(bytes);
  });
}

test("long handshakes leave nothing behind on connections that stay", { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "cabildo-handshakes-"));
  const port = await freePort();
  const file = join(directory, "zoo.cfg");
  const text = `dataDir=${directory}\nclientPort=${port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n`;
  const files = {
    read: (path: string) => (path === file ? text : null),
    permissions: () => 0o600,
    isDirectory: () => true,
  };
  const { configuration } = loadConfiguration({ file, files });
  const member = await runMember(configuration, silentLogger);
  const sockets: Socket[] = [];
  try {
    const handshake = Buffer.alloc(4 + frameBytes);
    handshake.writeInt32BE(frameBytes, 0);
    handshake.writeInt32BE(30_000, 16); // the timeout
    handshake.writeInt32BE(16, 28); // the password's length
    const ping = Buffer.alloc(12);
    ping.writeInt32BE(8, 0);
    ping.writeInt32BE(-2, 4);
    ping.writeInt32BE(11, 8);
    const before = buffersMb();
    for (let i = 0; i < connections; i++) {
      const socket = connect(port, "127.0.0.1");
      sockets.push(socket);
      await answered(socket, handshake);
    }
    for (const socket of sockets) await answered(socket, ping);
    const grown = buffersMb() - before;
    assert.ok(grown < 10, `${connections} handshakes of 1 MB left ${grown.toFixed(1)} MB`);
  } finally {
    for (const socket of sockets) socket.destroy();
    await member.stop();
    rmSync(directory, { recursive: true });
  }
});
