// A client with a connection and nothing else, who sends what every member would have to work through: ids that parsers go back
// over, lists without end, quotas stuffed with text, and quotas made and unmade above a large tree. It is refused or costs no more
// than its bytes; the other clients do not notice.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteWriter } from "../../src/base/bytes.ts";
import { memoryOf } from "../support/processes.ts";
import { opcodes, ZooKeeperClient } from "../support/zookeeper-client.ts";
import { writeBytes, writeOpenAcl, writeText } from "../support/zookeeper-frames.ts";
import { root } from "./attacks.ts";
import { isOurs, memoryComesBack, Scene } from "./scene.ts";

const setAcl = 7;
const rounds = 20;
const leaves = 20_000;
const p99BoundMs = 200; // quiet it is a few ms; the bound leaves room for a machine that other work shares
const transactionBoundMs = 2000; // 1 MB in one transaction, again and again
const growthMaxMb = 200;

type Entry = readonly [scheme: string, id: string];

function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
  writer.int32(entries.length);
  for (const [scheme, id] of entries) {
    writer.int32(31);
    writeText(writer, scheme);
    writeText(writer, id);
  }
}

const lists: Readonly<Record<string, readonly Entry[]>> = {
  "a certificate's name of blanks": [["x509", `${" ".repeat(20_000)}!`]],
  "a longer one": [["x509", `CN=${" ".repeat(900_000)}!`]],
  "a digest of colons": [["digest", ":".repeat(900_000)]],
  "an address of dots": [["ip", ".".repeat(900_000)]],
  "thirty thousand entries": Array.from({ length: 30_000 }, (_, i) => ["digest", `u${i}:h`] as const),
};

test("lists, quotas and transactions that would keep every member busy are refused, or cost what they are long", {
  timeout: 180_000,
  skip: isOurs ? false : "the reference takes them, and the time",
}, async (t) => {
  await using scene = await Scene.open({
    config: ["enforceQuota=true", "authProvider.1=org.X509AuthenticationProvider"],
  });
  const victim = await scene.victim();
  const quiet = memoryOf(victim.pid, "VmRSS");
  const stranger = await ZooKeeperClient.connect(victim.address);
  for (let round = 0; round < rounds; round++) {
    for (const [name, entries] of Object.entries(lists)) {
      const create = await stranger.request(opcodes.create, (w) => {
        writeText(w, `${root}/n`);
        writeBytes(w, "");
        writeEntries(w, entries);
        w.int32(0);
      });
      assert.equal(create.error, -114, name);
      const set = await stranger.request(setAcl, (w) => {
        writeText(w, root);
        writeEntries(w, entries);
        w.int32(-1);
      });
      assert.equal(set.error, -114, name);
    }
  }
  t.diagnostic(`lists: ${await scene.assertUnharmed(p99BoundMs)}`);

  const quota = `/zookeeper/quota${root}`;
  await stranger.create(quota);
  await stranger.create(`${quota}/zookeeper_limits`, "count=-1");
  for (const part of ["zookeeper_limits", "zookeeper_stats"]) {
    const reply = await stranger.request(opcodes.create, (w) => {
      writeText(w, `${quota}/${part}`);
      writeBytes(w, ",".repeat(1_000_000));
      writeOpenAcl(w);
      w.int32(0);
    });
    assert.equal(reply.error, -8, part);
  }
  for (let i = 0; i < leaves; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, k) => stranger.create(`${root}/leaf-${i + k}`)));
  }
  for (let round = 0; round < 3; round++) {
    const reply = await stranger.request(opcodes.multi, (w) => writeRounds(w, `${quota}/zookeeper_stats`, 3000));
    assert.equal(reply.error, 0);
  }
  t.diagnostic(`quotas: ${await scene.assertUnharmed(transactionBoundMs)}`);
  await stranger.close();
  t.diagnostic(
    `quiet ${quiet.toFixed(0)} MB, afterwards ${(await memoryComesBack(victim, quiet + growthMaxMb)).toFixed(0)} MB`,
  );
});

/** A node made and unmade so many times, in one transaction. */
function writeRounds(writer: ByteWriter, path: string, count: number): void {
  const header = (type: number, done = false) => {
    writer.int32(type);
    writer.boolean(done);
    writer.int32(-1);
  };
  for (let i = 0; i < count; i++) {
    header(opcodes.create);
    writeText(writer, path);
    writeBytes(writer, "");
    writeOpenAcl(writer);
    writer.int32(0);
    header(opcodes.delete);
    writeText(writer, path);
    writer.int32(-1);
  }
  header(-1, true);
}
