// The settings of a member as `startMember` takes them: the names, values and checks of cabildo.yaml, as an object. A setting that is
// left out, or undefined, has the default of docs/configuration.md.

/** A time with its unit: "500ms", "2s", "5min", "1h". */
export type Duration = `${number}${"ms" | "s" | "m" | "min" | "h" | "d"}`;

/** A size with its unit: "64KiB", "4MiB". */
export type Size = `${number}${"B" | "KiB" | "MiB" | "GiB"}`;

export interface MemberSettings {
  /** This member's number among `members`, 0 to 2,147,483,647. A member that is alone needs none. */
  readonly id?: number | undefined;
  /** Where snapshots and the log are kept: a directory of this member's own. It is made if it is missing. */
  readonly data: string;
  /** Where the log is kept; in `data` unless given. */
  readonly log?: string | undefined;
  /**
   * The ensemble at its first start, by numbers, this member included: `{ 1: { host: "10.0.0.1" }, … }`, or texts of the form
   * `host:peerPort:electionPort`. Later the log knows better. Left out: this member is alone.
   */
  readonly members?: Readonly<Record<number, string | MemberAddress>> | undefined;
  /** Instead of `members`: a file that holds the `server.N` lines. */
  readonly membersFile?: string | undefined;
  /**
   * The door for ZooKeeper's clients, and `connect` of other processes; several doors as a list. Without a port nobody but this
   * process uses the member. A client port among `members` counts as well.
   */
  readonly zookeeper?: ZooKeeperDoorSettings | readonly ZooKeeperDoorSettings[] | undefined;
  readonly ensemble?: EnsembleSettings | undefined;
  readonly peer?: PeerPortSettings | undefined;
  readonly raft?: RaftSettings | undefined;
  readonly storage?: DiskSettings | undefined;
  readonly tree?: ZnodeSettings | undefined;
  /** The management server; off unless it is enabled or its port is given. */
  readonly admin?: ManagementSettings | undefined;
  readonly metrics?: PrometheusSettings | undefined;
}

/** Where the others reach a member, and where it may take clients. */
export interface MemberAddress {
  readonly host: string;
  /** 2888 unless given. */
  readonly peerPort?: number | undefined;
  /** ZooKeeper's second port, at which nobody listens here: told to ZooKeeper's tools. 3888 unless given. */
  readonly electionPort?: number | undefined;
  /** An observer does not vote. */
  readonly role?: "participant" | "observer" | undefined;
  /** The address to take clients at; every one unless given. */
  readonly clientAddress?: string | undefined;
  readonly clientPort?: number | undefined;
  readonly secureAddress?: string | undefined;
  readonly securePort?: number | undefined;
}

/** What every door has: where it listens, and how many it takes. */
export interface DoorListenSettings {
  readonly port?: number | undefined;
  /** The address to listen at; every one unless given. */
  readonly address?: string | undefined;
  /** For TLS, with `tls`. */
  readonly securePort?: number | undefined;
  readonly secureAddress?: string | undefined;
  /** The plain port takes TLS as well. */
  readonly portUnification?: boolean | undefined;
  /** Connections that wait to be accepted. */
  readonly backlog?: number | undefined;
  readonly tcpKeepAlive?: boolean | undefined;
  readonly tls?: TlsFiles | undefined;
}

export interface ZooKeeperDoorSettings extends DoorListenSettings {
  readonly session?:
    | {
        /** ZooKeeper's unit of time: "3s" unless given. */
        readonly tick?: Duration | undefined;
        /** The shortest session timeout that a client gets: 2 ticks unless given. */
        readonly timeoutMin?: Duration | undefined;
        /** The longest: 20 ticks. */
        readonly timeoutMax?: Duration | undefined;
      }
    | undefined;
  readonly limits?:
    | {
        /** The longest frame from a client. */
        readonly frame?: Size | undefined;
        /** Requests in hand; beyond, clients are not read from. */
        readonly outstanding?: number | undefined;
        /** 0: no limit. */
        readonly connectionsPerAddress?: number | undefined;
        /** 0: no limit. */
        readonly connections?: number | undefined;
      }
    | undefined;
  readonly security?: ZooKeeperSecuritySettings | undefined;
  /** Without a quorum, serve clients that can do with old reads. */
  readonly readOnlyMode?: boolean | undefined;
  /** Four-letter words that are answered. */
  readonly words?: "all" | readonly string[] | undefined;
}

export interface ZooKeeperSecuritySettings {
  /** Access lists are not looked at. */
  readonly skipAcl?: boolean | undefined;
  readonly digest?: boolean | undefined;
  /** `super:base64(sha1(super:password))` */
  readonly superDigest?: string | undefined;
  readonly digestAlgorithm?: "SHA1" | undefined;
  readonly superUser?: string | undefined;
  /** More of them, under numbers. */
  readonly superUsers?: Readonly<Record<number, string>> | undefined;
  readonly superCertificate?: string | undefined;
  /** SASL DIGEST-MD5: passwords by user. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  readonly providers?: Readonly<Record<string, string>> | undefined;
  readonly jaasFile?: string | undefined;
  readonly jaasSection?: string | undefined;
  /** A client that failed SASL may go on without. */
  readonly allowFailedSasl?: boolean | undefined;
  readonly requireSasl?: boolean | undefined;
  /** Clients must prove one of `enforceSchemes`. */
  readonly enforce?: boolean | undefined;
  readonly enforceSchemes?: readonly ("digest" | "ip" | "x509" | "sasl")[] | undefined;
}

