// ZooKeeper's protocol on real sockets: listens on the client ports, plain and TLS, keeps out who is one too many, and
// hands each connection to the service.

import { createHash, randomBytes } from "node:crypto";
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type SecureVersion,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";
import { CoordinationError } from "../../base/errors.ts";
import { type Logger, silentLogger } from "../../replica/logger.ts";
import type { Clock } from "../../replica/ports.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";
import type { Policy } from "../../state/tree/commands.ts";
import type { StateEvents } from "../../state/types.ts";
import type { AuthOptions, Hashes } from "./auth.ts";
import type { Connection, Peer } from "./connection.ts";
import type { FourLetterWordHandler } from "./door-options.ts";
import {
  BOUNDS,
  CERTIFICATE_NAME_BYTES_MAX,
  CLOSING_DEADLINE_MS,
  CONNECTIONS_PER_ADDRESS_MAX,
  FRAME_BYTES_MAX,
  HANDSHAKE_DEADLINE_MS,
  OUTSTANDING_MAX,
} from "./limits.ts";
import type { ConnectionPort } from "./outgoing.ts";
import type { SaslOptions } from "./sasl.ts";
import { Service } from "./service.ts";
import { SocketPort } from "./socket-port.ts";
import type { ServerStats } from "./stats.ts";
import { subjectOf } from "./x509.ts";

export interface TlsOptions {
  /** PEM texts, not file names. */
  readonly key: string;
  readonly cert: string;
  /** Who vouches for clients. */
  readonly ca?: string;
  readonly passphrase?: string;
  /** `ssl.clientAuth`; "need" unless given, as in ZooKeeper. */
  readonly clientAuth?: "need" | "want" | "none";
  /** `ssl.ciphersuites`, in OpenSSL's names. */
  readonly ciphers?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** `ssl.clientHostnameVerification`: a client's certificate must name the address that it comes from. */
  readonly verifyClientHost?: boolean;
}

export interface ZooKeeperServerOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** 0: any free one. Left out: no plain port. */
  readonly clientPort?: number;
  /** All addresses unless given. */
  readonly clientPortAddress?: string;
  readonly secureClientPort?: number;
  readonly secureClientPortAddress?: string;
  readonly tls?: TlsOptions;
  /** `client.portUnification`: TLS is understood on the plain port too. */
  readonly portUnification?: boolean;
  /** `clientPortListenBacklog`. */
  readonly listenBacklog?: number;
  /** `maxClientCnxns`, from one address; 0: no limit. */
  readonly maxClientCnxns?: number;
  /** `maxCnxns`, in all; 0: no limit. */
  readonly maxCnxns?: number;
  /** `clientTcpKeepAlive`. */
  readonly clientTcpKeepAlive?: boolean;
  readonly tickTimeMs?: number;
  readonly minSessionTimeoutMs?: number;
  readonly maxSessionTimeoutMs?: number;
  readonly juteMaxBuffer?: number;
  readonly globalOutstandingLimit?: number;
  readonly readOnlyMode?: boolean;
  readonly policy?: Policy;
  readonly auth?: AuthOptions;
  readonly sasl?: SaslOptions;
  readonly saslSuperUsers?: readonly string[];
  readonly allowSaslFailedClients?: boolean;
  readonly enforceAuthSchemes?: readonly string[];
  readonly fourLetterWord?: FourLetterWordHandler;
}

export interface ZooKeeperServer {
  /** The state's events are to be passed to these, in the middle of `apply`. */
  readonly events: StateEvents;
  readonly stats: ServerStats;
  /** Where it listens; null where it does not. */
  readonly clientAddress: AddressInfo | null;
  readonly secureClientAddress: AddressInfo | null;
  /** A connection that is no socket's, such as one from this process; null when it serves nobody any more. */
  accept(port: ConnectionPort, peer: Peer): Connection | null;
  /** New certificates, for the clients that come from now on; throws where they cannot be used. */
  renewTls(tls: TlsOptions): void;
  /** Lets all clients go and stops listening. Their sessions live on. */
  close(): Promise<void>;
}

const hashes: Hashes = {
  sha1: (bytes) => createHash("sha1").update(bytes).digest(),
  md5: (bytes) => createHash("md5").update(bytes).digest(),
  randomBytes: (count) => randomBytes(count),
};

const TLS_HANDSHAKE_RECORD = 0x16;

