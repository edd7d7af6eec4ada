import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProperties } from "../../../src/server/configuration/properties.ts";

const pairs = (text: string) => parseProperties(text).map(({ key, value }) => [key, value]);

test("key and value are parted by =, : or blanks, with blanks around", () => {
  assert.deepEqual(pairs("a=1\nb: 2\nc 3\n  d\t=  4 \ne = = 5"), [
    ["a", "1"],
    ["b", "2"],
    ["c", "3"],
    ["d", "4 "],
    ["e", "= 5"],
  ]);
});

test("a key alone has an empty value", () => {
  assert.deepEqual(pairs("lonely\nalso="), [
    ["lonely", ""],
    ["also", ""],
  ]);
});

test("comments begin a line with # or !, and are not continued by a backslash", () => {
  assert.deepEqual(pairs("# note \\\na=1\n   ! other\nb=#2"), [
    ["a", "1"],
    ["b", "#2"],
  ]);
});

test("a line that ends in a backslash goes on in the next, without its leading blanks", () => {
  assert.deepEqual(pairs("whitelist=stat,\\\n    ruok, \\\n\tconf\nb=2"), [
    ["whitelist", "stat,ruok, conf"],
    ["b", "2"],
  ]);
});

test("two backslashes at the end of a line are one, and end it", () => {
  assert.deepEqual(pairs("dir=C:\\\\data\\\\\nb=2"), [
    ["dir", "C:\\data\\"],
    ["b", "2"],
  ]);
});

test("escapes: control characters, unicode, and separators within a key", () => {
  assert.deepEqual(pairs("a\\=b\\:c=\\t\\u00e9\\q"), [["a=b:c", "\té" + "q"]]);
});

test("every property knows the line it began in, whatever ends the lines", () => {
  const found = parseProperties("\uFEFFa=1\r\n\r\nb=\\\r\n 2\rc=3");
  assert.deepEqual(found, [
    { key: "a", value: "1", line: 1 },
    { key: "b", value: "2", line: 3 },
    { key: "c", value: "3", line: 5 },
  ]);
});
