// Which cluster a command means: what its flags say, else the environment, else the context in use, else this machine.

import { CoordinationError } from "../base/errors.ts";
import { parseConnectString } from "../protocols/zookeeper/client/connect-string.ts";
import { type Address, MANAGEMENT_PORT } from "./ask-member.ts";
import { type Context, contextNamed, parseAddresses, readContexts } from "./contexts.ts";
import { managementOf } from "./follow-members.ts";

/** As commander gives them. */
export interface ClusterOptions {
  readonly connect?: string;
  /** The name of a context. */
  readonly context?: string;
}

export type ChosenCluster =
  | { readonly kind: "url"; readonly connect: string; readonly chosenBy: "--connect" | "CABILDO_CONNECT" }
  | {
      readonly kind: "context";
      readonly name: string;
      readonly context: Context;
      readonly chosenBy: "--context" | "CABILDO_CONTEXT" | "context use";
    }
  | { readonly kind: "default" };

/** Reads the contexts only where they decide, so a wrong file does not disturb who names the servers otherwise. */
export function chosenCluster({ connect, context }: ClusterOptions, environment = process.env): ChosenCluster {
  if (connect !== undefined && context !== undefined) {
    const why = "--connect and --context exclude each other: both say which cluster is meant";
    throw new CoordinationError("configuration", "not-applied", why);
  }
  if (connect !== undefined) return { kind: "url", connect, chosenBy: "--connect" };
  if (context !== undefined) return named(context, "--context");
  const url = environment["CABILDO_CONNECT"];
  if (url) return { kind: "url", connect: url, chosenBy: "CABILDO_CONNECT" };
  const name = environment["CABILDO_CONTEXT"];
  if (name) return named(name, "CABILDO_CONTEXT");
  const contexts = readContexts();
  const { current } = contexts;
  if (current === null) return { kind: "default" };
  return { kind: "context", name: current, context: contextNamed(contexts, current), chosenBy: "context use" };
}

/** Where a context's members are managed. */
export function managementOfContext({ connect, management }: Context): readonly Address[] {
  return management === null ? managementOfUrl(connect) : parseAddresses(management);
}

/** Where the members are managed whose clients come in there, if it is as usual. */
export function managementOfUrl(url: string): readonly Address[] {
  const { servers, isTls } = parseConnectString(url);
  return isTls
    ? servers.map(({ host }) => ({ host, port: MANAGEMENT_PORT })) // where TLS ports are says nothing of the others
    : servers.flatMap((server) => managementOf(server) ?? []);
}

function named(name: string, chosenBy: "--context" | "CABILDO_CONTEXT"): ChosenCluster {
  return { kind: "context", name, context: contextNamed(readContexts(), name), chosenBy };
}
