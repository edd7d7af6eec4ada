// The peer addresses of a member: where it listens, taken from its description. Pure.

import { bracketed } from "../../base/endpoint.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import { memberDescribed } from "../../state/membership/description.ts";

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** Empty: there is no address in this. */
export function peerAddresses(id: MemberId, description: string): readonly PeerAddress[] {
  const { peers } = memberDescribed(id, description);
  return peers.map(({ host, port }) => ({ host, port })).filter(({ port }) => port > 0);
}

export function showAddress({ host, port }: PeerAddress): string {
  return `${bracketed(host)}:${port}`;
}
