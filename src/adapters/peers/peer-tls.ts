// TLS between members: this member's certificate, the host names that are checked, and how it connects to another member.

import net, { type Socket } from "node:net";
import tls, { type SecureContext } from "node:tls";
import { contextOptions, type TlsOptions } from "../clients/tls.ts";
import type { PeerAddress } from "./addresses.ts";

export interface PeerTls extends TlsOptions {
  /** Whether the one called must have a certificate for the host it was called by; default true. */
  readonly verifyHost?: boolean | undefined;
  /** Whether a caller must have one for the host of the member that it says it is; default true. */
  readonly verifyCallerHost?: boolean | undefined;
}

/** Options that were found usable. */
export interface PreparedTls {
  readonly options: PeerTls;
  readonly context: SecureContext;
}

/** Throws where key, certificate and passphrase do not belong together. */
export function prepareTls(options: PeerTls): PreparedTls {
  return { options, context: tls.createSecureContext(contextOptions(options)) };
}

export function dialSecurely({ host, port }: PeerAddress, { options, context }: PreparedTls): Socket {
  return tls.connect({
    host,
    port,
    secureContext: context,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(options.verifyHost === false ? { checkServerIdentity: () => undefined } : {}),
  });
}
