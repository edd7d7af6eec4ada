// A service of three Fastify processes that coordinate themselves: each has a member of Cabildo inside. See docs/embedding.md.

import { startMember } from "cabildo/server";
import fastify from "fastify";

const { ID, MEMBERS, DATA, SECRET_FILE, PORT } = process.env;

const member = await startMember({
  id: Number(ID),
  data: DATA, // survives restarts of the process
  members: JSON.parse(MEMBERS), // { "1": "10.0.0.1:2888:3888", … }, the same for all
  peer: { secretFile: SECRET_FILE },
  logger: { info() {}, warn: console.warn, error: console.error },
});
const c = member.ready({ timeoutMs: 300_000 }).then(() => member.connect({ root: "/orders" }));
let isReady = false;

const app = fastify();

app.get("/ready", (_request, reply) => {
  const { leader, hasQuorum } = member.status;
  return reply.code(isReady && hasQuorum ? 200 : 503).send({ leader });
});

app.post("/orders", async () => {
  const coordination = await c;
  const number = await coordination.sequence("number").next({ timeoutMs: 5000 });
  return { number: String(number), by: member.id };
});

app.addHook("onClose", () => member.close()); // once all requests are answered

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => void app.close().then(() => process.exit(0)));
}
void member.ended.then((error) => {
  if (error !== null) process.exit(1); // its disk failed: let the process be started again
});

await app.listen({ port: Number(PORT) }); // before it is ready, so that probes are answered
await c;
isReady = true;
console.log("ready");
