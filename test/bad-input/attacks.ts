// What a client may send that no client should: each attack by name, as the bytes that it puts on the wire. What follows
// from each stands in outcomes.txt.

import { opcodes } from "../support/zookeeper-client.ts";
import { frameOf, writeConnectRequest, writeOpenAcl } from "../support/zookeeper-frames.ts";

export interface Attack {
  readonly name: string;
  /** Sent instead of the greeting, or by a client whose session is open. */
  readonly stage: "greeting" | "session";
  readonly bytes: Uint8Array;
  /** Sent a byte at a time. */
  readonly dribbled?: boolean;
  /** Nothing more follows, not even a question whether the server still listens. */
  readonly endsThere?: boolean;
}

const frameBytesMax = 0xfffff; // jute.maxbuffer as ZooKeeper ships it

/** The node under which attacks that succeed leave theirs; it must be there. */
export const root = "/bad-input";

const xid = 5;
const int32Max = 2 ** 31 - 1;
const int32Min = -(2 ** 31);

export function attacks(): Attack[] {
  return [
    ...lengths(),
    ...greetings(),
    ...opcodesAndBodies(),
    ...lyingLengths(),
    ...texts(),
    ...multis(),
    ...dribbles(),
  ];
}

// ---- the words of the wire ----

function int(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const bool = (value: boolean) => Uint8Array.of(value ? 1 : 0);
const raw = (value: string) => Buffer.from(value, "utf8");
const hex = (value: string) => Buffer.from(value.replaceAll(" ", ""), "hex");
const buffer = (bytes: Uint8Array) => Buffer.concat([int(bytes.length), bytes]);
const text = (value: string) => buffer(raw(value));
const nothing = int(-1);
const openRules = frameOf(writeOpenAcl).subarray(4);

function frame(...parts: readonly Uint8Array[]): Uint8Array {
  return buffer(Buffer.concat(parts));
}

function request(opcode: number, ...body: readonly Uint8Array[]): Uint8Array {
  return frame(int(xid), int(opcode), ...body);
}

function session(name: string, bytes: Uint8Array, more: Partial<Attack> = {}): Attack {
  return { name, stage: "session", bytes, ...more };
}

function greeting(name: string, bytes: Uint8Array, more: Partial<Attack> = {}): Attack {
  return { name: `a greeting ${name}`, stage: "greeting", bytes, ...more };
}

// ---- frames ----

function lengths(): Attack[] {
  const announced: readonly [string, number][] = [
    ["of length 0", 0],
    ["of length -1", -1],
    ["of the least length there is", int32Min],
    ["of length 2^31-1", int32Max],
    ["one over the limit", frameBytesMax + 1],
  ];
  return announced.flatMap(([name, length]) => [greeting(name, int(length)), session(`a frame ${name}`, int(length))]);
}

function greetings(): Attack[] {
  const whole = frameOf((w) => writeConnectRequest(w));
  const connect = (options: Parameters<typeof writeConnectRequest>[1]) =>
    frameOf((w) => writeConnectRequest(w, options));
  const withPassword = (announced: number, given: number) =>
    frame(whole.subarray(4, 28), int(announced), new Uint8Array(given));
  const neverOpened = (passwordBytes: number) =>
    connect({ session: { id: 0x1234_5678n, password: new Uint8Array(passwordBytes), timeoutMs: 30_000 } });
  return [
    greeting("cut in its length", whole.subarray(0, 3), { endsThere: true }),
    greeting("cut in its body", whole.subarray(0, 20), { endsThere: true }),
    greeting("of one byte", frame(bool(false))),
    greeting("that ends after the timeout", frame(whole.subarray(4, 20))),
    greeting("whose password is announced as 2^31-1 bytes", withPassword(int32Max, 16)),
    greeting("whose password is announced as -2 bytes", withPassword(-2, 0)),
    greeting("whose password is longer than the frame", withPassword(100, 16)),
    greeting("with a negative timeout", connect({ sessionTimeoutMs: -5 })),
    greeting("that has seen the future", connect({ lastZxidSeen: 2 ** 52 })),
    greeting("for a session that never was", neverOpened(16)),
    greeting("for a session that never was, with half of a password", neverOpened(8)),
    greeting("of HTTP", raw("GET / HTTP/1.1\r\nHost: here\r\n\r\n")),
    greeting("of TLS", hex("16030100a1010000 9d0303"), { endsThere: true }),
    greeting(
      "of noise",
      Uint8Array.from({ length: 4096 }, (_, i) => (i * 197 + 89) & 0xff),
      { endsThere: true },
    ),
  ];
}

// ---- opcodes, and bodies that are missing ----

function opcodesAndBodies(): Attack[] {
  const unknown = [-2_000_000, -10, -3, -1, 0, 10, 13, 20, 23, 99, 108, 500, int32Max];
  const known = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 16, 17, 18, 19, 21, 22, 103, 104, 105, 106];
  const existsRoot = [text("/"), bool(false)];
  const withXid = (xid: number) => frame(int(xid), int(opcodes.exists), ...existsRoot);
  return [
    session("a frame of two bytes", frame(hex("0001"))),
    session("a frame of an xid alone", frame(int(xid))),
    ...unknown.map((opcode) => session(`opcode ${opcode}`, request(opcode))),
    ...known.map((opcode) => session(`opcode ${opcode} without a body`, request(opcode))),
    session("bytes after the end of a request", request(opcodes.exists, ...existsRoot, new Uint8Array(100))),
    session("an xid that stands for notifications", withXid(-1)),
    session("an xid that stands for pings", withXid(-2)),
    session("a frame cut in its length", hex("0000"), { endsThere: true }),
    session("a frame cut in its body", withXid(xid).subarray(0, 14), { endsThere: true }),
  ];
}

