// TLS between members: with what both sides prove who they are, and for which hosts.

import type { X509Certificate } from "node:crypto";
import net, { type Socket } from "node:net";
import tls, { type SecureContextOptions, type SecureVersion } from "node:tls";

export interface PeerTls {
  /** PEM texts, not file names. */
  readonly cert: string;
  readonly key: string;
  /** Who signs members' certificates: both sides show one. Without it, whoever this machine trusts. */
  readonly ca?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly minVersion?: SecureVersion | undefined;
  readonly maxVersion?: SecureVersion | undefined;
  /** In OpenSSL's form. */
  readonly ciphers?: string | undefined;
  /** Whether a caller must show a certificate ("need", the default), may, or is not asked for one. */
  readonly clientAuth?: "need" | "want" | "none" | undefined;
  /** Whether the one called must have a certificate for the host it was called by; default true. */
  readonly verifyHost?: boolean | undefined;
  /** Whether a caller must have one for the host of the member that it says it is; default true. */
  readonly verifyCallerHost?: boolean | undefined;
}

/** What a side needs to speak TLS at all; throws where key, certificate and passphrase do not belong together. */
export function contextOptions({
  cert,
  key,
  ca,
  passphrase,
  minVersion,
  maxVersion,
  ciphers,
}: PeerTls): SecureContextOptions {
  return {
    cert,
    key,
    ca,
    passphrase,
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}

/** Whether it showed a certificate that nobody vouches for: who may come without one may not come with such a one. */
export function showsBadCertificate(socket: tls.TLSSocket): boolean {
  return !socket.authorized && socket.getPeerX509Certificate() !== undefined;
}

/** Whether it showed a certificate that somebody vouches for whom this member trusts. */
export function showsCertificate(socket: Socket): boolean {
  return socket instanceof tls.TLSSocket && socket.authorized && socket.getPeerX509Certificate() !== undefined;
}

/**
 * Whether the caller's certificate, if it showed one, is for one of `hosts`: where the member stands that it says it is.
 * Its own address counts only where no host is known of that member: else each member could pass for any other.
 */
export function isCertifiedFor(socket: Socket, hosts: readonly string[]): boolean {
  const certificate = socket instanceof tls.TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return true; // whether there must be one was decided in the handshake
  if (hosts.length > 0) return hosts.some((host) => isFor(certificate, host));
  const from = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, "");
  return from !== undefined && isFor(certificate, from);
}

function isFor(certificate: X509Certificate, host: string): boolean {
  const found = net.isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return found !== undefined;
}
