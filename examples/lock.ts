// Two workers and one lock: the work is done by one at a time, each with a larger token, and told when the lock is lost.
// Against any ZooKeeper or Cabildo: `npm run example lock`, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { connect, LockLostError } from "cabildo";

const url = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
await using one = await connect(url, { sessionTimeoutMs: 6000 });
await using two = await connect(url, { sessionTimeoutMs: 6000 });

// What a store does with a fencing token: it turns down what is older than it has seen.
let highest = 0n;
function save(worker: string, token: bigint): void {
  if (token < highest) throw new Error(`${worker} comes too late`);
  highest = token;
  console.log(`${worker} saves`);
}

await Promise.all(
  Object.entries({ one, two }).map(([worker, c]) =>
    c.lock("billing").run((held) => {
      held.assertHeld();
      save(worker, held.token);
    }),
  ),
);

await using held = await one.lock("billing").acquire({ timeoutMs: 5000 });
console.log(`held: ${held.state}, for ${held.expiresIn() > 0 ? "some seconds" : "no time"}`);
console.log(`another gets ${await two.lock("billing").tryAcquire()}`);

held.signal.addEventListener("abort", () => {
  const { reason } = held.signal;
  console.log(reason instanceof LockLostError ? `lost: ${reason.lossCause}` : "released");
});
await one.close(); // with a lock in its hands
const next = await two.lock("billing").acquire({ timeoutMs: 10_000 });
console.log(`the next token is larger: ${next.token > held.token}`);
await next.release();
