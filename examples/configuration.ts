// Settings that a running program follows: typed by a validator, changed from elsewhere, and never taken over when they are bad.
// On a member of this process, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot"; // or any other with Standard Schema
import { ownOrGiven } from "./shared/own-or-given.ts";

await using place = await ownOrGiven();
await using c = await place.connection();

const schema = v.object({ rate: v.pipe(v.number(), v.minValue(1)), banner: v.optional(v.string()) });
await using flags = await c.config("flags", schema).open({
  fallback: { rate: 10 },
  onInvalid: ({ message }) => console.log(`not taken: ${message}`),
});
console.log(`the rate is ${flags.value.rate}`);

const stop = new AbortController();
const following = (async () => {
  for await (const { rate } of flags.values({ signal: stop.signal })) console.log(`now it is ${rate}`);
})();

await flags.set({ rate: 20 });
await flags.update(({ rate }) => ({ rate: rate * 2 }));
await flags.set({ rate: 0 }).catch((error) => console.log(`not written: ${error.message}`));

// Another program, which knows no schema.
await using operator = await place.connection();
await operator.transaction().set("/configuration/flags", '{ "rate": "fast" }').commit();
while (flags.invalid === null) await sleep(10);
console.log(`still ${flags.value.rate}`);

stop.abort();
await following;