// ---- lengths that lie ----

function lyingLengths(): Attack[] {
  const lies: readonly number[] = [-2, int32Min, 1000, frameBytesMax + 1, int32Max];
  return lies.flatMap((lie) => [
    session(`a path announced as ${lie} bytes`, request(opcodes.exists, int(lie), raw("/x"), bool(false))),
    session(
      `data announced as ${lie} bytes`,
      request(opcodes.create, text(`${root}/data${lie}`), int(lie), raw("data")),
    ),
    session(
      `an access list announced as ${lie} rules`,
      request(opcodes.create, text(`${root}/rules${lie}`), text("data"), int(lie), int(31)),
    ),
    session(`watches announced as ${lie} paths`, request(101, new Uint8Array(8), int(lie), text("/x"))),
    session(
      `an identity announced as ${lie} bytes`,
      request(opcodes.auth, int(0), text("digest"), int(lie), raw("a:b")),
    ),
  ]);
}

// ---- paths and other text ----

function texts(): Attack[] {
  const paths: readonly [name: string, path: Uint8Array][] = [
    ["an empty path", raw("")],
    ["a path without its slash", raw("bad-input")],
    ["a path that ends in a slash", raw(`${root}/`)],
    ["two slashes", raw(`${root}//x`)],
    ["only slashes", raw("//")],
    ["a dot", raw(`${root}/.`)],
    ["two dots", raw(`${root}/..`)],
    ["two dots in the middle", raw(`${root}/../x`)],
    ["a dot in the middle", raw(`${root}/./x`)],
    ["NUL", raw(`${root}/a\0b`)],
    ["a control character", raw(`${root}/a\u0001b`)],
    ["U+0085", raw(`${root}/a\u0085b`)],
    ["a private character", raw(`${root}/a\uf8ffb`)],
    ["a special character", raw(`${root}/a\ufff0b`)],
    ["half a surrogate pair", Buffer.concat([raw(`${root}/`), hex("eda080")])],
    ["a byte that is no UTF-8", Buffer.concat([raw(`${root}/`), hex("ff")])],
    ["an overlong slash", Buffer.concat([raw(`${root}/`), hex("c0af")])],
    ["a character cut short", Buffer.concat([raw(`${root}/`), hex("e282")])],
    ["10,000 levels", raw("/a".repeat(10_000))],
    ["a name of 100,000 bytes", raw(`/missing/${"n".repeat(100_000)}`)],
  ];
  const operations: readonly [name: string, of: (path: Uint8Array) => Uint8Array][] = [
    ["create", (path) => request(opcodes.create, path, text("data"), openRules, int(0))],
    ["sequential create", (path) => request(opcodes.create, path, text("data"), openRules, int(2))],
    ["delete", (path) => request(opcodes.delete, path, int(-1))],
    ["set", (path) => request(opcodes.setData, path, text("data"), int(-1))],
    ["get", (path) => request(opcodes.getData, path, bool(false))],
    ["exists", (path) => request(opcodes.exists, path, bool(true))],
    ["children", (path) => request(opcodes.getChildren2, path, bool(true))],
    ["sync", (path) => request(opcodes.sync, path)],
    ["addWatch", (path) => request(106, path, int(1))],
  ];
  const create = (name: string, rules: Uint8Array, flags: number) =>
    request(opcodes.create, text(`${root}/${name}`), text("data"), rules, int(flags));
  return [
    ...paths.flatMap(([what, path]) => operations.map(([op, of]) => session(`${op}, ${what}`, of(buffer(path))))),
    ...operations.map(([op, of]) => session(`${op}, no path`, of(nothing))),
    session("create with flags 7", create("flags7", openRules, 7)),
    session("create with flags -1", create("flags-1", openRules, -1)),
    session("create without rules", create("no-rules", int(0), 0)),
    session("create with rules that are null", create("null-rules", nothing, 0)),
    session("addWatch with mode 9", request(106, text("/"), int(9))),
  ];
}

