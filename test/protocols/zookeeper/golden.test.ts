// Every operation as bytes: what is asked and what is answered stand in golden/NAME.txt, one exchange a paragraph. Run
// with UPDATE=1 to write them anew, and review the difference like code.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ByteReader, ByteWriter } from "../../../src/base/bytes.ts";
import { readBuffer, readString, writeBuffer, writeString } from "../../../src/protocols/zookeeper/codec/jute.ts";
import { readMulti, writeMulti } from "../../../src/protocols/zookeeper/codec/multi.ts";
import { OPCODE } from "../../../src/protocols/zookeeper/codec/opcodes.ts";
import { readConnectRequest, writeConnectRequest } from "../../../src/protocols/zookeeper/codec/records.ts";
import * as requests from "../../../src/protocols/zookeeper/codec/requests.ts";
import { OPERATIONS } from "../../../src/protocols/zookeeper/operations/index.ts";
import * as ask from "./support/requests.ts";
import { frameOf, type TestClient } from "./support/test-client.ts";
import { World } from "./support/world.ts";

const folder = join(fileURLToPath(import.meta.url), "..", "golden");
const isWriting = process.env["UPDATE"] === "1";
const digestAcl = [{ perms: 31, scheme: "digest", id: "joe:bm9uZQ==" }];

/** By operation: what is said before, silently; then each exchange with its title. */
interface Golden {
  readonly before?: readonly ask.Request[];
  readonly exchanges: readonly (readonly [title: string, request: ask.Request])[];
}

