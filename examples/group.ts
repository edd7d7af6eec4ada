// A group of workers: each says where it is, everyone sees who is there, and who goes is missed.
// Against any ZooKeeper or Cabildo: `npm run example group`, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { connect } from "cabildo";

const url = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
await using observer = await connect(url, { sessionTimeoutMs: 6000 });
const one = await connect(url, { sessionTimeoutMs: 6000 });
await using two = await connect(url, { sessionTimeoutMs: 6000 });

const stop = new AbortController();
const watching = (async () => {
  for await (const members of observer.group("workers").watch({ signal: stop.signal })) {
    console.log(`there: ${members.map(({ id, text }) => `${id} at ${text}`).join(", ") || "nobody"}`);
  }
})();

await one.group("workers").join({ id: "ana", data: "10.0.0.1" });
await using ben = await two.group("workers").join({ id: "ben", data: "10.0.0.2" });
await ben.update("10.0.0.3");
await one.close(); // as a process that ends
console.log(`left: ${(await observer.group("workers").members()).map(({ id }) => id)}`);

stop.abort();
await watching;
