// Three programs count together, and number what they do: nothing is counted twice, and no number is given twice. Against
// any ZooKeeper or Cabildo: `npm run example counter`, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { CoordinationError, connect } from "cabildo";

const url = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
await using ana = await connect(url);
await using ben = await connect(url);
await using eva = await connect(url);

async function work(c: typeof ana): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const order = await c.sequence("orders").next();
    try {
      await c.counter("taken").add();
    } catch (error) {
      // The one thing that no program can know by itself: the answer was lost, and the change may have been made.
      if (!(error instanceof CoordinationError) || error.outcome !== "unknown") throw error;
      console.log(`whether order ${order} was counted is unknown`);
    }
  }
}

await Promise.all([ana, ben, eva].map(work));
console.log(`${await ana.counter("taken").get()} orders were taken`);
console.log(`the next is ${await ben.sequence("orders").next()}`);
console.log(`started anew: ${await eva.counter("taken").compareAndSet(15n, 0n)}`);
