// A service of three Express processes that coordinate themselves: each has a member of Cabildo inside. See docs/embedding.md.

import { startMember } from "cabildo/server";
import express from "express";

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
let isStopping = false;

const app = express();

// A connection that is kept open would bring requests for ever.
app.use((_request, response, next) => {
  if (isStopping) response.set("Connection", "close");
  next();
});

app.get("/ready", (_request, response) => {
  const { leader, hasQuorum } = member.status;
  response.status(isReady && hasQuorum && !isStopping ? 200 : 503).json({ leader });
});

app.post("/orders", async (_request, response) => {
  const coordination = await c;
  const number = await coordination.sequence("number").next({ timeoutMs: 5000 });
  response.json({ number: String(number), by: member.id });
});

const server = app.listen(Number(PORT)); // before it is ready, so that probes are answered

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    // First no more requests, then no more coordination.
    isStopping = true;
    server.close(() => void member.close().then(() => process.exit(0)));
    setTimeout(() => server.closeAllConnections(), 10_000).unref();
  });
}
void member.ended.then((error) => {
  if (error !== null) process.exit(1); // its disk failed: let the process be started again
});

await c;
isReady = true;
console.log("ready");
