// The first configuration of the log, made from the members that this member's settings name. Later the log's own configuration
// counts.

import { canonicalLine, memberOfLine } from "../base/server-line.ts";
import type { Configuration } from "../consensus/raft/types.ts";
import { describe } from "../state/membership/description.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

export function initialEnsemble({ mode, members }: ServerConfiguration): Configuration {
  return {
    cluster: 0,
    members: members.map((member) => ({
      id: member.id,
      role: member.role === "participant" ? "voter" : "learner",
      incarnation: 0,
      // Older programs are to understand it as well: they may found the ensemble together.
      description: mode === "standalone" ? "" : describe(memberOfLine(member.id, canonicalLine(member)), 0),
    })),
    outgoing: [],
  };
}
