// The way out where members end at an entry: left out by its index, it does nothing, and what follows is there.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { untilTold, withEnsemble } from "./story.ts";

test("an entry that is to be skipped does nothing at the next start, is named in the log, and the rest is there", async () => {
  await withEnsemble({ members: 1 }, async ({ members: [member] }) => {
    const lastIndex = async () => (JSON.parse(await member!.ask("memb")) as { lastIndex: number }).lastIndex;
    await untilTold(member!, /members are described as of feature level 1/); // by entries of its own, the last of its start
    const client = await ZooKeeperClient.connect(member!.address);
    await client.create("/before", "");
    await client.create("/skipped", "");
    const index = await lastIndex();
    await client.create("/after", "");
    await member!.kill("SIGKILL");
    writeFileSync(member!.configFile, `${readFileSync(member!.configFile, "utf8")}\nskipEntries=${index}\n`);
    await member!.restart();
    await untilTold(member!, new RegExp(`entry ${index} is skipped, as skipEntries says`));
    const again = await ZooKeeperClient.connect(member!.address);
    assert.ok(await again.exists("/before"));
    assert.equal(await again.exists("/skipped"), null);
    assert.ok(await again.exists("/after"));
    await again.close();
  });
});