/** PEM files. */
export interface TlsFiles {
  /** A file with the private key and the certificates. */
  readonly keyStore?: string | undefined;
  readonly keyPassword?: string | undefined;
  readonly keyPasswordFile?: string | undefined;
  /** Instead of `keyStore`: a file with the key alone, and one with the certificates. */
  readonly key?: string | undefined;
  readonly certificate?: string | undefined;
  /** Whom to trust. */
  readonly authorities?: string | undefined;
  readonly clientAuth?: "need" | "want" | "none" | undefined;
  /** The newest version spoken. */
  readonly protocol?: "TLSv1.2" | "TLSv1.3" | undefined;
  readonly protocols?: readonly ("TLSv1.2" | "TLSv1.3")[] | undefined;
  /** In OpenSSL's or Java's names. */
  readonly ciphers?: readonly string[] | undefined;
  readonly verifyHost?: boolean | undefined;
  readonly verifyClientHost?: boolean | undefined;
  /** Look for new files while running. */
  readonly reload?: boolean | undefined;
}

export interface EnsembleSettings {
  /** False: one member makes an ensemble of one, which can grow. */
  readonly standalone?: boolean | undefined;
  /** Members may be changed while running. */
  readonly reconfig?: boolean | undefined;
  /** Members that the ensemble is founded without, if they do not answer. Read docs/operations.md first. */
  readonly foundWithout?: readonly number[] | undefined;
  /** In ticks; can only shorten `raft.electionTimeout`. */
  readonly syncTicks?: number | undefined;
}

export interface PeerPortSettings {
  /** What all members know and nobody else, 16 characters and more, by which they prove themselves. */
  readonly secret?: string | undefined;
  /** A file with the secret, instead. */
  readonly secretFile?: string | undefined;
  /** False while a secret is being introduced. */
  readonly secretRequired?: boolean | undefined;
  /** Between members; `enabled`: this member calls the others by TLS. */
  readonly tls?: (TlsFiles & { readonly enabled?: boolean | undefined }) | undefined;
  /** Takes calls with and without TLS. */
  readonly portUnification?: boolean | undefined;
  /** Listen for the other members on every address. */
  readonly listenOnAll?: boolean | undefined;
  readonly severalAddresses?: boolean | undefined;
  readonly tcpKeepAlive?: boolean | undefined;
  readonly connectTimeout?: Duration | undefined;
}

export interface RaftSettings {
  /** A follower that hears nothing for this long to twice as long asks for an election: "600ms" unless given. */
  readonly electionTimeout?: Duration | undefined;
  /** How often a leader is heard at least: "100ms" unless given. */
  readonly heartbeatInterval?: Duration | undefined;
}

export interface DiskSettings {
  /** False: a missing directory is an error, as where a disk was not mounted. */
  readonly createDirectories?: boolean | undefined;
  /** Size of a file of the log: "64MiB" unless given. */
  readonly segment?: Size | undefined;
  /** Take a snapshot after this much log: "256MiB" unless given. */
  readonly snapshotAfter?: Size | undefined;
  readonly snapshotAfterCommands?: number | undefined;
  /** At least 3. */
  readonly snapshotsKept?: number | undefined;
  /** A slower sync of the log is logged. */
  readonly slowSync?: Duration | undefined;
  /** Entries of the log that no member can carry out. Read docs/operations.md first. */
  readonly skipEntries?: readonly number[] | undefined;
}

export interface ZnodeSettings {
  readonly ttlNodes?: boolean | undefined;
  /** Hard quotas are enforced. */
  readonly enforceQuota?: boolean | undefined;
  readonly containerCheckEvery?: Duration | undefined;
  readonly containersPerMinute?: number | undefined;
  readonly containerNeverUsed?: Duration | undefined;
}

export interface ManagementSettings {
  readonly enabled?: boolean | undefined;
  /** "127.0.0.1" unless given. */
  readonly address?: string | undefined;
  /** 8080 unless given; 0: any that is free. */
  readonly port?: number | undefined;
  readonly url?: string | undefined;
  /** Names by which it may be called, besides its addresses. */
  readonly hosts?: readonly string[] | undefined;
  readonly idleTimeout?: Duration | undefined;
  readonly rateLimit?: Duration | undefined;
  /** Holds the token that operators prove themselves by; unless given, one in the data directory, which the member draws. */
  readonly tokenFile?: string | undefined;
  /** Operators may come from other machines, over an unencrypted connection. */
  readonly remoteOperations?: boolean | undefined;
  readonly snapshot?: boolean | undefined;
}

export interface PrometheusSettings {
  /** "prometheus" opens a port for metrics alone; they are at the management server's /metrics anyhow. */
  readonly provider?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}
