// A client that tries one password after another for the super user, over as many connections as it may have.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { memoryOf } from "../support/processes.ts";
import { ZooKeeperClient, ZooKeeperError } from "../support/zookeeper-client.ts";
import { isOurs, logs, memoryComesBack, Scene } from "./scene.ts";

const connections = 40;
const guessingMs = 5000;
const free = 10; // then one a second
const p99BoundMs = 200; // quiet it is a few ms; the bound leaves room for a machine that other work shares
const growthMaxMb = 100;
const superDigest = `super:${createHash("sha1").update("super:right").digest("base64")}`;

test("guessing the super user's password is slow over all connections, is logged, and is nobody else's trouble", {
  timeout: 120_000,
  skip: isOurs ? false : "the reference answers every guess",
}, async (t) => {
  await using scene = await Scene.open({
    config: ["maxClientCnxns=0", `DigestAuthenticationProvider.superDigest=${superDigest}`],
  });
  const victim = await scene.victim();
  const quiet = memoryOf(victim.pid, "VmRSS");
  const began = performance.now();
  let lookedAt = 0;
  let tried = 0;
  const guess = async () => {
    while (performance.now() - began < guessingMs) {
      const client = await ZooKeeperClient.connect(victim.address);
      tried += 1;
      try {
        await client.addAuth("digest", `super:guess-${tried}`);
        lookedAt += 1;
      } catch (error) {
        assert.ok(error instanceof ZooKeeperError && error.code === -115, String(error));
      }
      client.destroy();
    }
  };
  await Promise.all(Array.from({ length: connections }, guess));
  const seconds = (performance.now() - began) / 1000;
  assert.ok(
    lookedAt <= free + seconds + 1,
    `${lookedAt} of ${tried} guesses in ${seconds.toFixed(1)} s were looked at`,
  );
  await logs(victim, /client 127\.0\.0\.1:\d+.*wrong password for the super user, \d+ from this address lately/);
  assert.ok(!victim.log().includes("guess-"), "what was tried stays out of the log");

  const user = await ZooKeeperClient.connect(victim.address);
  await user.addAuth("digest", "ann:secret");
  await user.close();
  t.diagnostic(`${lookedAt} of ${tried} were looked at; the other clients: ${await scene.assertUnharmed(p99BoundMs)}`);
  t.diagnostic(
    `quiet ${quiet.toFixed(0)} MB, afterwards ${(await memoryComesBack(victim, quiet + growthMaxMb)).toFixed(0)} MB`,
  );
});
