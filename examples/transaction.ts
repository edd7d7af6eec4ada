// A transfer between two accounts, all of it or nothing; and a write that stands only while its lock is held. Against any
// ZooKeeper or Cabildo: `npm run example transaction`, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { connect, TransactionError } from "cabildo";

await using c = await connect(process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example");

async function balance(name: string) {
  const found = await c.engine.value("value", `/bank/${name}`).current(true);
  if (found === null) throw new Error(`${name} has no account`);
  return { version: found.version, amount: Number(new TextDecoder().decode(found.data)) };
}

await c.transaction().create("/bank/ana", "100").create("/bank/ben", "0").commit();
const [ana, ben] = [await balance("ana"), await balance("ben")];
const transfer = () =>
  c
    .transaction()
    .set("/bank/ana", String(ana.amount - 30), ana.version)
    .set("/bank/ben", String(ben.amount + 30), ben.version);
await transfer().commit();
console.log(`ana has ${(await balance("ana")).amount}, ben ${(await balance("ben")).amount}`);

try {
  await transfer().commit(); // from what was read before the first
} catch (error) {
  if (!(error instanceof TransactionError)) throw error;
  console.log(`again: ${error.failure}, at step ${error.step}`);
}

await c.lock("bank").run(async (held) => {
  await c.transaction().guard(held).delete("/bank/ana").delete("/bank/ben").commit();
  console.log("closed, by the one who may");
});
