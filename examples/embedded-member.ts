// A coordination server inside your own process: one member, started, used and closed by your program.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMember } from "cabildo/server";

const data = await mkdtemp(join(tmpdir(), "cabildo-example-"));
const port = Number(process.env.PORT ?? 21810);

// Without `zookeeper`, nobody but this process could use it.
const member = await startMember({ data, zookeeper: { port, address: "127.0.0.1" }, logger: console });
await member.ready();

// The recipes, without a socket between.
const c = await member.connect();
await c.lock("billing").run(() => console.log("only one of us is here"));

// Ask the member, as an operator would, how it is: the four-letter word `srvr`.
const socket = connect(port, "127.0.0.1");
socket.end("srvr");
socket.setEncoding("utf8");
socket.on("data", (text) => process.stdout.write(text));
await once(socket, "close");

await member.close();
await rm(data, { recursive: true });
