// The connection of commands to the servers, and their error messages: what happened, where, and what to do.

import { CoordinationError } from "../base/errors.ts";
import { connect, type ZooKeeperEngine } from "../engines/zookeeper/index.ts";
import { connectZooKeeper, type ZooKeeperClient, ZooKeeperError } from "../protocols/zookeeper/client/index.ts";
import type { Coordination } from "../recipes/index.ts";
import { type ClusterOptions, chosenCluster } from "./chosen-cluster.ts";
import { EXIT_FAILED, EXIT_USAGE } from "./exit.ts";

/** As commander gives them. */
export interface ServerOptions extends ClusterOptions {
  /** Milliseconds. */
  readonly sessionTimeout?: number;
  readonly auth?: string;
  /** With "json", errors are JSON as well. */
  readonly output?: string;
}

export const DEFAULT_URL = "zookeeper://127.0.0.1:2181";
const TELL_AFTER_MS = 1000;
const CONNECT_TIMEOUT_MS = 10_000;

/** Throws a CoordinationError where the context that was asked for cannot be had. */
export function urlOf(options: ServerOptions): string {
  const cluster = chosenCluster(options);
  if (cluster.kind === "default") return DEFAULT_URL;
  return cluster.kind === "url" ? cluster.connect : cluster.context.connect;
}

/** As a message says it: a name that was chosen long ago may not be the one that is meant. */
function placeOf(options: ServerOptions): string {
  const cluster = chosenCluster(options);
  return cluster.kind === "context" ? `${cluster.context.connect} (context ${cluster.name})` : urlOf(options);
}

/** `label`: names the program to those who see it hold something, or wait. */
export async function openRecipes(
  options: ServerOptions,
  signal?: AbortSignal,
  label?: string,
): Promise<Coordination<ZooKeeperEngine>> {
  return toldWhileWaiting(options, connect(urlOf(options), { ...clientOptions(options), signal, label }));
}

export async function openClient(options: ServerOptions, signal?: AbortSignal): Promise<ZooKeeperClient> {
  return toldWhileWaiting(options, connectZooKeeper(urlOf(options), { ...clientOptions(options), signal }));
}

/** A person at a terminal is told what is waited for. */
async function toldWhileWaiting<T>(options: ServerOptions, opening: Promise<T>): Promise<T> {
  const timer = setTimeout(() => {
    if (process.stderr.isTTY) say(`waiting for a server at ${placeOf(options)}`);
  }, TELL_AFTER_MS);
  try {
    return await opening;
  } finally {
    clearTimeout(timer);
  }
}

function clientOptions({ sessionTimeout, auth = process.env["CABILDO_AUTH"] }: ServerOptions) {
  const at = auth?.indexOf(":") ?? -1;
  if (auth && at < 1) {
    const why = "credentials (--auth, CABILDO_AUTH) have the form scheme:credential, as digest:user:password";
    throw new CoordinationError("configuration", "not-applied", why);
  }
  return {
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    requestTimeoutMs: CONNECT_TIMEOUT_MS,
    ...(sessionTimeout === undefined ? {} : { sessionTimeoutMs: sessionTimeout }),
    ...(auth ? { auth: [{ scheme: auth.slice(0, at), auth: auth.slice(at + 1) }] } : {}),
  };
}

/** Says on stderr what became of it, and gives the exit status. What is no CoordinationError is a bug, and is thrown. */
export function tellFailure(error: unknown, options: ServerOptions): number {
  if (!(error instanceof CoordinationError)) throw error;
  const message = `${error.message}${nextStep(error, options)}`;
  if (options.output === "json") {
    const { code, outcome } = error;
    const reason = error instanceof ZooKeeperError ? { reason: error.reason } : {};
    process.stderr.write(`${JSON.stringify({ error: { code, ...reason, outcome, message } })}\n`);
  } else {
    say(message);
  }
  return isUsersSlip(error) ? EXIT_USAGE : EXIT_FAILED;
}

export function say(text: string): void {
  process.stderr.write(`cabildo: ${text}\n`);
}

/** What could not be asked for at all, of any server. */
export function isUsersSlip(error: CoordinationError): boolean {
  if (error instanceof ZooKeeperError) return error.reason === "bad-arguments";
  return error.code === "configuration" || error.code === "rejected";
}

function nextStep(error: CoordinationError, options: ServerOptions): string {
  const { outcome, code } = error;
  if (outcome === "unknown") return ". It may have been applied: look before you ask again";
  if (error instanceof ZooKeeperError) return refusal(error);
  if (code === "deadline" || code === "connection-lost") {
    return `. Is a server running at ${placeOf(options)}? --connect, CABILDO_CONNECT or a context says where; \`cabildo dev\` starts some`;
  }
  return "";
}

function refusal({ reason, path }: ZooKeeperError): string {
  switch (reason) {
    case "no-node":
      return `: there is no such node. \`cabildo set --create ${path ?? "PATH"} VALUE\` makes it; below a chroot in the URL paths are relative to it`;
    case "bad-version":
      return `: it was changed meanwhile. \`cabildo get -o json ${path ?? "PATH"}\` shows the version that it has`;
    case "not-empty":
      return ": it has children. --recursive removes them too";
    case "no-auth":
      return ": its access list does not let you. --auth digest:user:password (or CABILDO_AUTH) says who you are";
    case "no-children-for-ephemerals":
      return ": an ephemeral node has no children. Choose another parent";
    case "unimplemented":
      return ": the server is too old for it (ZooKeeper 3.6 or newer, or Cabildo)";
    case "quota-exceeded":
      return ": the quota of the path is used up. Remove something, or raise it";
    default:
      return "";
  }
}
