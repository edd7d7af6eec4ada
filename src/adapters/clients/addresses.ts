// The addresses of sockets, in the text form that people, limits and access lists use.

import type { Socket } from "node:net";

const IPV4_IN_IPV6 = /^::ffff:(?=\d+\.)/;

/** An IPv4 address on an IPv6 socket is an IPv4 address; undefined where the socket is closed already. */
export function remoteAddressOf({ remoteAddress }: Pick<Socket, "remoteAddress">): string | undefined {
  return remoteAddress?.replace(IPV4_IN_IPV6, "");
}

/** Whether an address is reached from its own machine alone: an IP address as sockets tell it, or `localhost`. */
export function isLoopback(host: string): boolean {
  const address = host.replace(IPV4_IN_IPV6, "");
  return address === "localhost" || address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address);
}
