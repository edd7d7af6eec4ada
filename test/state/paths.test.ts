import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, toByteString } from "../../src/base/text.ts";
import { isValidPath, lastSlashOf } from "../../src/state/tree/paths.ts";

function isValid(byteString: string): boolean {
  const bytes = bytesOf(`xx${byteString}yy`); // never at the beginning or the end of what it is read from
  return isValidPath(bytes, 2, bytes.length - 2);
}

test("a path is absolute, without empty segments, and ends with a name", () => {
  for (const path of ["/", "/a", "/a/b", "/a b/c", "/.../..a/.b/c./d..", "/~!@#$%^&*()"])
    assert.ok(isValid(path), path);
  for (const path of ["", "a", "a/b", "//", "//a", "/a//b", "/a/", "/a/b/"]) assert.ok(!isValid(path), path);
});

test(". and .. are no names", () => {
  for (const path of ["/.", "/..", "/a/.", "/a/..", "/./a", "/../a", "/a/./b", "/a/../b"])
    assert.ok(!isValid(path), path);
});

test("control characters, private ones, specials and all beyond U+FFFF are refused, and nothing else of Unicode", () => {
  for (let code = 1; code < 0x11000; code++) {
    if (code === 0x2f || (code >= 0xd800 && code <= 0xdfff)) continue;
    const isRefused =
      code <= 0x1f ||
      (code >= 0x7f && code <= 0x9f) ||
      (code >= 0xe000 && code <= 0xf8ff) ||
      (code >= 0xfff0 && code <= 0xffff) ||
      code > 0xffff;
    const path = toByteString(`/a${String.fromCodePoint(code)}b`);
    assert.equal(isValid(path), !isRefused, `U+${code.toString(16)}`);
  }
  assert.ok(!isValid("/a\0b"));
});

test("bytes that are not UTF-8 are no path", () => {
  const cut = ["/\xc3", "/\xe2\x82", "/\xe2", "/a\x80", "/\xc3/a", "/\xe2\x82/"];
  const overlong = ["/\xc0\x80", "/\xc1\xbf", "/\xe0\x80\x80", "/\xe0\x9f\xbf"];
  const surrogates = ["/\xed\xa0\x80", "/\xed\xbf\xbf"];
  for (const path of [...cut, ...overlong, ...surrogates, "/\xf0\x9f\x98\x80", "/\xff"])
    assert.ok(!isValid(path), path);
});

test("the last slash parts the parent from the name; a NUL anywhere makes it no path", () => {
  assert.equal(lastSlashOf(bytesOf("/a/b"), 0, 4), 2);
  assert.equal(lastSlashOf(bytesOf("abc"), 0, 3), -1);
  assert.equal(lastSlashOf(bytesOf("/a\0b/c"), 0, 6), -1);
  assert.equal(lastSlashOf(bytesOf("/a/b/c"), 0, 4), 2);
});
