// A disk that is really full: the member refuses writes, serves reads, and takes writes again by itself once there is room.
// Nothing that it acknowledged is lost.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Ensemble } from "../../support/ensemble.ts";
import { SmallDisk } from "../../support/small-disk.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { assertHoldsAll, codeOf, until, untilTold, withEnsemble } from "./story.ts";

const MiB = 1024 * 1024;
const value = "x".repeat(32 * 1024);
const skip = SmallDisk.whyNot() ?? false;
const config = ["preAllocSize=1024"]; // KiB

/** Members, each with a disk of so many bytes. */
async function withSmallDisks(
  options: { members: number; bytes: number; config?: readonly string[] },
  story: (ensemble: Ensemble, disks: readonly SmallDisk[]) => Promise<void>,
): Promise<void> {
  const dataRoot = mkdtempSync(join(tmpdir(), "cabildo-full-"));
  const disks: SmallDisk[] = [];
  try {
    for (let id = 1; id <= options.members; id++) {
      const disk = new SmallDisk(join(dataRoot, `member-${id}`, "data"), options.bytes);
      disks.push(disk);
    }
    const settings = [...config, ...(options.config ?? [])];
    await withEnsemble({ members: options.members, config: settings, dataRoot }, (ensemble) => story(ensemble, disks));
  } finally {
    for (const disk of disks) disk[Symbol.dispose]();
    rmSync(dataRoot, { recursive: true, force: true });
  }
}

/** Creates nodes until one is refused; gives the acknowledged ones and the error. */
async function writeUntilRefused(client: ZooKeeperClient, prefix: string): Promise<{ names: string[]; code: number }> {
  const names: string[] = [];
  for (let i = 0; i < 2000; i++) {
    const code = await codeOf(client.create(`/${prefix}${i}`, value));
    if (code !== 0) return { names, code };
    names.push(`${prefix}${i}`);
  }
  throw new Error("it never filled up");
}

async function writeSome(client: ZooKeeperClient, prefix: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  for (let i = 0; i < count; i += 20) {
    await Promise.all(names.slice(i, i + 20).map((name) => client.create(`/${name}`, value)));
  }
  return names;
}

async function isTaken(client: ZooKeeperClient, path: string): Promise<boolean> {
  const code = await codeOf(client.create(path, "small"));
  assert.ok(code === 0 || code === -1, `${path}: ${code}`);
  return code === 0;
}

const alone = { members: 1, bytes: 24 * MiB };
const three = { members: 3, bytes: 40 * MiB };

test("alone on a full disk: writes are refused, reads go on, and room ends it", { skip }, async () => {
  await withSmallDisks(alone, async (ensemble, [disk]) => {
    const [member] = ensemble.members;
    disk!.fill(14 * MiB);
    const client = await ZooKeeperClient.connect(member!.address);
    const { names, code } = await writeUntilRefused(client, "a");
    assert.equal(code, -1);
    assert.ok(names.length > 50);
    assert.match(member!.log(), /the disk is full: this member refuses writes, serves reads/);
    assert.equal((await client.getData(`/${names.at(-1)}`)).data, value);
    assert.equal(await isTaken(client, "/small"), false);

    disk!.free();
    await until("it takes writes again", () => isTaken(client, "/small"));
    assert.match(member!.log(), /the disk has room again: this member takes writes/);
    await assertHoldsAll(client, "/", [...names, "small"]);
    await client.close();
  });
});

test("a member that is started on its full disk lives, and nothing that it acknowledged is lost", {
  skip,
}, async () => {
  await withSmallDisks(alone, async (ensemble, [disk]) => {
    const [member] = ensemble.members;
    disk!.fill(14 * MiB);
    const { names } = await writeUntilRefused(await ZooKeeperClient.connect(member!.address), "a");
    for (let times = 0; times < 3; times++) {
      await member!.kill("SIGKILL");
      await member!.restart();
      await ensemble.waitReady(); // fails if it has ended
    }
    disk!.free();
    let client: ZooKeeperClient | undefined;
    await until("a session", async () => {
      client = await ZooKeeperClient.connect(member!.address).catch(() => undefined);
      return client !== undefined;
    });
    await until("it takes writes", () => isTaken(client!, "/small"));
    await assertHoldsAll(client!, "/", [...names, "small"]);
    await client!.close();
  });
});

