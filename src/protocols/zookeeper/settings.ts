// The settings of ZooKeeper's door. `server/configuration` reads them, under the names of zoo.cfg and of cabildo.yaml.

export interface ZooKeeperSettings {
  /** ZooKeeper's unit of time: session timeouts are bounded by it. */
  readonly tickMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  /** The longest frame that is read from a client. */
  readonly frameBytesMax: number;
  /** Requests taken from clients but not yet answered; beyond, nothing is read. */
  readonly outstandingMax: number;
  /** Serve reads where there is no quorum. */
  readonly readOnlyMode: boolean;
  readonly security: SecuritySettings;
  /** Four-letter words that are answered; `memb` always is. */
  readonly words: ReadonlySet<string> | "all";
}

export interface SecuritySettings {
  readonly skipAcl: boolean;
  readonly digestEnabled: boolean;
  /** `user:base64(hash(user:password))` of the super user; null: there is none. */
  readonly superDigest: string | null;
  /** Subjects of client certificates, or SASL users, that are super users. */
  readonly superUsers: readonly string[];
  /** SASL DIGEST-MD5: user → password. Empty: SASL is not offered. */
  readonly saslUsers: ReadonlyMap<string, string>;
  /** A client that failed SASL may go on without. */
  readonly allowSaslFailedClients: boolean;
  /** A client must prove one of these schemes before anything else; empty: it need not. */
  readonly requiredSchemes: readonly string[];
  /** Schemes whose provider `authProvider.N` names: access lists may name them, whatever else is set up. */
  readonly providers: ReadonlySet<string>;
}
