// Two workers and a list of work: each piece is done by one of them, and what one leaves undone the other does. Against any
// ZooKeeper or Cabildo: `npm run example queue`, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { connect } from "cabildo";

const url = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
await using producer = await connect(url);
await using ana = await connect(url);
await using ben = await connect(url);

const work = producer.queue<string>("work");
for (const piece of ["sweep", "cook", "wash"]) await work.put(piece);
await work.put("put out the fire", { priority: 10 });
await work.put("water the plants", { delayUntil: Date.now() + 300 });
console.log(`${await work.size()} pieces, first: ${(await work.peek())?.value}`);

// Ana takes the first and goes home with it undone: closing the connection returns it.
const taken = await ana.queue<string>("work").take({ timeoutMs: 5000 });
console.log(`ana begins to ${taken.value}`);
await ana.close();
console.log(`ana stops: ${taken.signal.aborted}`);

for await (const job of ben.queue<string>("work").consume()) {
  console.log(`ben does it: ${job.value}`);
  await job.ack();
  if (job.value === "water the plants") break;
}
console.log(`${await work.size()} are left`);
