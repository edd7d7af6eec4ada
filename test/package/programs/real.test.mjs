// A program's test on real members, in Jest as in vitest.
import { startCluster } from "cabildo/testing";

let cluster;
beforeAll(async () => {
  cluster = await startCluster({ members: 3 });
});
afterAll(() => cluster.close());

test("a counter goes on when a member dies", async () => {
  const c = await cluster.connect();
  const before = await c.counter("orders").get();
  await cluster.kill(cluster.leader);
  expect(await c.counter("orders").get()).toBe(before);
  await c.close();
});
