import assert from "node:assert/strict";
import { test } from "node:test";
import { fromByteString } from "../../../src/base/text.ts";
import { readText } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { OPEN_ACL, readStat } from "../../../src/protocols/zookeeper/codec/records.ts";
import { readChildren, readData } from "../../../src/protocols/zookeeper/codec/replies.ts";
import {
  writeCreate,
  writePathVersion,
  writePathWatch,
  writeSetData,
} from "../../../src/protocols/zookeeper/codec/requests.ts";
import { Leases } from "../../../src/state/leases/leases.ts";
import { text } from "./support/test-client.ts";
import { World } from "./support/world.ts";

test("a client connects, creates, reads, changes, lists, deletes and goes", () => {
  const world = new World();
  const client = world.dial();
  const greeting = client.connect({ timeoutMs: 10_000 });
  assert.equal(greeting?.timeoutMs, 10_000);
  assert.equal(greeting?.readOnly, false);
  assert.notEqual(greeting?.sessionId, 0);

  const created = client.call(OPCODE.create, (w) =>
    writeCreate(w, { path: "/a", data: text("one"), acl: OPEN_ACL, flags: 0 }),
  );
  assert.equal(created.error, 0);
  assert.equal(readText(created.body), "/a");
  assert.equal(created.zxid, 2);

  const { data, stat } = readData(
    client.call(OPCODE.getData, (w) => writePathWatch(w, { path: "/a", watch: false })).body,
  );
  assert.equal(fromByteString(String.fromCharCode(...data!)), "one");
  assert.equal(stat.czxid, 2);

  const changed = client.call(OPCODE.setData, (w) => writeSetData(w, { path: "/a", data: text("two"), version: 0 }));
  assert.equal(readStat(changed.body).version, 1);

  const children = client.call(OPCODE.getChildren, (w) => writePathWatch(w, { path: "/", watch: false }));
  assert.deepEqual([...readChildren(children.body)].sort(), ["a", "zookeeper"]);

  assert.equal(client.call(OPCODE.delete, (w) => writePathVersion(w, { path: "/a", version: 5 })).error, -103);
  assert.equal(client.call(OPCODE.delete, (w) => writePathVersion(w, { path: "/a", version: 1 })).error, 0);
  assert.equal(client.call(OPCODE.exists, (w) => writePathWatch(w, { path: "/a", watch: false })).error, -101);
  assert.equal(client.call(OPCODE.ping, () => {}, -2).error, 0);

  assert.equal(client.call(OPCODE.closeSession).error, 0);
  assert.equal(client.isClosed, true);
  assert.equal(world.member.machine.model(Leases).get(client.sessionId), undefined);
  assert.equal(world.service.outstanding, 0);
});