const GOLDEN: Readonly<Record<string, Golden>> = {
  create: {
    exchanges: [
      ["a persistent node", ask.create("/a")],
      ["it is there already", ask.create("/a")],
      ["ephemeral and sequential, without data", ask.create("/s-", { flags: 3, data: null })],
      [
        "a name beyond ASCII, empty data, a list of access rights",
        ask.create(`/${String.fromCharCode(0xc3, 0xb1)}`, { data: new Uint8Array(0), acl: digestAcl }),
      ],
      ["no access list at all", ask.create("/b", { acl: null })],
    ],
  },
  create2: { exchanges: [["a node, answered with its stat", ask.create("/a", { opcode: OPCODE.create2 })]] },
  createContainer: { exchanges: [["a container", ask.create("/c", { opcode: OPCODE.createContainer, flags: 4 })]] },
  createTTL: {
    exchanges: [
      ["a node that lives a minute", ask.createTtl("/t", 5, 60_000)],
      ["no time at all", ask.createTtl("/u", 5, 0)],
    ],
  },
  delete: {
    before: [ask.create("/a")],
    exchanges: [
      ["another version", ask.remove("/a", 3)],
      ["whatever version", ask.remove("/a")],
      ["not there", ask.remove("/a")],
    ],
  },
  exists: {
    before: [ask.create("/a")],
    exchanges: [
      ["there", ask.exists("/a")],
      ["not there, watched", ask.exists("/b", true)],
    ],
  },
  getData: {
    before: [ask.create("/a"), ask.create("/null", { data: null }), ask.create("/empty", { data: new Uint8Array(0) })],
    exchanges: [
      ["data", ask.getData("/a")],
      ["no data", ask.getData("/null")],
      ["empty data", ask.getData("/empty", true)],
      ["not there", ask.getData("/b")],
    ],
  },
  setData: {
    before: [ask.create("/a")],
    exchanges: [
      ["changed", ask.setData("/a")],
      ["to no data, for the expected version", ask.setData("/a", null, 1)],
      ["for another version", ask.setData("/a", null, 1)],
    ],
  },
  getACL: {
    before: [ask.create("/a"), ask.create("/d", { acl: [...digestAcl, { perms: 1, scheme: "world", id: "anyone" }] })],
    exchanges: [
      ["open to all", ask.getAcl("/a")],
      ["a digest is hidden from who may not administer", ask.getAcl("/d")],
    ],
  },
  setACL: {
    before: [ask.create("/a")],
    exchanges: [
      ["an unknown scheme", ask.setAcl("/a", [{ perms: 31, scheme: "foo", id: "x" }])],
      ["changed", ask.setAcl("/a", [{ perms: 1, scheme: "world", id: "anyone" }], 0)],
    ],
  },
  getChildren: {
    before: [ask.create("/a"), ask.create("/a/x"), ask.create("/a/y")],
    exchanges: [
      ["two", ask.getChildren("/a")],
      ["none", ask.getChildren("/a/x", true)],
    ],
  },
  getChildren2: {
    before: [ask.create("/a"), ask.create("/a/x")],
    exchanges: [["one, and the stat", ask.getChildren2("/a")]],
  },
  sync: { exchanges: [["the path comes back", ask.sync("/a")]] },
  ping: { exchanges: [["alive", ask.ping]] },
  multi: {
    before: [ask.create("/a")],
    exchanges: [
      [
        "all of it",
        ask.multi(
          ask.inMulti.create("/m"),
          ask.inMulti.create("/n", 0, OPCODE.create2),
          ask.inMulti.setData("/m"),
          ask.inMulti.check("/m", 1),
          ask.inMulti.remove("/m"),
        ),
      ],
      ["none of it", ask.multi(ask.inMulti.create("/o"), ask.inMulti.create("/a"), ask.inMulti.remove("/a"))],
      ["nothing", ask.multi()],
    ],
  },
  multiRead: {
    before: [ask.create("/a"), ask.create("/a/x")],
    exchanges: [
      [
        "each for itself",
        ask.multiRead(ask.inMulti.getData("/a"), ask.inMulti.getData("/b"), ask.inMulti.getChildren("/a")),
      ],
    ],
  },
  reconfig: { exchanges: [["not enabled", ask.reconfig({ joining: "server.9=h:1:2;3", leaving: "4" })]] },
  addWatch: {
    exchanges: [
      ["persistent", ask.addWatch("/a", 0)],
      ["recursive", ask.addWatch("/a", 1)],
      ["no such mode", ask.addWatch("/a", 2)],
    ],
  },
  checkWatches: {
    before: [ask.addWatch("/a", 0)],
    exchanges: [
      ["any", ask.checkWatches("/a", 3)],
      ["none", ask.checkWatches("/a", 5)],
    ],
  },
  removeWatches: {
    before: [ask.addWatch("/a", 0)],
    exchanges: [
      ["any", ask.removeWatches("/a", 3)],
      ["none is left", ask.removeWatches("/a", 3)],
    ],
  },
  setWatches: {
    before: [ask.create("/a")],
    exchanges: [
      ["one is told, one is set", ask.setWatches({ relativeZxid: 1, data: ["/a"], exist: ["/b"], child: [] })],
    ],
  },
  setWatches2: {
    before: [ask.create("/a")],
    exchanges: [
      [
        "persistent ones too",
        ask.setWatches2({ relativeZxid: 9, child: ["/a"], persistent: ["/p"], recursive: ["/r"] }),
      ],
    ],
  },
  auth: {
    exchanges: [
      ["a digest", ask.auth("digest", "joe:secret")],
      ["nothing we know", ask.auth("nonsense", "x")],
    ],
  },
  sasl: { exchanges: [["SASL is not set up", ask.sasl(new Uint8Array(0))]] },
  whoAmI: { before: [ask.auth("digest", "joe:secret")], exchanges: [["an address and a user", ask.whoAmI]] },
  getEphemerals: {
    before: [ask.create("/e1", { flags: 1 }), ask.create("/p")],
    exchanges: [
      ["all", ask.getEphemerals("/")],
      ["by prefix", ask.getEphemerals("/x")],
    ],
  },
  getAllChildrenNumber: {
    before: [ask.create("/a"), ask.create("/a/b"), ask.create("/a/b/c")],
    exchanges: [["two below", ask.getAllChildrenNumber("/a")]],
  },
  closeSession: { exchanges: [["goodbye", ask.closeSession]] },
};

