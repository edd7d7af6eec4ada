// The operators' token on the disk: drawn once, durable, and never lost to a power cut for good.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openOperatorToken } from "../../src/server/operator-token.ts";

const dataDir = mkdtempSync(join(tmpdir(), "cabildo-token-"));
after(() => rmSync(dataDir, { recursive: true }));
const path = join(dataDir, "operator-token");

test("a token is drawn once, synced, and for its owner alone", async (t) => {
  const probe = await fs.open(path, "w");
  const sync = t.mock.method(Object.getPrototypeOf(probe), "sync");
  await probe.close();
  rmSync(path);
  const token = await openOperatorToken({ dataDir, tokenFile: null });
  assert.equal(sync.mock.callCount(), 1);
  assert.equal(token.length, 43);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dataDir), ["operator-token"]);
  assert.equal(await openOperatorToken({ dataDir, tokenFile: null }), token);
});

test("an empty file that a power loss left is drawn anew; one that holds something else, or is named, is not", async () => {
  for (const left of ["", "\n", "\0".repeat(44)]) {
    writeFileSync(path, left);
    assert.match(await openOperatorToken({ dataDir, tokenFile: null }), /^[\w-]{43}$/);
  }
  writeFileSync(path, "short\n");
  await assert.rejects(openOperatorToken({ dataDir, tokenFile: null }), { code: "configuration" });
  assert.equal(readFileSync(path, "utf8"), "short\n");
  writeFileSync(path, "");
  await assert.rejects(openOperatorToken({ dataDir, tokenFile: path }), { code: "configuration" });
});
