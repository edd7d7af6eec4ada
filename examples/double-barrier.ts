// Three programs work in rounds: all begin a round together, and none begins the next before all are through. Against any
// ZooKeeper or Cabildo: `npm run example double-barrier`, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { connect } from "cabildo";

const url = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
const names = ["ana", "ben", "eva"];

await Promise.all(
  names.map(async (name, i) => {
    await using c = await connect(url);
    for (let round = 1; round <= 2; round++) {
      const inside = await c.doubleBarrier("round", { members: names.length }).enter({ timeoutMs: 20_000 });
      console.log(`round ${round}: ${name} works`);
      await new Promise((resolve) => setTimeout(resolve, 20 * i)); // it heeds inside.signal
      await inside.leave({ timeoutMs: 20_000 });
    }
  }),
);
console.log("all are through");
