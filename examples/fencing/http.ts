// A service of your own refuses a holder that comes too late: the token travels in a header, and the service keeps the highest.

import { createServer } from "node:http";
import { connect } from "cabildo";

const servers = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";

// In production the highest token stands where the data stands, and changes in the same transaction.
const highest = new Map<string, bigint>();
const service = createServer(({ url = "", headers }, response) => {
  const text = headers["fencing-token"];
  if (typeof text !== "string" || !/^\d{1,19}$/.test(text)) {
    response.writeHead(428).end("this needs a fencing-token"); // precondition required
    return;
  }
  const token = BigInt(text);
  if (token < (highest.get(url) ?? 0n)) {
    response.writeHead(412).end("a later holder has written here"); // precondition failed
    return;
  }
  highest.set(url, token);
  response.writeHead(204).end();
});
await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
const address = service.address();
if (address === null || typeof address === "string") throw new Error("the service does not listen");
const bill = `http://127.0.0.1:${address.port}/bills/march`;

async function putBill(cents: number, headers: Record<string, string>, signal?: AbortSignal): Promise<number> {
  const { status } = await fetch(bill, { method: "PUT", body: String(cents), headers, signal: signal ?? null });
  return status;
}

await using one = await connect(servers);
await using two = await connect(servers);
const late = await one.lock("billing").acquire();
await one.close(); // it stands still: its session ends, and another gets the lock
const held = await two.lock("billing").acquire();

console.log(`the holder: ${await putBill(4200, { "fencing-token": String(held.token) }, held.signal)}`);
console.log(`the late one: ${await putBill(100, { "fencing-token": String(late.token) })}`);
console.log(`without a token: ${await putBill(100, {})}`);

await held.release();
service.close();
