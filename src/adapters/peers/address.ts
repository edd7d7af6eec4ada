// Addresses on the peer port: where a member listens, out of its server line, and which are of this machine alone. Pure.

import { bracketed, parseServerLine } from "../../base/server-line.ts";

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** Empty: there is no address in this. */
export function peerAddresses(address: string): readonly PeerAddress[] {
  const line = parseServerLine(address);
  if (typeof line === "string") return [];
  return line.addresses.map(({ host, peerPort }) => ({ host, port: peerPort })).filter(({ port }) => port > 0);
}

export function showAddress({ host, port }: PeerAddress): string {
  return `${bracketed(host)}:${port}`;
}

/** Whether an address is reached from its own machine alone: an IP address as sockets tell it, or `localhost`. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^::ffff:(?=\d+\.)/, "");
  return address === "localhost" || address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address);
}
