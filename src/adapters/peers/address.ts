// Where a member listens for the others, out of ZooKeeper's `host:peerPort:electionPort[:role][;[address:]clientPort]`,
// where several `host:peerPort:electionPort` may stand, separated by `|`. Pure.

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

const SERVER = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})(?::|$)/;

/** Empty: there is no address in this. */
export function peerAddresses(address: string): readonly PeerAddress[] {
  const servers = address.split(";", 1)[0]!;
  return servers.split("|").flatMap((server) => {
    const match = SERVER.exec(server.trim());
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    return host === undefined || port < 1 || port > 65535 ? [] : [{ host, port }];
  });
}

export function showAddress({ host, port }: PeerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
