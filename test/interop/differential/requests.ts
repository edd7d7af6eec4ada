// Every request of the protocol as bytes, and how its reply's body reads as text. A reply is rendered whole: bytes that
// its record does not account for are shown, so that two equal texts mean two equal replies.
import { type Reader, type Text, Writer } from "./wire.ts";

export interface AclEntry {
  readonly perms: number;
  readonly scheme: Text;
  readonly id: Text;
}

/** One request: how a person reads it, its number, its body, and how its reply's body reads. */
export interface Request {
  readonly title: string;
  readonly opcode: number;
  readonly body: Buffer;
  readonly render: (reply: Reader, names: Names) => string;
  /** The xid that clients use for this kind; the session's own counter unless it is given. */
  readonly xid?: number;
}

/** What differs from run to run by nature, named by the order in which it was met. */
export interface Names {
  zxid(value: bigint): string;
  session(value: bigint): string;
}

export const open: readonly AclEntry[] = [{ perms: 31, scheme: "world", id: "anyone" }];

const nothing = () => "";

// --- requests -----------------------------------------------------------------------------------------------------

export function create(path: Text, data: Text = "", flags = 0, acl: readonly AclEntry[] | null = open): Request {
  const title = `create ${show(path)} data=${show(data)} flags=${flags} acl=${showAcl(acl)}`;
  return {
    title,
    opcode: 1,
    body: createBody(path, data, flags, acl),
    render: (reply) => `path=${show(reply.text())}`,
  };
}

export function create2(path: Text, data: Text = "", flags = 0, acl: readonly AclEntry[] | null = open): Request {
  return createLike(15, "create2", path, createBody(path, data, flags, acl), flags);
}

export function createContainer(
  path: Text,
  data: Text = "",
  flags = 4,
  acl: readonly AclEntry[] | null = open,
): Request {
  return createLike(19, "createContainer", path, createBody(path, data, flags, acl), flags);
}

export function createTtl(
  path: Text,
  ttl: bigint | number,
  flags = 5,
  acl: readonly AclEntry[] | null = open,
): Request {
  const body = Buffer.concat([createBody(path, "", flags, acl), new Writer().long(ttl).body]);
  return createLike(21, `createTTL ${ttl}`, path, body, flags);
}

function createLike(opcode: number, name: string, path: Text, body: Buffer, flags: number): Request {
  const render = (reply: Reader, names: Names) => `path=${show(reply.text())} ${stat(reply, names)}`;
  return { title: `${name} ${show(path)} flags=${flags}`, opcode, body, render };
}

function createBody(path: Text, data: Text, flags: number, acl: readonly AclEntry[] | null): Buffer {
  return aclBody(new Writer().text(path).text(data), acl).int(flags).body;
}

export function remove(path: Text, version = -1): Request {
  const body = new Writer().text(path).int(version).body;
  return { title: `delete ${show(path)} version=${version}`, opcode: 2, body, render: nothing };
}

export function deleteContainer(path: Text): Request {
  return { title: `deleteContainer ${show(path)}`, opcode: 20, body: new Writer().text(path).body, render: nothing };
}

const watchBody = (path: Text, watch: boolean) => new Writer().text(path).boolean(watch).body;
const watching = (watch: boolean) => (watch ? " watch" : "");

export function exists(path: Text, watch = false): Request {
  return { title: `exists ${show(path)}${watching(watch)}`, opcode: 3, body: watchBody(path, watch), render: stat };
}

export function getData(path: Text, watch = false): Request {
  const render = (reply: Reader, names: Names) => `data=${show(reply.text())} ${stat(reply, names)}`;
  return { title: `getData ${show(path)}${watching(watch)}`, opcode: 4, body: watchBody(path, watch), render };
}

export function setData(path: Text, data: Text, version = -1): Request {
  const body = new Writer().text(path).text(data).int(version).body;
  return { title: `setData ${show(path)} ${show(data)} version=${version}`, opcode: 5, body, render: stat };
}

export function getAcl(path: Text): Request {
  const render = (reply: Reader, names: Names) => `acl=${showAcl(readAcl(reply))} ${stat(reply, names)}`;
  return { title: `getACL ${show(path)}`, opcode: 6, body: new Writer().text(path).body, render };
}

