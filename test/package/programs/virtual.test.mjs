// A program's test on virtual time, in Jest as in vitest: `test` and `expect` are their globals.
import { virtualCluster } from "cabildo/testing";

/** What is to be tested: it bills once a day, on one machine, and stops when it is not certain any more. */
async function bill(c, bills, signal) {
  await c.lock("billing").run(
    async (held) => {
      while (held.state === "held" && bills.length < 3) bills.push(held.token);
    },
    { signal },
  );
}

let cluster;
beforeEach(async () => {
  cluster = await virtualCluster({ members: 3 });
});
afterEach(() => cluster.close());

test("one bills at a time, also when the leader dies", async () => {
  const [a, b] = [await cluster.connect(), await cluster.connect()];
  const bills = [];
  await cluster.kill(cluster.leader);
  await Promise.all([bill(a, bills), bill(b, bills)]);
  expect(bills.length).toBe(3);
  expect(new Set(bills).size).toBe(1);
});

test("the lock of a program that is cut off goes to the next", async () => {
  const [a, b] = [await cluster.connect({ sessionTimeoutMs: 4000 }), await cluster.connect()];
  const held = await a.lock("billing").acquire();
  cluster.cut(a);
  await cluster.advance(1000);
  expect(await b.lock("billing").tryAcquire()).toBe(null);
  await cluster.advance(4000);
  expect(held.signal.aborted).toBe(true);
  const next = await b.lock("billing").acquire();
  expect(next.token > held.token).toBe(true);
});