// ---- multi ----

const opHeader = (type: number) => [int(type), bool(false), int(-1)];
const check = [...opHeader(13), text("/"), int(-1)];
const end = [int(-1), bool(true), int(-1)];

/** Checks of the root that nothing can fail, as many as asked for, in one transaction. */
export function multiOfChecks(count: number): Uint8Array {
  const one = Buffer.concat(check);
  return request(opcodes.multi, Buffer.alloc(one.length * count, one), ...end);
}

/** Creates side by side, `prefix` and a number each, and `last` after them, in one transaction. */
export function multiOfCreates(prefix: string, count: number, last: string): Uint8Array {
  const create = (path: string) => Buffer.concat([...opHeader(1), text(path), nothing, openRules, int(0)]);
  const creates = Array.from({ length: count - 1 }, (_, i) => create(`${prefix}${i}`));
  return request(opcodes.multi, Buffer.concat(creates), create(last), ...end);
}

function multis(): Attack[] {
  const multi = (name: string, ...parts: readonly Uint8Array[]) =>
    session(`a multi ${name}`, request(opcodes.multi, ...parts));
  return [
    multi("of nothing", ...end),
    multi("without its end", ...check),
    multi("cut in an operation", ...check, ...opHeader(13), int(1)),
    multi("in a multi", ...opHeader(14), ...end, ...end),
    multi("with a read in it", ...opHeader(4), text("/"), bool(false), ...end),
    multi("with an unknown operation", ...opHeader(77), ...end),
    multi("with the end of the session in it", ...opHeader(-11), ...end),
    multi("with a bad path", ...opHeader(1), text(`${root}//x`), text("data"), openRules, int(0), ...end),
    session("a multiRead with a write in it", request(22, ...opHeader(2), text("/x"), int(-1), ...end)),
    session("a multi of 100,000 operations, over the limit of a frame", multiOfChecks(100_000)),
    session("a multi of 50,000 operations, within the limit", multiOfChecks(50_000)),
  ];
}

// ---- what is right, but slow or large ----

function dribbles(): Attack[] {
  const create = request(opcodes.create, text(`${root}/dribbled`), text("data"), openRules, int(0));
  const fill = frameBytesMax - request(opcodes.setData, text(root), text(""), int(-1)).length + 4;
  return [
    greeting(
      "a byte at a time",
      frameOf((w) => writeConnectRequest(w)),
      { dribbled: true },
    ),
    session("a request a byte at a time", create, { dribbled: true }),
    session(
      "a frame of exactly the limit",
      request(opcodes.setData, text(root), buffer(new Uint8Array(fill)), int(-1)),
    ),
  ];
}