test("one follower's full disk stops nobody else, and it catches up once there is room", { skip }, async () => {
  await withSmallDisks(three, async (ensemble, disks) => {
    const leader = await ensemble.leader();
    const follower = ensemble.members.find(({ id }) => id !== leader.id)!;
    const onFollower = await ZooKeeperClient.connect(follower.address);
    const onLeader = await ZooKeeperClient.connect(leader.address);
    disks[follower.id - 1]!.fill(30 * MiB);
    const names = await writeSome(onLeader, "a", 500); // 16 MB, which it has no room for
    await until("the follower is full", async () => /the disk is full/.test(follower.log()));
    names.push(...(await writeSome(onLeader, "b", 20)));
    assert.equal(await isTaken(onFollower, "/refused"), false);
    assert.ok(await onFollower.exists(`/${names[0]}`), "it is read from");
    assert.equal((await ensemble.leader()).id, leader.id);

    disks[follower.id - 1]!.free();
    await until("the follower takes writes", () => isTaken(onFollower, "/taken"));
    await onFollower.sync();
    await assertHoldsAll(onFollower, "/", [...names, "taken"]);
    await Promise.all([onLeader.close(), onFollower.close()]);
  });
});

test("a leader whose disk is full hands leadership over", { skip }, async () => {
  await withSmallDisks(three, async (ensemble, disks) => {
    const leader = await ensemble.leader();
    const other = ensemble.members.find(({ id }) => id !== leader.id)!;
    const onOther = await ZooKeeperClient.connect(other.address);
    disks[leader.id - 1]!.fill(30 * MiB);
    const names = await writeSome(onOther, "a", 500);
    await until("the leader is full", async () => /the disk is full/.test(leader.log()));
    await until("another leads", async () => (await ensemble.leader()).id !== leader.id);
    names.push(...(await writeSome(onOther, "b", 20)));

    disks[leader.id - 1]!.free();
    await until("it has room", async () => /the disk has room again/.test(leader.log()));
    const onOld = await ZooKeeperClient.connect(leader.address);
    await onOld.sync();
    await assertHoldsAll(onOld, "/", names);
    await Promise.all([onOther.close(), onOld.close()]);
  });
});

test("a snapshot that a full disk has no room for waits for it, and the member lives", { skip }, async () => {
  // Room for all that the others keep: a leader keeps its log for a while for a member that is just gone.
  const roomy = { members: 3, bytes: 160 * MiB, config: ["snapCount=100"] };
  await withSmallDisks(roomy, async (ensemble, disks) => {
    const leader = await ensemble.leader();
    const behind = ensemble.members.find(({ id }) => id !== leader.id)!;
    const client = await ZooKeeperClient.connect(leader.address);
    const names = await writeSome(client, "a", 30);
    // Their names tell where they begin.
    const logFiles = () =>
      readdirSync(leader.dataDirectory)
        .filter((name) => /^log-[0-9]+$/.test(name))
        .sort();
    await behind.kill("SIGKILL");
    disks[behind.id - 1]!.fillUp();
    let last = "";
    const overwrite = async (data: string) => {
      last = data;
      await Promise.all(names.map((name) => client.setData(`/${name}`, data)));
    };
    await overwrite(`lacking ${value}`);
    const lacking = logFiles().at(-1)!;
    for (let round = 0; round < 30; round++) await overwrite(`${round}${value}`);
    // Small writes from here, which take no room, until the leader has neither in memory nor in its log what is lacking.
    for (let round = 0; logFiles()[0]! <= lacking; round++) {
      assert.ok(round < 1000, "the leader lets what is lacking go");
      await overwrite(`small ${round}`);
      await setTimeout(30);
    }
    names.push(...(await writeSome(client, "b", 400))); // a snapshot of more than the member gives up as it starts
    await behind.restart();
    await untilTold(behind, /no room for .*snapshot-.*, a snapshot of the leader's: it waits until there is/);
    const { pid } = behind;
    await client.create("/meanwhile");
    assert.equal(behind.pid, pid, "it lives");

    disks[behind.id - 1]!.free();
    await untilTold(behind, /installed the leader's snapshot/);
    const reader = await ZooKeeperClient.connect(behind.address);
    await reader.sync();
    await assertHoldsAll(reader, "/", [...names, "meanwhile"]);
    assert.equal((await reader.getData(`/${names[0]}`)).data, last);
    assert.equal(behind.pid, pid);
    await Promise.all([client.close(), reader.close()]);
  });
});
