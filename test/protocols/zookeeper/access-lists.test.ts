// Access lists as clients send them: null for empty, schemes that nobody set up, more than can be. The codes are those of
// ZooKeeper 3.9.5, asked with the same bytes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ByteWriter } from "../../../src/base/bytes.ts";
import { writeBuffer, writeString } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { readMultiHeader } from "../../../src/protocols/zookeeper/codec/multi.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { ACL_ENTRIES_MAX, ACL_ID_BYTES_MAX, QUOTA_TEXT_BYTES_MAX } from "../../../src/state/tree/limits.ts";
import type { Acl } from "../../../src/state/tree/types.ts";
import * as ask from "./support/requests.ts";
import type { TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

type RawEntry = readonly [scheme: string | null, id: string | null];

function writeEntries(writer: ByteWriter, entries: readonly RawEntry[]): void {
  writer.int32(entries.length);
  for (const [scheme, id] of entries) {
    writer.int32(31);
    writeString(writer, scheme);
    writeString(writer, id);
  }
}

function writeCreate(writer: ByteWriter, entries: readonly RawEntry[]): void {
  writeString(writer, "/n");
  writeBuffer(writer, null);
  writeEntries(writer, entries);
  writer.int32(0);
}

/** What a list is answered with in create, setACL and multi: one code, for they always agree. */
function answerTo(world: World, entries: readonly RawEntry[], proof: readonly [string, string] | null = null): number {
  const client = world.client();
  if (proof !== null) client.call(...ask.auth(...proof));
  client.call(...ask.create("/old"));
  const created = client.call(OPCODE.create, (w) => writeCreate(w, entries)).error;
  client.call(...ask.remove("/n"));
  const set = client.call(OPCODE.setAcl, (w) => {
    writeString(w, "/old");
    writeEntries(w, entries);
    w.int32(-1);
  }).error;
  assert.equal(set, created, "setACL as create");
  assert.equal(inMulti(client, entries), created, "multi as create");
  world.clock.turn();
  const reset = world.client();
  for (const path of ["/n", "/old"]) reset.call(...ask.remove(path));
  return created;
}

function inMulti(client: TestClient, entries: readonly RawEntry[]): number {
  const { error, body } = client.call(OPCODE.multi, (w) => {
    w.int32(OPCODE.create);
    w.boolean(false);
    w.int32(-1);
    writeCreate(w, entries);
    w.int32(-1);
    w.boolean(true);
    w.int32(-1);
  });
  return error === 0 ? readMultiHeader(body).error : error;
}

describe("a null where a text should be", () => {
  const ann = ["digest", "ann:secret"] as const;

  test("the id of auth means nothing, null or not", () => {
    const world = new World();
    for (const id of [null, "", "ignored"]) {
      assert.equal(answerTo(world, [["auth", id]], ann), 0);
      assert.equal(answerTo(world, [["auth", id]]), -114, "who has proved nothing is nobody");
    }
    assert.equal(
      answerTo(
        world,
        [
          ["auth", null],
          ["auth", ""],
        ],
        ann,
      ),
      0,
    );
  });

  test("a null id where the id is looked at cannot be read; where the scheme is refused, or null, the list is invalid", () => {
    const world = new World({ policy: { unknownSchemes: ["sasl", "x509"] } });
    for (const scheme of ["world", "digest", "ip"]) assert.equal(answerTo(world, [[scheme, null]]), -5, scheme);
    for (const scheme of ["sasl", "x509", "super", "nobody", "", null]) {
      assert.equal(answerTo(world, [[scheme, null]]), -114, `${scheme}`);
    }
    for (const id of ["anyone", "", "a:b"]) assert.equal(answerTo(world, [[null, id]]), -114, `null:${id}`);
  });
});

describe("schemes", () => {
  test("that were not set up are refused: nobody could ever prove to be whom they name", () => {
    const ids = { sasl: "bob", x509: "CN=bob", digest: "bob:hash", ip: "127.0.0.1" };
    for (const unknown of ["sasl", "x509", "digest"] as const) {
      const world = new World({ policy: { unknownSchemes: [unknown] } });
      for (const [scheme, id] of Object.entries(ids)) {
        assert.equal(answerTo(world, [[scheme, id]]), scheme === unknown ? -114 : 0, `${scheme} without ${unknown}`);
      }
      assert.equal(
        answerTo(world, [
          ["world", "anyone"],
          [unknown, ids[unknown]],
        ]),
        -114,
      );
    }
  });
});

describe("what can never be is refused before it reaches the log", () => {
  const entries = (count: number): Acl[] =>
    Array.from({ length: count }, (_, i) => ({ perms: 31, scheme: "digest", id: `u${i}:hash` }));
  const long: Acl[] = [{ perms: 31, scheme: "x509", id: `CN=${" ".repeat(ACL_ID_BYTES_MAX)}` }];
  const limits = "/zookeeper/quota/a/zookeeper_limits";
  const text = new Uint8Array(QUOTA_TEXT_BYTES_MAX + 1);

  test("a list of too many entries, an id or a quota's text that is too long, a reconfiguration beyond measure", () => {
    const world = new World({ policy: { reconfig: true } });
    const client = world.client();
    for (const path of ["/a", "/zookeeper/quota/a"]) client.call(...ask.create(path));
    client.call(...ask.create(limits, { data: null }));
    const { sequence: revision } = world.member.machine;
    for (const [request, code] of [
      [ask.create("/n", { acl: entries(ACL_ENTRIES_MAX + 1) }), -114],
      [ask.create("/n", { acl: long, opcode: OPCODE.create2 }), -114],
      [ask.create("/n", { acl: long, opcode: OPCODE.createContainer, flags: 4 }), -114],
      [ask.setAcl("/a", entries(20_000)), -114],
      [ask.setData(limits, text), -8],
      [ask.create("/zookeeper/quota/a/zookeeper_stats", { data: text }), -8],
      [ask.reconfig({ newMembers: "x".repeat(100_000) }), -8],
    ] as const) {
      assert.equal(client.call(...request).error, code);
    }
    assert.equal(world.member.machine.sequence, revision, "nothing was proposed");
    assert.equal(client.call(...ask.setAcl("/a", entries(ACL_ENTRIES_MAX))).error, 0);
  });

  test("in a multi the part that cannot be is named, and its answer waits for its turn", () => {
    const world = new World();
    const client = world.client();
    world.member.isHeld = true;
    const created = client.send(...ask.create("/a"));
    const bad = {
      kind: "create",
      opcode: OPCODE.create,
      request: { path: "/b", data: null, acl: long, flags: 0 },
    } as const;
    const refused = client.send(...ask.multi(ask.inMulti.create("/c"), bad, ask.inMulti.create("/d")));
    const read = client.send(...ask.exists("/c"));
    world.clock.turn();
    assert.deepEqual(client.takeStory(), []);
    assert.equal(world.member.proposed, 1);
    world.member.agree();
    const replies = client.takeReplies();
    assert.deepEqual(
      replies.map(({ xid, error }) => [xid, error]),
      [
        [created, 0],
        [refused, 0],
        [read, -101],
      ],
    );
    const { body } = replies[1]!;
    const codes = [0, 1, 2].map(() => {
      readMultiHeader(body);
      return body.int32();
    });
    assert.deepEqual(codes, [0, -114, -2]);
  });
});
