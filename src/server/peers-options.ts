// A member's settings in the form that its connections to the others need.

import { isLoopback } from "../adapters/clients/addresses.ts";
import type { TlsTexts } from "../adapters/clients/tls.ts";
import type { PeerTls } from "../adapters/peers/peer-tls.ts";
import type { PeersOptions } from "../adapters/peers/peers.ts";
import type { TlsSettings } from "../protocols/configured-door.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

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
    secrets: peer.secrets.map((secret) => Buffer.from(secret)),
    isSecretRequired: peer.secretRequired,
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

/**
 * What is wrong where anybody who reaches the peer port can pass for a member; null: nothing, members prove who they are, or
 * only this machine reaches the port.
 */
export function openPeerPortWarning({ peer }: ServerConfiguration): string | null {
  const open = peer.listen.filter(({ host }) => host === null || !isLoopback(host));
  const { tls } = peer;
  const isProvedByTls = tls !== null && tls.clientAuth === "need" && !peer.portUnification;
  const isProvedBySecret = peer.secrets.length > 0 && peer.secretRequired;
  if (open.length === 0 || isProvedByTls || isProvedBySecret) return null;
  const where = open.map(({ host, port }) => `${host ?? "*"}:${port}`).join(", ");
  const why =
    peer.secrets.length > 0
      ? "peer.secretRequired is false"
      : tls === null
        ? "there is neither TLS (sslQuorum) nor a secret (peer.secretFile)"
        : "TLS is not asked of every caller (portUnification, ssl.quorum.clientAuth)";
  return (
    `ANYBODY WHO REACHES ${where} CAN PASS FOR A MEMBER, read all data with all sessions' passwords, and forge them: ${why}. ` +
    "Give all members one peer.secretFile, or TLS, or let nobody but members reach these ports (docs/configuration.md)"
  );
}
