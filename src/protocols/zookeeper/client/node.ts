// The client's ports on Node: sockets, TLS, names, time, random numbers and hashes. Nothing else of the client uses Node.

import { createHash, randomBytes, randomInt } from "node:crypto";
import { lookup } from "node:dns";
import { connect, isIP, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { type ConnectionOptions, connect as connectSecurely, createSecureContext } from "node:tls";
import { TIMER_MS_MAX } from "../../../base/clock.ts";
import { CoordinationError } from "../../../base/errors.ts";
import { type Random, seededRandom } from "../../../base/random.ts";
import { ZooKeeperClient } from "./client.ts";
import { parseConnectString } from "./connect-string.ts";
import { CONNECT_TIMEOUT_MS } from "./limits.ts";
import { CONNECT, checkConfiguration, OPEN } from "./option-rules.ts";
import type { ClientOptions } from "./options.ts";
import type { ClientPorts, Link, LinkEvents, Target, Transport } from "./ports.ts";

export interface NodeClientOptions extends ClientOptions {
  /**
   * TLS: `true` trusts this machine's authorities; otherwise Node's own options (`ca`, `cert`, `key`, `passphrase`, …). A server's
   * certificate must be for its name in the connect string.
   */
  readonly tls?: boolean | ConnectionOptions | undefined;
}

export interface ConnectOptions extends NodeClientOptions {
  /** Ends the wait for the first connection, and the client with it. */
  readonly signal?: AbortSignal | undefined;
  /** How long the first connection may take, over all servers and rounds: 30,000 ms unless given. */
  readonly connectTimeoutMs?: number | undefined;
}

/**
 * Connects to the servers of a connect string, `host:port,host:port/chroot` or `zookeeper://host:port,…/chroot`
 * (`zookeeper+tls://` with TLS), and completes with the first session. Fails as `connected` does, with nothing left behind.
 */
export async function connectZooKeeper(servers: string, options: ConnectOptions = {}): Promise<ZooKeeperClient> {
  checkConfiguration("connectZooKeeper", options, CONNECT);
  const { signal, connectTimeoutMs: timeoutMs = CONNECT_TIMEOUT_MS, ...rest } = options;
  const client = openZooKeeper(servers, rest);
  try {
    await client.connected({ signal, timeoutMs });
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** A client that connects in the background: what it is asked waits until it is connected. */
export function openZooKeeper(servers: string, options: NodeClientOptions = {}): ZooKeeperClient {
  checkConfiguration("openZooKeeper", options, OPEN);
  const { tls, ...rest } = options;
  const parsed = parseConnectString(servers);
  return new ZooKeeperClient(parsed, rest, nodePorts(tls ?? parsed.isTls));
}

/** `tls`: as in the options; false is plain TCP. Throws a CoordinationError ("configuration") where they cannot be used. */
export function nodePorts(tls: boolean | ConnectionOptions = false): ClientPorts {
  return {
    transport: new NodeTransport(tls === false ? null : secured(tls === true ? {} : tls)),
    clock: {
      now: () => performance.now(),
      wall: () => Date.now(),
      defer(task) {
        setImmediate(task);
      },
      after(milliseconds, task) {
        // What is late by its own clock only, is asked again when it fires early.
        const timer = setTimeout(task, Math.min(milliseconds, TIMER_MS_MAX));
        return () => clearTimeout(timer);
      },
    },
    random: trueRandom(),
    hashes: { md5: (bytes) => createHash("md5").update(bytes).digest(), randomBytes: (count) => randomBytes(count) },
  };
}

/** Keys and certificates are read once, so that a wrong one is reported at once and not at each connection. */
function secured(options: ConnectionOptions): ConnectionOptions {
  try {
    return { ...options, secureContext: options.secureContext ?? createSecureContext(options) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CoordinationError("configuration", "not-applied", `tls: ${why}`, { cause: error });
  }
}

function trueRandom(): Random {
  return seededRandom(randomInt(2 ** 47));
}

class NodeTransport implements Transport {
  readonly #tls: ConnectionOptions | null;

  constructor(tls: ConnectionOptions | null) {
    this.#tls = tls;
  }

  resolve(host: string, done: (error: Error | null, addresses: readonly string[]) => void): () => void {
    let isCalledOff = false;
    if (isIP(host) !== 0) {
      done(null, [host]);
    } else {
      lookup(host, { all: true }, (error, addresses) => {
        if (isCalledOff) return;
        if (error !== null) done(error, []);
        else done(null, [...new Set(addresses.map(({ address }) => address))]);
      });
    }
    return () => {
      isCalledOff = true;
    };
  }

  dial(target: Target, events: LinkEvents): Link {
    const { host, address, port } = target;
    if (this.#tls === null) return new SocketLink(connect({ host: address, port }), "connect", events);
    const name = isIP(host) === 0 ? { servername: host } : {};
    return new SocketLink(connectSecurely({ ...name, ...this.#tls, host: address, port }), "secureConnect", events);
  }
}

class SocketLink implements Link {
  readonly #socket: Socket;
  #isCut = false;

  constructor(socket: Socket, opened: "connect" | "secureConnect", events: LinkEvents) {
    let failure: Error | null = null;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on(opened, () => events.onOpen());
    socket.on("data", (chunk: Uint8Array) => events.onData(chunk));
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      if (!this.#isCut) events.onClose(failure);
    });
  }

  write(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  destroy(done: () => void = () => {}): void {
    this.#isCut = true;
    if (this.#socket.closed) done();
    else this.#socket.once("close", done).destroy();
  }
}
