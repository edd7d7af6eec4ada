// Fake timers of Jest and of vitest do not hold virtual time up.
import { virtualCluster } from "cabildo/testing";

test("virtual time passes while all of the runner's timers are faked", async () => {
  const runner = globalThis.vi ?? (await import("@jest/globals")).jest;
  runner.useFakeTimers();
  try {
    const cluster = await virtualCluster();
    const c = await cluster.connect();
    const before = cluster.now;
    await cluster.advance(5000);
    expect(cluster.now - before).toBe(5000);
    expect(await c.lock("x").run(() => "done")).toBe("done");
    await cluster.close();
  } finally {
    runner.useRealTimers();
  }
});
