// A member's settings as its connections to the others take them.

import type { PeersOptions } from "../adapters/peers/peers.ts";
import type { PeerTls } from "../adapters/peers/tls.ts";
import type { TlsTexts } from "./certificates.ts";
import type { ServerConfiguration, TlsSettings } from "./configuration/configuration.ts";

export function peersOptions(
  { id, peer }: ServerConfiguration,
  tls: TlsTexts | null,
): Omit<PeersOptions, "incarnation" | "events" | "log"> {
  return {
    id,
    listen: peer.listen.map(({ host, port }) => (host === null ? { port } : { host, port })),
    ...(tls === null || peer.tls === null ? {} : { tls: peerTls(tls, peer.tls) }),
    isCallPlain: !peer.callsByTls,
    isPlainTaken: peer.portUnification,
    tcpKeepAlive: peer.tcpKeepAlive,
    callMs: peer.connectTimeoutMs,
  };
}

export function peerTls(texts: TlsTexts, settings: TlsSettings): PeerTls {
  const { clientAuth, ciphers, versionMin, versionMax, verifyHost, verifyCallerHost } = settings;
  return {
    ...texts,
    clientAuth,
    minVersion: versionMin,
    maxVersion: versionMax,
    verifyHost,
    verifyCallerHost,
    ...(ciphers === null ? {} : { ciphers }),
  };
}