export function setAcl(path: Text, acl: readonly AclEntry[] | null, version = -1): Request {
  const body = aclBody(new Writer().text(path), acl).int(version).body;
  return { title: `setACL ${show(path)} ${showAcl(acl)} version=${version}`, opcode: 7, body, render: stat };
}

export function getChildren(path: Text, watch = false): Request {
  const title = `getChildren ${show(path)}${watching(watch)}`;
  return { title, opcode: 8, body: watchBody(path, watch), render: children };
}

export function getChildren2(path: Text, watch = false): Request {
  const render = (reply: Reader, names: Names) => `${children(reply)} ${stat(reply, names)}`;
  return { title: `getChildren2 ${show(path)}${watching(watch)}`, opcode: 12, body: watchBody(path, watch), render };
}

export function sync(path: Text): Request {
  const render = (reply: Reader) => `path=${show(reply.text())}`;
  return { title: `sync ${show(path)}`, opcode: 9, body: new Writer().text(path).body, render };
}

export const ping: Request = { title: "ping", opcode: 11, body: Buffer.alloc(0), render: nothing, xid: -2 };
export const closeSession: Request = { title: "closeSession", opcode: -11, body: Buffer.alloc(0), render: nothing };

export function check(path: Text, version: number): Request {
  const body = new Writer().text(path).int(version).body;
  return { title: `check ${show(path)} version=${version}`, opcode: 13, body, render: nothing };
}

export function multi(...operations: readonly Request[]): Request {
  return multiOf(14, "multi", operations);
}

export function multiRead(...operations: readonly Request[]): Request {
  return multiOf(22, "multiRead", operations);
}

function multiOf(opcode: number, name: string, operations: readonly Request[]): Request {
  const writer = new Writer();
  for (const { opcode, body } of operations) writer.int(opcode).boolean(false).int(-1).bytes(body);
  writer.int(-1).boolean(true).int(-1);
  const title = `${name} [${operations.map((operation) => operation.title).join("; ")}]`;
  return { title, opcode, body: writer.body, render: multiResults };
}

export function auth(scheme: Text, credential: Text, type = 0): Request {
  const body = new Writer().int(type).text(scheme).text(credential).body;
  return { title: `auth ${show(scheme)} ${show(credential)}`, opcode: 100, body, render: nothing, xid: -4 };
}

export function sasl(token: Text): Request {
  const render = (reply: Reader) => `token=${show(reply.text())}`;
  return { title: `sasl ${show(token)}`, opcode: 102, body: new Writer().text(token).body, render };
}

export interface Watched {
  readonly data?: readonly string[];
  readonly exists?: readonly string[];
  readonly children?: readonly string[];
  readonly persistent?: readonly string[];
  readonly recursive?: readonly string[];
}

export function setWatches(relativeZxid: bigint, watched: Watched, second = false): Request {
  const writer = new Writer().long(relativeZxid);
  const kinds = [watched.data, watched.exists, watched.children];
  if (second) kinds.push(watched.persistent, watched.recursive);
  for (const paths of kinds) writer.list(paths ?? [], (path) => writer.text(path));
  const title = `setWatches${second ? "2" : ""} ${JSON.stringify(watched)}`;
  return { title, opcode: second ? 105 : 101, body: writer.body, render: nothing, xid: -8 };
}

export function addWatch(path: Text, mode: number): Request {
  const body = new Writer().text(path).int(mode).body;
  const render = (reply: Reader) => `err=${reply.int()}`;
  return { title: `addWatch ${show(path)} mode=${mode}`, opcode: 106, body, render };
}

export function checkWatches(path: Text, type: number): Request {
  const body = new Writer().text(path).int(type).body;
  return { title: `checkWatches ${show(path)} type=${type}`, opcode: 17, body, render: nothing };
}

export function removeWatches(path: Text, type: number): Request {
  const body = new Writer().text(path).int(type).body;
  return { title: `removeWatches ${show(path)} type=${type}`, opcode: 18, body, render: nothing };
}

export function getEphemerals(prefix: Text): Request {
  const body = new Writer().text(prefix).body;
  return { title: `getEphemerals ${show(prefix)}`, opcode: 103, body, render: children };
}

