// How a command reaches one member as its operator: the address of its management port, and its token.

import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { CoordinationError, type CoordinationErrorCode, type OperationOutcome } from "../base/errors.ts";
import { ConfigurationError } from "../server/configuration/configuration.ts";
import { loadConfiguration } from "../server/configuration/load.ts";
import { tokenFileOf } from "../server/operator-token.ts";
import { type Address, formatAddress, MANAGEMENT_PORT, parseAddress } from "./ask-member.ts";
import { chosenCluster, managementOfContext } from "./chosen-cluster.ts";
import type { Context } from "./contexts.ts";

/** As commander gives them. */
export interface AccessOptions {
  /** `host:port` of the management port. */
  readonly member?: string;
  readonly tokenFile?: string;
  /** The name of a context. */
  readonly context?: string;
  /** The member's own zoo.cfg or cabildo.yaml: it says both. */
  readonly config?: string;
}

export interface MemberAccess {
  readonly address: Address;
  readonly token: string;
}

/** Nothing came for so long: the member is gone, or stuck. */
const SILENT_MS = 60_000;
const ERROR_BYTES_MAX = 64 * 1024;

/** Throws a `CoordinationError` that says which option or file is wrong. */
export function memberAccess(options: AccessOptions): MemberAccess {
  const kept = contextOf(options)?.tokenFile ?? undefined;
  const own = options.config === undefined ? null : ownSettings(options.config);
  const flagged = options.tokenFile ?? (options.context === undefined ? undefined : kept);
  const file = flagged ?? (process.env["CABILDO_TOKEN_FILE"] || (own?.tokenFile ?? kept));
  if (file === undefined) {
    throw wrong(
      "the member's token is needed: --config names its zoo.cfg or cabildo.yaml; or --token-file (CABILDO_TOKEN_FILE, a context) " +
        "names the file operator-token of its data directory, or the one that admin.tokenFile names",
    );
  }
  return { address: memberAddress(options), token: tokenIn(file) };
}

/** Where the member's management port is. */
export function memberAddress(options: AccessOptions): Address {
  const { member, config } = options;
  if (member === undefined && config !== undefined) return ownSettings(config).address;
  const context = member === undefined ? contextOf(options) : null;
  const [first] = context === null ? [] : managementOfContext(context);
  if (first !== undefined) return first;
  const address = parseAddress(member ?? `127.0.0.1:${MANAGEMENT_PORT}`);
  if (address === null) throw wrong(`"${member}" is no address: write host:port`);
  return address;
}

/**
 * Null: the command is told of the member otherwise. A context that is only in use has no say beside --member: its token would go to
 * another cluster.
 */
function contextOf({ member, config, context }: AccessOptions): Context | null {
  if (context !== undefined && config !== undefined) throw wrong("--config and --context exclude each other");
  if (context === undefined && (member ?? config) !== undefined) return null;
  const cluster = chosenCluster(context === undefined ? {} : { context });
  return cluster.kind === "context" ? cluster.context : null;
}

function ownSettings(file: string): { readonly address: Address; readonly tokenFile: string } {
  try {
    const { configuration } = loadConfiguration({ file, environment: process.env });
    const { admin, dataDir } = configuration;
    if (admin.listen === null) throw wrong(`${file} turns the admin server off (admin.enableServer)`);
    const { host, port } = admin.listen;
    return { address: { host: host ?? "127.0.0.1", port }, tokenFile: tokenFileOf({ dataDir, ...admin }) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw wrong(error.problems.join("; "));
  }
}

function tokenIn(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw wrong(`the token file ${file} cannot be read: ${(error as Error).message}`);
  }
}

/**
 * Asks a member for an operation; gives its answer while it comes. Throws a `CoordinationError`: the member's own; or
 * "connection-lost", with the outcome "not-applied" where it was not reached, and "unknown" where it did not answer.
 */
export function askOperation({ address, token }: MemberAccess, path: string): Promise<IncomingMessage> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost", authorization: `Bearer ${token}` };
    const asked = request({ method: "POST", host, port, path: `/operator/${path}`, headers, agent: false });
    let isConnected = false;
    asked.setTimeout(SILENT_MS, () => asked.destroy(new Error(`no answer for ${SILENT_MS / 1000} s`)));
    asked.once("socket", (socket) => socket.once("connect", () => (isConnected = true)));
    asked.once("error", (error) => reject(unreached(address, isConnected, error)));
    asked.once("response", (response) => {
      if (response.statusCode === 200) resolve(response);
      else refusalIn(response).then(reject, (error) => reject(unreached(address, true, error)));
    });
    asked.end();
  });
}

/** The whole of an answer that is JSON. */
export async function jsonIn(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ERROR_BYTES_MAX) throw new SyntaxError("it is too long");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

async function refusalIn(response: IncomingMessage): Promise<CoordinationError> {
  const answer = (await jsonIn(response)) as { readonly error?: Record<string, unknown> };
  const { code, outcome, message } = answer.error ?? {};
  if (typeof code !== "string" || typeof outcome !== "string") throw new SyntaxError("it is no member's answer");
  return new CoordinationError(code as CoordinationErrorCode, outcome as OperationOutcome, String(message));
}

function unreached(address: Address, isConnected: boolean, error: unknown): CoordinationError {
  const where = `the member's management port at ${formatAddress(address)}`;
  const { message } = error as Error;
  if (!isConnected) {
    const why = `${where} is not reached: ${message}. --member says where it is (admin.serverPort)`;
    return new CoordinationError("connection-lost", "not-applied", why, { cause: error });
  }
  return new CoordinationError("connection-lost", "unknown", `${where} gave no answer: ${message}`, { cause: error });
}

function wrong(message: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", message);
}
