import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  formatServerLine,
  parseServerLine,
  SERVER_LINE_CHARACTERS_MAX,
  type ServerLine,
} from "../../src/base/server-line.ts";

test("every form is written back as ZooKeeper writes it, and that says the same", () => {
  const forms: readonly (readonly [given: string, canonical: string])[] = [
    ["zoo1:2888:3888", "zoo1:2888:3888:participant"],
    ["zoo1:2888:3888;", "zoo1:2888:3888:participant"],
    ["zoo1:2888:3888:OBSERVER;2181", "zoo1:2888:3888:observer;0.0.0.0:2181"],
    [" zoo1 : 2888 : 3888 : observer ; 2181 ", "zoo1:2888:3888:observer;0.0.0.0:2181"],
    ["zoo1:02888:3888;10.0.0.1:2181", "zoo1:2888:3888:participant;10.0.0.1:2181"],
    ["zoo1:2888:3888;2181;2281", "zoo1:2888:3888:participant;0.0.0.0:2181;0.0.0.0:2281"],
    ["zoo1:2888:3888;;", "zoo1:2888:3888:participant"],
    ["zoo1:2888:3888;;2281", "zoo1:2888:3888:participant;;0.0.0.0:2281"],
    ["zoo1:2888:3888:observer;;[::]:2281", "zoo1:2888:3888:observer;;[::]:2281"],
    ["[::1]:2888:3888;[fe80::1%eth0]:2181", "[::1]:2888:3888:participant;[fe80::1%eth0]:2181"],
    ["[10.0.0.1]:2888:3888", "10.0.0.1:2888:3888:participant"],
    ["a:1:2|b:3:4;5", "a:1:2|b:3:4:participant;0.0.0.0:5"],
    ["b:1:2:observer|[::1]:3:4|a:5:6;;h:7", "[::1]:3:4|a:5:6|b:1:2:observer;;h:7"],
    ["a:1:2:observer|b:3:4:observer;*:5", "a:1:2|b:3:4:observer;*:5"],
  ];
  for (const [given, canonical] of forms) {
    const line = parseServerLine(given);
    assert.ok(typeof line !== "string", `${given}: ${line}`);
    assert.equal(formatServerLine(line), canonical, given);
    const again = parseServerLine(canonical);
    assert.ok(typeof again !== "string", canonical);
    assert.equal(formatServerLine(again), canonical);
  }
});

test("whatever a line holds comes back from its text", () => {
  const random = seededRandom(1);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const hosts = ["zoo1", "10.0.0.1", "::1", "2001:db8::7", "a-b.example.org", "fe80::1%eth0", "_x"];
  const endpoint = (): Endpoint | null => {
    if (random.chance(0.3)) return null;
    return { host: pick(hosts), port: random.below(65_536) };
  };
  for (let round = 0; round < 3000; round++) {
    const addresses = Array.from({ length: 1 + random.below(3) }, () => {
      const peerPort = random.below(65_536);
      return { host: pick(hosts), peerPort, electionPort: (peerPort + 1) % 65_536 };
    });
    const role = pick(["participant", "observer"] as const);
    const line: ServerLine = { role, addresses, client: endpoint(), secureClient: endpoint() };
    const text = formatServerLine(line);
    const parsed = parseServerLine(text);
    assert.ok(typeof parsed !== "string", `${text}: ${parsed}`);
    const byText = (each: object): string => JSON.stringify(each);
    assert.deepEqual([parsed.role, parsed.client, parsed.secureClient], [role, line.client, line.secureClient], text);
    assert.deepEqual(parsed.addresses.map(byText).sort(), addresses.map(byText).sort(), text);
  }
});

test("what is no server line is told what is wrong, and nothing is thrown", () => {
  const wrong = [
    "",
    ";",
    "|",
    "zoo1",
    "zoo1:2888",
    ":2888:3888",
    "zoo1:2888:3888:leader",
    "zoo1:2888:2888",
    "zoo1:2888:65536",
    "zoo1:-1:3888",
    "zoo1:2888:3888:participant:x",
    "zoo1:2888:3888;2181;2281;3",
    "zoo1:2888:3888;;;",
    "[::1:2888:3888",
    "[zoo1]:2888:3888",
    "[::1]x:2888:3888",
    "fe80::1:2888:3888",
    "a:1:2:observer|b:3:4:participant",
    "a:1:2|",
    "zoo1:2888:3888;a:b:c",
    "zoo1:2888:3888;a:",
    "zoo,1:2888:3888",
    "zoo=1:2888:3888",
    "zo o:2888:3888",
    "zoö:2888:3888",
    "zoo\0:2888:3888",
  ];
  for (const text of wrong) assert.equal(typeof parseServerLine(text), "string", text);
});

test("a line of any length is read in linear time, and a long one is refused", () => {
  const begun = performance.now();
  for (const filling of ["a", ":", "|", ";", "[", "]", "1", " x", "a:1:2|", "[::1]:1:2|", "%", "\0"]) {
    const text = filling.repeat(Math.ceil(1_000_000 / filling.length));
    for (const line of [text, `a:1:2;${text}`, `${text}:1:2`, `[${text}]:1:2`]) {
      const parsed = parseServerLine(line);
      assert.ok(typeof parsed === "string", `${filling} many times`);
      assert.ok(parsed.length < 400, "the text is not said back whole");
    }
  }
  assert.ok(performance.now() - begun < 30_000);
  const longest = `${"h".repeat(SERVER_LINE_CHARACTERS_MAX - ":1:2:participant".length)}:1:2`;
  assert.equal(typeof parseServerLine(longest), "object");
  assert.equal(typeof parseServerLine(`h${longest}`), "string");
});
