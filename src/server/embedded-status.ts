// How a member stands, as the program around it is told: plain data, which JSON can carry.

import { formatPeerEndpoint } from "../base/member.ts";
import type { MemberStatus } from "../replica/replica-port.ts";
import { memberDescribed } from "../state/membership/description.ts";
import type { RunningMember } from "./member.ts";

export interface EmbeddedStatus extends Omit<MemberStatus, "configuration"> {
  /** The ensemble as this member knows it, itself included, by number. */
  readonly members: readonly ListedMember[];
}

export interface ListedMember {
  readonly id: number;
  /** Whether it has a vote now. A participant whose disk is new gets it back once it has caught up. */
  readonly votes: boolean;
  /** What it is to be. */
  readonly role: "participant" | "observer";
  /** Where the other members reach it, as `host:port`; none for a member that is alone. */
  readonly peers: readonly string[];
  /** Whether there is a connection to it from here; true for this member itself. */
  readonly isConnected: boolean;
}

export function embeddedStatus({ member, isConnected }: Pick<RunningMember, "member" | "isConnected">): EmbeddedStatus {
  const { configuration, ...status } = member.status;
  const members = configuration.members.map(({ id, role, description }): ListedMember => {
    const { peers, wantedRole } = memberDescribed(id, description);
    return {
      id,
      votes: role === "voter",
      role: wantedRole === "voter" ? "participant" : "observer",
      peers: peers.map(formatPeerEndpoint),
      isConnected: id === member.id || isConnected(id),
    };
  });
  return { ...status, members: members.sort((a, b) => a.id - b.id) };
}
