// Connect strings: ZooKeeper's, `host:port,host:port/chroot`, or the same as a URL,
// `zookeeper://host:port,host:port/chroot`.

import { CoordinationError } from "../../../base/errors.ts";
import { isPath } from "./chroot.ts";
import type { Server } from "./server-selector.ts";

/** The parts of a connect string. */
export interface ConnectString {
  readonly servers: readonly Server[];
  /** "/": none. */
  readonly chroot: string;
  /** The URL says `zookeeper+tls://`. */
  readonly isTls: boolean;
}

const DEFAULT_PORT = 2181;
const SCHEMES: ReadonlyMap<string, boolean> = new Map([
  ["zookeeper", false],
  ["zookeeper+tls", true],
]);

/** Throws a CoordinationError ("configuration") that says what is wrong, and where. */
export function parseConnectString(text: string): ConnectString {
  if (typeof text !== "string") throw wrong("", `expected host:port,…/chroot, got a value of type ${typeof text}`);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text.trim());
  if (scheme === null) return parse(text, text.trim(), false);
  const isTls = SCHEMES.get(scheme[1]!.toLowerCase());
  if (isTls === undefined) {
    throw wrong(text, `"${scheme[1]}" is no scheme of ZooKeeper: zookeeper:// or zookeeper+tls://`);
  }
  const rest = text.trim().slice(scheme[0].length);
  if (/[?#]/.test(rest)) throw wrong(text, "options are given to the client, not in the URL");
  return parse(text, rest, isTls);
}

function parse(text: string, rest: string, isTls: boolean): ConnectString {
  const slash = rest.indexOf("/");
  const hosts = slash === -1 ? rest : rest.slice(0, slash);
  const chroot = slash === -1 ? "/" : rest.slice(slash);
  if (hosts.includes("@"))
    throw wrong("", "user names and passwords are given by `auth` or `sasl`, not with the servers");
  if (!isPath(chroot)) throw wrong(text, `"${chroot}" is no path for a chroot`);
  const servers = hosts.split(",").map((server) => parseServer(text, server.trim()));
  const isNew = ({ host, port }: Server, i: number) =>
    servers.findIndex((other) => other.host === host && other.port === port) === i;
  return { servers: servers.filter(isNew), chroot, isTls };
}

function parseServer(text: string, server: string): Server {
  if (server === "") throw wrong(text, "a server is missing");
  const match = /^(?:\[([^[\]]+)\]|([^:[\]\s]+))(?::(.*))?$/.exec(server);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) {
    const isBare = server.includes("::") || server.split(":").length > 2;
    throw wrong(text, `"${server}" is no host:port${isBare ? ": an IPv6 address stands in brackets, [::1]:2181" : ""}`);
  }
  const port = match?.[3] ?? String(DEFAULT_PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    throw wrong(text, `"${port}" in "${server}" is no port: 1 to 65535`);
  }
  return { host, port: Number(port) };
}

function wrong(text: string, why: string): CoordinationError {
  if (text.includes("@")) {
    // The text before an "@" may be a password, and this message may be logged.
    const what = 'it cannot be read, and is not repeated here because of its "@"';
    const how = "user names and passwords are given by `auth` or `sasl`, not with the servers";
    return new CoordinationError("configuration", "not-applied", `connect string: ${what}: ${how}`);
  }
  const where = text === "" ? "" : ` ${JSON.stringify(text)}`;
  return new CoordinationError("configuration", "not-applied", `connect string${where}: ${why}`);
}
