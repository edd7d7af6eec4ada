// The ensemble that a member's configuration names, as the log's first configuration; later the log knows better.

import type { Configuration } from "../consensus/raft/types.ts";
import type { ConfiguredMember, Endpoint, ServerConfiguration } from "./configuration/configuration.ts";

export function initialEnsemble({ mode, members }: ServerConfiguration): Configuration {
  return {
    cluster: 0,
    members: members.map((member) => ({
      id: member.id,
      role: member.role === "participant" ? "voter" : "learner",
      incarnation: 0,
      address: mode === "standalone" ? "" : addressText(member),
    })),
    outgoing: [],
  };
}

/** As ZooKeeper writes it behind `server.N=`: `host:peer:election:role;address:client`. */
export function addressText({ addresses, role, client, secureClient }: ConfiguredMember): string {
  const places = addresses.map(({ host, peerPort, electionPort }) => `${bracketed(host)}:${peerPort}:${electionPort}`);
  const plain = client === null ? "" : `;${endpointText(client)}`;
  const secure = secureClient === null ? "" : `;${endpointText(secureClient)}`;
  return `${places.join("|")}:${role}${plain}${secure}`;
}

function endpointText({ host, port }: Endpoint): string {
  return `${bracketed(host ?? "0.0.0.0")}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
