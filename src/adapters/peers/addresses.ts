// Addresses on the peer port: where a member listens, out of its server line. Pure.

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
