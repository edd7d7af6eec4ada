// The options of calls and of the client, with their defaults.

import { CoordinationError } from "../../../base/errors.ts";
import { type Logger, silentLogger } from "../../../base/logger.ts";
import type { CallOptions as BareCallOptions } from "./call.ts";
import {
  BACKLOG_BYTES_MAX,
  BACKLOG_REQUESTS_MAX,
  CLOCK_RATE_MARGIN,
  REPLY_BYTES_MAX,
  REQUEST_BYTES_MAX,
  REQUEST_TIMEOUT_MS,
  SESSION_TIMEOUT_MS,
} from "./limits.ts";
import type { SaslCredentials } from "./sasl.ts";
import type { Server } from "./server-selector.ts";
import type { Session } from "./session.ts";
import type { SessionManagerOptions } from "./session-manager.ts";
import type { Credential } from "./session-requests.ts";
import type { Acl, Lifetime, Watcher } from "./types.ts";

/** Options of every call, as its last argument. */
export interface CallOptions extends BareCallOptions {
  /** The call is for this session only: it fails ("session-expired", not applied) once the client has another, or none. */
  readonly session?: Session | undefined;
}

/** A read that also watches: `watch` is called once, with the next event of what was read. */
export interface WatchingOptions extends CallOptions {
  readonly watch?: Watcher | undefined;
}

/** A change only in this version of the node; −1, the default, is any. */
export interface VersionOptions extends CallOptions {
  readonly version?: number | undefined;
}

/** How a new node lives (persistent unless `mode` says otherwise), and who may do what with it (anyone, unless `acl` does). */
export type CreateOptions = CallOptions & Lifetime & { readonly acl?: readonly Acl[] | undefined };

/** Of a persistent watch. */
export interface AddWatchOptions extends CallOptions {
  /** Watches everything below as well; then there are no events of lists of children. */
  readonly recursive?: boolean | undefined;
  /** Unread events that are kept; 1000 unless given. */
  readonly bufferMax?: number | undefined;
}

/**
 * Either who joins (`server.1=host:2888:3888;2181`) and who leaves (numbers), or all members. `fromVersion`: only if the
 * configuration is this one (its version, a zxid).
 */
export type ReconfigOptions = CallOptions & { readonly fromVersion?: bigint | undefined } & (
    | { readonly joining?: readonly string[]; readonly leaving?: readonly (number | string)[] }
    | { readonly members: readonly string[] }
  );

/** Options of a client; all are optional. */
export interface ClientOptions {
  /** Silence after which the servers expire the session, in milliseconds; they may raise or lower it. 10,000 unless given. */
  readonly sessionTimeoutMs?: number | undefined;
  /** How long a call may take unless it says otherwise: 30,000 ms. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * After the loss of its session the client begins a new one, without ephemeral nodes and watches ("new-session", the default), or
   * it begins none, and every call fails ("stop").
   */
  readonly onLoss?: "new-session" | "stop" | undefined;
  /** Proofs of identity, given on every connection before anything else. */
  readonly auth?: readonly Credential[] | undefined;
  /** A user of the servers' JAAS file, proved by DIGEST-MD5 on every connection before anything else. */
  readonly sasl?: SaslCredentials | undefined;
  /** Accepts a server without a quorum, which answers reads only. */
  readonly readOnly?: boolean | undefined;
  /** Attaches to a session that another client had, if it still lives. */
  readonly resume?: Pick<Session, "id" | "password" | "timeoutMs"> | undefined;
  /** How long one server is tried before the next; from the session's timeout unless given. */
  readonly attemptTimeoutMs?: number | undefined;
  /** By how much the servers' clocks may run faster than this machine's, as a part of 1; 0.001 unless given. */
  readonly clockRateMargin?: number | undefined;
  /** The servers' `jute.maxbuffer`, 1,048,575 unless given: a longer request is refused here, because they would close the connection. */
  readonly requestBytesMax?: number | undefined;
  /** A longer reply counts as damage; 256 MiB unless given. */
  readonly replyBytesMax?: number | undefined;
  /** How many requests may wait for their answers at once: 100,000. One more fails ("overloaded", not applied). */
  readonly backlogRequestsMax?: number | undefined;
  /** How many bytes they may have together: 64 MiB. */
  readonly backlogBytesMax?: number | undefined;
  /** Told of connections lost and refused; silent unless given. */
  readonly logger?: Logger | undefined;
  /**
   * Is called with what a watcher or a state listener throws, or rejects with. Unless given, the error is uncaught, as with the
   * listeners of an EventTarget in Node.
   */
  readonly onListenerError?: ((error: unknown) => void) | undefined;
}

/** Throws a CoordinationError ("configuration") for an impossible option. */
export function sessionManagerOptionsOf(servers: readonly Server[], options: ClientOptions): SessionManagerOptions {
  return {
    servers,
    sessionTimeoutMs: positive("sessionTimeoutMs", options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS),
    requestTimeoutMs: positive("requestTimeoutMs", options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS),
    attemptTimeoutMs:
      options.attemptTimeoutMs === undefined ? null : positive("attemptTimeoutMs", options.attemptTimeoutMs),
    clockRateMargin: fraction("clockRateMargin", options.clockRateMargin ?? CLOCK_RATE_MARGIN),
    readOnly: options.readOnly ?? false,
    onLoss: options.onLoss ?? "new-session",
    credentials: options.auth ?? [],
    sasl: options.sasl ?? null,
    resume: options.resume ?? null,
    requestBytesMax: positive("requestBytesMax", options.requestBytesMax ?? REQUEST_BYTES_MAX),
    replyBytesMax: positive("replyBytesMax", options.replyBytesMax ?? REPLY_BYTES_MAX),
    backlogRequestsMax: positive("backlogRequestsMax", options.backlogRequestsMax ?? BACKLOG_REQUESTS_MAX),
    backlogBytesMax: positive("backlogBytesMax", options.backlogBytesMax ?? BACKLOG_BYTES_MAX),
    logger: options.logger ?? silentLogger,
  };
}

export function positive(name: string, value: number): number {
  if (typeof value === "number" && value > 0 && value <= 0x7fffffff) return value;
  throw new CoordinationError("configuration", "not-applied", `${name} is a number from 1 to 2147483647, not ${value}`);
}

function fraction(name: string, value: number): number {
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw new CoordinationError("configuration", "not-applied", `${name} is a part of 1, from 0, not ${value}`);
}