/** Listens for ZooKeeper clients. Rejects with `configuration` when a port cannot be had. */
export async function openZooKeeperServer(
  member: ReplicaPort,
  options: ZooKeeperServerOptions,
): Promise<ZooKeeperServer> {
  const server = new Listeners(member, options);
  try {
    await server.listen();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

class Listeners implements ZooKeeperServer {
  readonly #options: ZooKeeperServerOptions;
  readonly #logger: Logger;
  readonly #service: Service;
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  #plain: Server | null = null;
  #secure: TlsServer | null = null;

  constructor(member: ReplicaPort, options: ZooKeeperServerOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    const tickTimeMs = options.tickTimeMs ?? 2000;
    this.#service = new Service(member, {
      clock: options.clock,
      hashes,
      logger: this.#logger,
      tickTimeMs,
      minSessionTimeoutMs: options.minSessionTimeoutMs ?? tickTimeMs * 2,
      maxSessionTimeoutMs: options.maxSessionTimeoutMs ?? tickTimeMs * 20,
      frameBytesMax: options.juteMaxBuffer ?? FRAME_BYTES_MAX,
      globalOutstandingLimit: options.globalOutstandingLimit ?? OUTSTANDING_MAX,
      bounds: BOUNDS,
      readOnlyMode: options.readOnlyMode ?? false,
      policy: options.policy ?? {},
      auth: options.auth ?? {},
      sasl: options.sasl ?? null,
      saslSuperUsers: options.saslSuperUsers ?? [],
      allowSaslFailedClients: options.allowSaslFailedClients ?? false,
      enforceAuthSchemes: options.enforceAuthSchemes ?? [],
      fourLetterWord: options.fourLetterWord ?? null,
    });
  }

  get events(): StateEvents {
    return this.#service;
  }

  get stats(): ServerStats {
    return this.#service.counters;
  }

  get clientAddress(): AddressInfo | null {
    return addressOf(this.#plain);
  }

  get secureClientAddress(): AddressInfo | null {
    return addressOf(this.#secure);
  }

  async listen(): Promise<void> {
    const { clientPort, clientPortAddress, secureClientPort, secureClientPortAddress, tls, portUnification } =
      this.#options;
    if (tls === undefined && (secureClientPort !== undefined || portUnification === true)) {
      throw new CoordinationError("configuration", "not-applied", "TLS for clients needs a key and a certificate");
    }
    if (tls !== undefined) this.#secure = this.#createSecure(tls);
    if (clientPort !== undefined) {
      this.#plain = createPlainServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#onPlain(socket));
      await this.#listenOn(this.#plain, clientPort, clientPortAddress);
    }
    if (this.#secure !== null && secureClientPort !== undefined) {
      await this.#listenOn(this.#secure, secureClientPort, secureClientPortAddress);
    }
  }

  accept(port: ConnectionPort, peer: Peer): Connection | null {
    return this.#service.mode === "stopped" ? null : this.#service.accept(port, peer);
  }

  async close(): Promise<void> {
    this.#service.stop();
    const closed = [this.#plain, this.#secure].map((server) => {
      return new Promise<void>((resolve) => (server?.listening === true ? server.close(() => resolve()) : resolve()));
    });
    const late = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, CLOSING_DEADLINE_MS);
    await Promise.all(closed);
    clearTimeout(late);
    for (const socket of this.#sockets) socket.destroy();
  }

  renewTls(tls: TlsOptions): void {
    this.#secure?.setSecureContext(contextOptions(tls));
  }

  #createSecure(tls: TlsOptions): TlsServer {
    const { clientAuth = "need" } = tls;
    const server = createTlsServer({
      ...contextOptions(tls),
      requestCert: clientAuth !== "none",
      rejectUnauthorized: clientAuth === "need",
      allowHalfOpen: true,
      handshakeTimeout: HANDSHAKE_DEADLINE_MS,
    });
    server.on("secureConnection", (socket) => this.#onSecure(socket));
    server.on("tlsClientError", (error, socket) => {
      this.#service.counters.connectionsRejected += 1;
      this.#service.counters.tlsFailures += 1;
      // Why Node ended it, where it was Node; else OpenSSL's own word for it.
      const { reason = error.message } = error as { readonly reason?: string };
      this.#logger.warn(
        `TLS with ${socket.remoteAddress ?? "a client that has gone"} failed: ${socket.authorizationError ?? reason}`,
      );
      socket.destroy();
    });
    server.on("connection", (socket: Socket) => this.#track(socket));
    return server;
  }

  #listenOn(server: Server, port: number, host: string | undefined): Promise<void> {
    const { listenBacklog } = this.#options;
    return new Promise((resolve, reject) => {
      const onError = (cause: Error): void => {
        const where = `${host ?? "*"}:${port}`;
        reject(
          new CoordinationError("configuration", "not-applied", `cannot listen on ${where}: ${cause.message}`, {
            cause,
          }),
        );
      };
      server.once("error", onError);
      server.listen(
        {
          port,
          ...(host === undefined ? {} : { host }),
          ...(listenBacklog === undefined ? {} : { backlog: listenBacklog }),
        },
        () => {
          server.off("error", onError);
          server.on("error", (error) => this.#logger.error(`client port: ${error.message}`));
          resolve();
        },
      );
    });
  }

  #onPlain(socket: Socket): void {
    if (!this.#track(socket)) return;
    if (this.#options.portUnification !== true) {
      this.#serve(socket, false, null);
      return;
    }
    socket.setTimeout(HANDSHAKE_DEADLINE_MS, () => socket.destroy());
    socket.once("readable", () => {
      socket.setTimeout(0);
      const first = socket.read(1) as Uint8Array | null;
      if (first === null) return; // closed before it said anything
      socket.unshift(first);
      if (first[0] === TLS_HANDSHAKE_RECORD) this.#secure!.emit("connection", socket);
      else this.#serve(socket, false, null);
    });
  }

  #onSecure(socket: TLSSocket): void {
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined && !socket.authorized) {
      // With "want" a client may come without a certificate, but not with one that nobody vouches for.
      this.#service.counters.connectionsRejected += 1;
      this.#logger.warn(`the certificate of ${socket.remoteAddress} is refused: ${socket.authorizationError}`);
      socket.destroy();
      return;
    }
    if (certificate !== undefined && this.#options.tls?.verifyClientHost === true) {
      const address = plainAddress(socket.remoteAddress);
      if (certificate.checkIP(address) === undefined) {
        this.#service.counters.connectionsRejected += 1;
        this.#logger.warn(`the certificate of ${address} is refused: it does not name this address`);
        socket.destroy();
        return;
      }
    }
    let name: string | null = null;
    try {
      name = certificate === undefined ? null : subjectOf(certificate.raw);
    } catch (error) {
      this.#logger.warn(`the certificate of ${socket.remoteAddress} cannot be read: ${String(error)}`);
      socket.destroy();
      return;
    }
    if (name !== null && name.length > CERTIFICATE_NAME_BYTES_MAX) {
      this.#service.counters.connectionsRejected += 1;
      this.#logger.warn(
        `the certificate of ${socket.remoteAddress} is refused: its name has ${name.length} characters`,
      );
      socket.destroy();
      return;
    }
    this.#serve(socket, true, name);
  }

  #serve(socket: Socket, secure: boolean, certificateName: string | null): void {
    const address = plainAddress(socket.remoteAddress);
    const port = socket.remotePort ?? 0;
    socket.setKeepAlive(this.#options.clientTcpKeepAlive === true);
    new SocketPort(socket, (port_) => this.#service.accept(port_, { address, port, secure, certificateName }));
  }

  /** Counts a connection for as long as it lasts; turns away those that are one too many. */
  #track(socket: Socket): boolean {
    if (this.#sockets.has(socket)) return true;
    const { maxClientCnxns = CONNECTIONS_PER_ADDRESS_MAX, maxCnxns = 0 } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    const count = (this.#perAddress.get(address) ?? 0) + 1;
    socket.on("error", () => {}); // a connection that breaks is closed, and that is told
    const tooMany =
      maxClientCnxns > 0 && count > maxClientCnxns
        ? `too many connections from ${address}: the limit is ${maxClientCnxns}`
        : maxCnxns > 0 && this.#sockets.size >= maxCnxns
          ? `too many connections: the limit is ${maxCnxns}`
          : null;
    if (tooMany !== null) {
      this.#service.counters.connectionsRejected += 1;
      this.#logger.warn(tooMany);
      socket.destroy();
      return false;
    }
    this.#sockets.add(socket);
    this.#perAddress.set(address, count);
    socket.once("close", () => this.#untrack(socket, address));
    return true;
  }

  #untrack(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    const count = (this.#perAddress.get(address) ?? 1) - 1;
    if (count === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, count);
  }
}

function contextOptions({
  key,
  cert,
  ca,
  passphrase,
  ciphers,
  minVersion,
  maxVersion,
}: TlsOptions): SecureContextOptions {
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

/** An IPv4 client on an IPv6 socket is an IPv4 client. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return "unknown";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

function addressOf(server: Server | null): AddressInfo | null {
  const address = server?.address() ?? null;
  return address === null || typeof address === "string" ? null : address;
}