/** What a client writes is what a server reads: the pairs of the codec. */
const CODECS: Readonly<Record<string, (reader: ByteReader, writer: ByteWriter) => void>> = {
  create: (r, w) => requests.writeCreate(w, requests.readCreate(r)),
  create2: (r, w) => requests.writeCreate(w, requests.readCreate(r)),
  createContainer: (r, w) => requests.writeCreate(w, requests.readCreate(r)),
  createTTL: (r, w) => requests.writeCreateTtl(w, requests.readCreateTtl(r)),
  delete: (r, w) => requests.writePathVersion(w, requests.readPathVersion(r)),
  exists: (r, w) => requests.writePathWatch(w, requests.readPathWatch(r)),
  getData: (r, w) => requests.writePathWatch(w, requests.readPathWatch(r)),
  getChildren: (r, w) => requests.writePathWatch(w, requests.readPathWatch(r)),
  getChildren2: (r, w) => requests.writePathWatch(w, requests.readPathWatch(r)),
  setData: (r, w) => requests.writeSetData(w, requests.readSetData(r)),
  setACL: (r, w) => requests.writeSetAcl(w, requests.readSetAcl(r)),
  multi: (r, w) => writeMulti(w, readMulti(r)),
  multiRead: (r, w) => writeMulti(w, readMulti(r)),
  reconfig: (r, w) => requests.writeReconfig(w, requests.readReconfig(r)),
  addWatch: (r, w) => requests.writePathKind(w, requests.readPathKind(r)),
  checkWatches: (r, w) => requests.writePathKind(w, requests.readPathKind(r)),
  removeWatches: (r, w) => requests.writePathKind(w, requests.readPathKind(r)),
  setWatches: (r, w) => requests.writeSetWatches(w, requests.readSetWatches(r, false), false),
  setWatches2: (r, w) => requests.writeSetWatches(w, requests.readSetWatches(r, true), true),
  auth: (r, w) => requests.writeAuth(w, requests.readAuth(r)),
  sasl: (r, w) => writeBuffer(w, readBuffer(r)),
};
for (const name of ["getACL", "sync", "getEphemerals", "getAllChildrenNumber"]) {
  (CODECS as Record<string, unknown>)[name] = (r: ByteReader, w: ByteWriter) => writeString(w, readString(r));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/.{8}/g, "$& ")
    .trim()
    .replace(/(.{71}) /g, "$1\n  ");
}

function paragraph(client: TestClient, title: string, [opcode, encode, xid]: ask.Request, number: number): string {
  const request = frameOf(xid ?? number, opcode, encode);
  client.write(request);
  client.clock.turn();
  const reply = client.takeBytes();
  return `# ${title}\n> ${hex(request)}\n< ${hex(reply)}${client.isClosed ? "\n(closed)" : ""}\n`;
}

for (const { name } of OPERATIONS) {
  test(`${name} is asked and answered in these bytes`, () => {
    const golden = GOLDEN[name];
    assert(golden !== undefined, `${name} has no golden exchanges`);
    const client = new World({ policy: { extendedTypes: true } }).client();
    for (const request of golden.before ?? []) client.call(...request);
    client.takeBytes();
    const story = golden.exchanges.map(([title, request], i) => paragraph(client, title, request, 100 + i)).join("\n");
    const file = join(folder, `${name}.txt`);
    if (isWriting) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, story);
    }
    assert.equal(story, existsSync(file) ? readFileSync(file, "utf8") : "(no file)");
  });

  test(`${name}: what the codec reads it writes again`, () => {
    for (const [, [opcode, encode]] of GOLDEN[name]!.exchanges) {
      const body = new ByteWriter();
      encode(body);
      if (body.length === 0) continue;
      assert(CODECS[name] !== undefined, `opcode ${opcode} has no codec pair`);
      const again = new ByteWriter();
      const reader = new ByteReader(body.copy());
      CODECS[name](reader, again);
      assert.equal(reader.remaining, 0);
      assert.deepEqual(again.copy(), body.copy());
    }
  });
}

test("no golden file is left of an operation that is gone", () => {
  const names = new Set([...OPERATIONS.map(({ name }) => `${name}.txt`), "handshake.txt"]);
  assert.deepEqual(
    readdirSync(folder).filter((file) => !names.has(file)),
    [],
  );
});

test("the handshake is made in these bytes: 44 are answered with 36, 45 with 37", () => {
  const paragraphs = [null, false].map((readOnly) => {
    const client = new World().dial();
    const writer = new ByteWriter();
    const password = new Uint8Array(16);
    writeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: 0,
      timeoutMs: 6000,
      sessionId: 0,
      password,
      readOnly,
    });
    const request = writer.copy();
    const again = new ByteWriter();
    writeConnectRequest(again, readConnectRequest(new ByteReader(request, 4)));
    assert.deepEqual(again.copy(), request);
    client.write(request);
    const reply = client.takeBytes();
    assert.equal(request.length - 4, readOnly === null ? 44 : 45);
    assert.equal(reply.length - 4, readOnly === null ? 36 : 37);
    return `# ${readOnly === null ? "without" : "with"} readOnly\n> ${hex(request)}\n< ${hex(reply)}\n`;
  });
  const file = join(folder, "handshake.txt");
  if (isWriting) writeFileSync(file, paragraphs.join("\n"));
  assert.equal(paragraphs.join("\n"), readFileSync(file, "utf8"));
});
