// A coordination server inside your own process: one member that any ZooKeeper client can use, started and stopped by
// your program.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfiguration, startMember } from "cabildo/server";

const data = await mkdtemp(join(tmpdir(), "cabildo-example-"));
const port = Number(process.env.PORT ?? 21810);

const { configuration } = loadConfiguration({
  file: null,
  flags: [
    { flag: "data", key: "dataDir", value: data },
    { flag: "port", key: "clientPort", value: String(port) },
    { flag: "admin", key: "admin.enableServer", value: "false" },
  ],
});
const running = await startMember(configuration, console);
while (running.member.status.leader === null) await new Promise((resolve) => setTimeout(resolve, 10));

// Ask it, as an operator would, how it is: the four-letter word `srvr`.
const socket = connect(port, "127.0.0.1");
socket.end("srvr");
socket.setEncoding("utf8");
socket.on("data", (text) => process.stdout.write(text));
await once(socket, "close");

await running.stop();
await rm(data, { recursive: true });