export function getAllChildrenNumber(path: Text): Request {
  const render = (reply: Reader) => `total=${reply.int()}`;
  return { title: `getAllChildrenNumber ${show(path)}`, opcode: 104, body: new Writer().text(path).body, render };
}

export const whoAmI: Request = {
  title: "whoAmI",
  opcode: 107,
  body: Buffer.alloc(0),
  // A set in the reference, so in any order.
  render: (reply) =>
    `ids=${
      reply
        .list(() => `${show(reply.text())}:${show(reply.text())}`)
        ?.sort()
        .join() ?? "null"
    }`,
};

export function reconfig(joining: Text, leaving: Text, members: Text, fromConfig: bigint | number = -1): Request {
  const body = new Writer().text(joining).text(leaving).text(members).long(fromConfig).body;
  const render = (reply: Reader, names: Names) => `config=${show(reply.text())} ${stat(reply, names)}`;
  const title = `reconfig join=${show(joining)} leave=${show(leaving)} members=${show(members)} from=${fromConfig}`;
  return { title, opcode: 16, body, render };
}

/** A request of any number, with a body that need not fit it. */
export function odd(opcode: number, body: Buffer = Buffer.alloc(0)): Request {
  return { title: `opcode ${opcode} body=${body.toString("hex")}`, opcode, body, render: nothing };
}

// --- records ------------------------------------------------------------------------------------------------------

function aclBody(writer: Writer, acl: readonly AclEntry[] | null): Writer {
  return writer.list(acl, ({ perms, scheme, id }) => writer.int(perms).text(scheme).text(id));
}

function readAcl(reply: Reader): AclEntry[] | null {
  return reply.list(() => ({ perms: reply.int(), scheme: reply.text(), id: reply.text() }));
}

/** Eleven fields; the two times are left out, for no two servers share a clock. */
function stat(reply: Reader, names: Names): string {
  const [czxid, mzxid] = [reply.long(), reply.long()];
  const [ctime, mtime] = [reply.long(), reply.long()];
  const [version, cversion, aversion] = [reply.int(), reply.int(), reply.int()];
  const owner = reply.long();
  const [dataLength, numChildren, pzxid] = [reply.int(), reply.int(), reply.long()];
  const times = ctime === 0n ? "never" : ctime > mtime ? "mtime<ctime" : "";
  return `{czxid=${names.zxid(czxid)} mzxid=${names.zxid(mzxid)} pzxid=${names.zxid(pzxid)} version=${version} cversion=${cversion} aversion=${aversion} owner=${names.session(owner)} length=${dataLength} children=${numChildren} ${times}}`;
}

/** Names of children have no promised order. */
function children(reply: Reader): string {
  return `children=${
    reply
      .list(() => show(reply.text()))
      ?.sort()
      .join() ?? "null"
  }`;
}

function multiResults(reply: Reader, names: Names): string {
  const results: string[] = [];
  for (;;) {
    const [type, done, err] = [reply.int(), reply.boolean(), reply.int()];
    if (done) return `[${results.join("; ")}] end(${type},${err})`;
    results.push(`${type}/${err} ${multiResult(type, reply, names)}`);
  }
}

function multiResult(type: number, reply: Reader, names: Names): string {
  if (type === -1) return `err=${reply.int()}`;
  if (type === 1) return `path=${show(reply.text())}`;
  if (type === 15) return `path=${show(reply.text())} ${stat(reply, names)}`;
  if (type === 5) return stat(reply, names);
  if (type === 4) return `data=${show(reply.text())} ${stat(reply, names)}`;
  if (type === 8) return children(reply);
  return "";
}

/** Text for a person: quoted and escaped, null apart from empty, long ones by their length and ends. */
function show(text: Text): string {
  if (text === null) return "null";
  const shown = JSON.stringify(typeof text === "string" ? text : text.toString("latin1"));
  return shown.length <= 120 ? shown : `${shown.slice(0, 20)}…${shown.slice(-20)}(${shown.length})`;
}

function showAcl(acl: readonly AclEntry[] | null): string {
  return acl === null ? "null" : acl.map(({ perms, scheme, id }) => `${perms}:${show(scheme)}:${show(id)}`).join();
}
