// The ensemble that a member's configuration names, as the log's first configuration; later the log knows better.

import { formatServerLine } from "../base/server-line.ts";
import type { Configuration } from "../consensus/raft/types.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

export function initialEnsemble({ mode, members }: ServerConfiguration): Configuration {
  return {
    cluster: 0,
    members: members.map((member) => ({
      id: member.id,
      role: member.role === "participant" ? "voter" : "learner",
      incarnation: 0,
      address: mode === "standalone" ? "" : formatServerLine(member),
    })),
    outgoing: [],
  };
}
