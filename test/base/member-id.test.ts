import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, ByteWriter, MalformedError } from "../../src/base/bytes.ts";
import {
  MEMBER_ID_MAX,
  parseMemberId,
  readMemberId,
  readMemberIdOrNone,
  writeMemberId,
} from "../../src/base/member-id.ts";

test("a member's number is any from 0 to 2³¹ − 1, as text and as bytes", () => {
  for (const id of [0, 1, 255, 256, 999, 2 ** 24, MEMBER_ID_MAX]) {
    assert.equal(parseMemberId(String(id)), id);
    const writer = new ByteWriter(4);
    writeMemberId(writer, id);
    assert.equal(readMemberId(new ByteReader(writer.copy())), id);
  }
  assert.equal(parseMemberId("007"), 7);
  for (const text of ["", "-1", "+1", "1.0", "0x1", " 1", String(MEMBER_ID_MAX + 1), "99999999999"]) {
    assert.equal(parseMemberId(text), null, text);
  }
});

test("nobody is named by no number of a member", () => {
  const writer = new ByteWriter(4);
  writeMemberId(writer, null);
  assert.equal(readMemberIdOrNone(new ByteReader(writer.copy())), null);
  assert.throws(() => readMemberId(new ByteReader(writer.copy())), MalformedError);
  assert.throws(() => readMemberIdOrNone(new ByteReader(Uint8Array.of(0x80, 0, 0, 0))), MalformedError);
});
