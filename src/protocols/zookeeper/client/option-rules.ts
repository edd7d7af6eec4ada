// The rules of options, for calls and for the client: a misspelt name or an impossible value is refused before anything is sent.

import { CoordinationError } from "../../../base/errors.ts";
import { OPTION, type OptionRule, type OptionRules, problemOf } from "../../../base/options.ts";
import { badArguments } from "./errors.ts";
import type {
  AddWatchOptions,
  CallOptions,
  ClientOptions,
  CreateOptions,
  ReconfigOptions,
  VersionOptions,
  WatchingOptions,
} from "./options.ts";
import type { Watcher } from "./types.ts";

type Rules = Readonly<Record<string, OptionRule>>;
type KeysOfAny<T> = T extends unknown ? keyof T : never;
type RulesOfAny<T> = { readonly [Name in KeysOfAny<T>]: OptionRule };

const { any, callback, duration, flag, list, logger, objectWith, oneOf, secret, signal, text } = OPTION;

/** A session of this client, which programs cannot make themselves. */
const session = objectWith(
  "a session of this client",
  ({ id, signal }) => typeof id === "bigint" && signal !== undefined,
);

// `timeoutMs` of a call may be 0, or less: then it fails at its deadline.
export const CALL: OptionRules<CallOptions> = { signal, timeoutMs: OPTION.number, session };
export const WATCHING: OptionRules<WatchingOptions> = { ...CALL, watch: callback };
/** Versions are checked where the path is known. */
export const VERSION: OptionRules<VersionOptions> = { ...CALL, version: any };
export const CREATE: RulesOfAny<CreateOptions> = { ...CALL, mode: text, ttlMs: any, acl: list };
export const CREATE_OPERATION = { mode: text, ttlMs: any, acl: list, withStat: flag };
export const ADD_WATCH: OptionRules<AddWatchOptions> = { ...CALL, recursive: flag, bufferMax: any };
export const REMOVE_WATCHES: OptionRules<CallOptions & { watcher?: Watcher }> = { ...CALL, watcher: callback };
export const RECONFIG: RulesOfAny<ReconfigOptions> = {
  ...CALL,
  joining: list,
  leaving: list,
  members: list,
  fromVersion: { is: "a bigint", fits: (value) => typeof value === "bigint" },
};
export const CONNECTED = { signal, timeoutMs: OPTION.number, failWhenRefused: flag };
export const CLOSE = { timeoutMs: duration };

/** Numbers are checked by `sessionManagerOptionsOf`, which knows their ranges. */
export const CLIENT: OptionRules<ClientOptions> = {
  sessionTimeoutMs: any,
  requestTimeoutMs: any,
  onLoss: oneOf("new-session", "stop"),
  auth: secret({
    is: "a list of { scheme, auth }",
    fits: (value) => Array.isArray(value) && value.every(isCredential),
  }),
  sasl: secret(objectWith("{ username, password }", ({ username, password }) => isText(username) && isText(password))),
  readOnly: flag,
  resume: secret(
    objectWith(
      "a session's { id, password, timeoutMs }",
      ({ id, password, timeoutMs }) => typeof id === "bigint" && isBytes(password) && typeof timeoutMs === "number",
    ),
  ),
  attemptTimeoutMs: any,
  clockRateMargin: any,
  requestBytesMax: any,
  replyBytesMax: any,
  backlogRequestsMax: any,
  backlogBytesMax: any,
  logger,
  onListenerError: callback,
};

const TLS: OptionRule = secret({
  is: "true, false, or Node's options of a TLS connection",
  fits: (value) => typeof value === "boolean" || (typeof value === "object" && value !== null),
});
export const OPEN = { ...CLIENT, tls: TLS };
export const CONNECT = { ...OPEN, signal, connectTimeoutMs: duration };

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value);
}

function isCredential(value: unknown): boolean {
  const { scheme, auth } = (value ?? {}) as Partial<Record<"scheme" | "auth", unknown>>;
  return isText(scheme) && (isText(auth) || isBytes(auth));
}

/** Throws a ZooKeeperError ("bad-arguments"). */
export function checkCall(name: string, path: string | null, options: unknown, rules: Rules): void {
  const problem = problemOf(options, rules);
  if (problem !== null) throw badArguments(name, typeof path === "string" ? path : null, problem);
}

/** Throws a CoordinationError ("configuration"). `what` is the function that was called. */
export function checkConfiguration(what: string, options: unknown, rules: Rules): void {
  const problem = problemOf(options, rules);
  if (problem !== null) throw new CoordinationError("configuration", "not-applied", `${what}: ${problem}`);
}
