// One door as the member's configuration says: where its clients come in, and what its protocol is set to.

import type { Endpoint } from "../base/endpoint.ts";

/** A protocol's server side, and where its clients come in. */
export interface ConfiguredDoor<Settings = unknown> {
  /** What operators tell it by: its kind, and from the second of a kind on its number, as in `zookeeper-2`. */
  readonly name: string;
  /** The name of its section in cabildo.yaml. */
  readonly kind: string;
  readonly listen: ListenSettings;
  readonly settings: Settings;
}

export interface ListenSettings {
  readonly plain: Endpoint | null;
  readonly secure: Endpoint | null;
  /** TLS for `secure`, and for `plain` where the port is unified. */
  readonly tls: TlsSettings | null;
  /** The plain port also speaks TLS, whichever a client begins with. */
  readonly portUnification: boolean;
  /** Connections waiting to be accepted; null: what the system thinks right. */
  readonly backlog: number | null;
  readonly tcpKeepAlive: boolean;
  /** Connections from one address; 0: without limit. */
  readonly connectionsPerAddressMax: number;
  /** In all; 0: without limit. */
  readonly connectionsMax: number;
}

export interface TlsSettings {
  /** PEM files; they may be one and the same. */
  readonly keyFile: string;
  readonly certificateFile: string;
  readonly passphrase: string | null;
  /** Whom to trust; null: the authorities that the system trusts. */
  readonly authoritiesFile: string | null;
  readonly clientAuth: "none" | "want" | "need";
  readonly versionMin: "TLSv1.2" | "TLSv1.3";
  readonly versionMax: "TLSv1.2" | "TLSv1.3";
  /** In OpenSSL's form; null: Node's own choice. */
  readonly ciphers: string | null;
  /** Whether the certificate of whoever is called must name its host. */
  readonly verifyHost: boolean;
  /** Whether that of whoever calls must. */
  readonly verifyCallerHost: boolean;
  /** Whether to look for new files while running. */
  readonly reload: boolean;
}
