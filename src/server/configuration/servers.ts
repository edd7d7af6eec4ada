// Members and places to listen at, as configuration gives them: server lines and endpoints, with what is wrong about them.

import type { Endpoint } from "../../base/endpoint.ts";
import { parseServerEndpoint, parseServerLine, type ServerLine } from "../../base/server-line.ts";
import { Complaint, parsePort } from "../../protocols/setting-kinds.ts";
import type { ConfiguredMember } from "./configuration.ts";

/** The value of a `server.N` line. */
export function parseServer(id: number, text: string): ConfiguredMember {
  const line = orComplain(parseServerLine(text));
  for (const port of portsOf(line)) if (port === 0) throw new Complaint("must have ports from 1 to 65535, not 0");
  return { ...line, id, client: onAll(line.client), secureClient: onAll(line.secureClient) };
}

/** `port`, or `host:port`; no host, 0.0.0.0 and :: all mean every address. */
export function parseEndpoint(text: string): Endpoint {
  const endpoint = onAll(orComplain(parseServerEndpoint(text)));
  parsePort(String(endpoint.port));
  return endpoint;
}

/** The names of "all addresses" are one: null. */
export function listenHost(host: string): string | null {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return bare === "0.0.0.0" || bare === "::" || bare === "*" || bare === "" ? null : bare;
}

function portsOf({ addresses, client, secureClient }: ServerLine): number[] {
  const ports = addresses.flatMap(({ peerPort, electionPort }) => [peerPort, electionPort]);
  return [...ports, ...[client, secureClient].filter((each) => each !== null).map(({ port }) => port)];
}

function onAll<E extends Endpoint | null>(endpoint: E): E {
  return endpoint === null || endpoint.host === null ? endpoint : { ...endpoint, host: listenHost(endpoint.host) };
}

function orComplain<T extends object>(parsed: T | string): T {
  if (typeof parsed === "string") throw new Complaint(parsed);
  return parsed;
}
