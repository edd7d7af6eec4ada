// TLS on a listening port: its certificate, its versions, and whether clients must present a certificate.

import type { X509Certificate } from "node:crypto";
import net, { type Socket } from "node:net";
import { createSecureContext, type SecureContextOptions, type SecureVersion, TLSSocket } from "node:tls";
import { remoteAddressOf } from "./addresses.ts";

/** Keys and certificates: PEM texts, not file names. */
export interface TlsTexts {
  readonly key: string;
  readonly cert: string;
  /** The authorities whose certificates are trusted; without them, those that the system trusts. */
  readonly ca?: string | undefined;
  readonly passphrase?: string | undefined;
}

export interface TlsOptions extends TlsTexts {
  /** Whether whoever connects must show a certificate ("need", the default), may, or is not asked for one. */
  readonly clientAuth?: "need" | "want" | "none" | undefined;
  /** In OpenSSL's form. */
  readonly ciphers?: string | undefined;
  readonly minVersion?: SecureVersion | undefined;
  readonly maxVersion?: SecureVersion | undefined;
}

/** What a side needs to speak TLS at all. */
export function contextOptions(options: TlsOptions): SecureContextOptions {
  const { key, cert, ca, passphrase, ciphers, minVersion, maxVersion } = options;
  return {
    key,
    cert,
    ...(ca === undefined ? {} : { ca }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
}

/** Throws where key, certificate and passphrase do not belong together, or the ciphers are unknown. */
export function checkUsable(options: TlsOptions): void {
  createSecureContext(contextOptions(options));
}

/** The certificate that it showed, whoever vouches for it; undefined: none, or this is no TLS. */
export function certificateOf(socket: Socket): X509Certificate | undefined {
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
}

/** Whether it showed a certificate that nobody vouches for: who may come without one may not come with such a one. */
export function showsBadCertificate(socket: TLSSocket): boolean {
  return !socket.authorized && certificateOf(socket) !== undefined;
}

/** Whether it showed a certificate that an authority vouches for which this member trusts. */
export function showsCertificate(socket: Socket): boolean {
  return socket instanceof TLSSocket && socket.authorized && certificateOf(socket) !== undefined;
}

/**
 * Whether the certificate, if it showed one, is for one of `hosts`, or for the address that it comes from where no host is
 * given. Whether there must be a certificate was decided in the handshake.
 */
export function isCertifiedFor(socket: Socket, hosts: readonly string[] = []): boolean {
  const certificate = certificateOf(socket);
  if (certificate === undefined) return true;
  if (hosts.length > 0) return hosts.some((host) => isFor(certificate, host));
  const address = remoteAddressOf(socket);
  return address !== undefined && isFor(certificate, address);
}

function isFor(certificate: X509Certificate, host: string): boolean {
  const found = net.isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return found !== undefined;
}

/** Why a handshake failed: what Node refused in the certificate, where it did; else OpenSSL's own word for it. */
export function handshakeTrouble(
  error: Error & { readonly reason?: string },
  { authorizationError }: TLSSocket,
): string {
  return authorizationError ? String(authorizationError) : (error.reason ?? error.message);
}
