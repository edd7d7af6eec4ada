// Apache's own Java client against the ensemble: the source document's lock, then the client's whole interface.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../support/program.ts";
import { java } from "./java.ts";
import { prepareStage } from "./stage.ts";

const extendedTypes = "extendedTypesEnabled=true";
const quickReaper = "znode.container.checkIntervalMs=500";
const stage = await prepareStage({
  runtime: java,
  config: [extendedTypes, quickReaper],
  // ZooKeeper reads the container check's interval as a property of the virtual machine only.
  runtimeOptions: (flavour) => (flavour === "zookeeper" ? [`-D${quickReaper}`] : []),
});

const folder = mkdtempSync(join(tmpdir(), "cabildo-lock-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

stage.scenario("the document's lock: two processes take turns, one inside at a time", async ({ runtime, ensemble }) => {
  const lock = (rounds: number) =>
    runtime.program("DistributedLock", ensemble.connectString, "/mi_lock", join(folder, "turns"), `${rounds}`, "200");
  await using first = new Program(lock(4), []);
  await using second = new Program(lock(4), []);
  for (const program of [first, second]) {
    await program.line("end");
    assert.equal(await program.ended, 0, program.transcript());
    assert.equal(program.lines.filter((line) => line === "inside").length, 4, program.transcript());
  }
  const waited = [...first.lines, ...second.lines].filter((line) => line === "busy").length;
  assert.ok(waited > 0, "the two met at least once");
});

stage.scenario(
  "the document's lock: when its holder is killed, the next gets it as the session expires",
  async (actors) => {
    const { runtime, ensemble } = actors;
    const inside = join(folder, "killed");
    const lock = (insideMs: number) =>
      runtime.program("DistributedLock", ensemble.connectString, "/mi_lock", inside, "1", `${insideMs}`);
    await using holder = new Program(lock(3_600_000), []);
    await holder.line("inside");
    await using waiter = new Program(lock(0), []);
    await waiter.line("busy");
    await holder.kill("SIGKILL");
    const killedAt = performance.now();
    assert.ok(!waiter.lines.includes("acquired"), "the lock is the dead holder's until its session expires");
    rmSync(inside);
    await waiter.line("acquired", { withinMs: 20_000 });
    const waitedMs = performance.now() - killedAt;
    // The session asks for 3 s and is given 4 (two ticks); heartbeats come at a third of it, and the waiter looks once a second.
    assert.ok(waitedMs > 2000, `expired after ${waitedMs} ms: a session lives at least its timeout less one heartbeat`);
    assert.equal(await waiter.ended, 0, waiter.transcript());
  },
);

stage.scenario("the document's lock: the ensemble's leader dies while it is held and waited for", async (actors) => {
  const { runtime, ensemble, killLeader } = actors;
  const inside = join(folder, "failover");
  const lock = (insideMs: number) =>
    runtime.program("DistributedLock", ensemble.connectString, "/mi_lock", inside, "2", `${insideMs}`);
  await using first = new Program(lock(3000), []);
  await first.line("inside");
  await using second = new Program(lock(500), []);
  await second.line("busy");
  await killLeader();
  for (const program of [first, second]) {
    await program.line("end");
    assert.equal(await program.ended, 0, program.transcript());
  }
});

stage.laws("Apache's Java client keeps its promises", (runtime, servers) => runtime.program("ApacheClient", servers));
