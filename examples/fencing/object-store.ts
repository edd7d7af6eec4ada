// An object store with conditional writes (S3, and others that speak its protocol) refuses a holder that comes too late. Here the
// store is one in memory, with the same headers.

import { createServer } from "node:http";
import { connect } from "cabildo";

const servers = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";

/** False: a later holder has written it. The token stands beside the object, and the write is for the version that was read. */
async function putObject(url: string, body: string, token: bigint): Promise<boolean> {
  for (;;) {
    const seen = await fetch(url, { method: "HEAD" });
    const highest = BigInt(seen.headers.get("x-amz-meta-fencing-token") ?? 0);
    if (highest > token) return false;
    const etag = seen.headers.get("etag");
    const condition: Record<string, string> = etag === null ? { "if-none-match": "*" } : { "if-match": etag };
    const headers = { ...condition, "x-amz-meta-fencing-token": String(token) };
    const written = await fetch(url, { method: "PUT", body, headers });
    if (written.ok) return true;
    if (written.status !== 412 && written.status !== 409) throw new Error(`${url}: ${written.status}`);
    // Another has written it since: look again, who.
  }
}

const objects = new Map<string, { readonly etag: string; readonly token: string; readonly body: string }>();
let versions = 0;
const store = createServer(async ({ url = "", method, headers }, response) => {
  const found = objects.get(url);
  if (method !== "PUT") {
    const about = found === undefined ? {} : { etag: found.etag, "x-amz-meta-fencing-token": found.token };
    response.writeHead(found === undefined ? 404 : 200, about).end(method === "HEAD" ? "" : found?.body);
    return;
  }
  const isMet = headers["if-none-match"] === "*" ? found === undefined : headers["if-match"] === found?.etag;
  if (isMet) {
    versions += 1;
    const token = String(headers["x-amz-meta-fencing-token"]);
    objects.set(url, { etag: `"${versions}"`, token, body: `version ${versions}` });
  }
  response.writeHead(isMet ? 200 : 412).end();
});
await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
const address = store.address();
if (address === null || typeof address === "string") throw new Error("the store does not listen");
const object = `http://127.0.0.1:${address.port}/bills/march.json`;

await using one = await connect(servers);
await using two = await connect(servers);
const late = await one.lock("billing").acquire();
await one.close(); // it stands still: its session ends, and another gets the lock
const held = await two.lock("billing").acquire();

console.log(`the holder's object is stored: ${await putObject(object, "4200", held.token)}`);
console.log(`the late one's object is stored: ${await putObject(object, "100", late.token)}`);
const both = await Promise.all([putObject(object, "1", held.token), putObject(object, "2", held.token)]);
console.log(`two writes of the holder at once are both stored: ${both}`);

await held.release();
store.close();
