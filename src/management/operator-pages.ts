// What operators may ask of a member by the management's HTTP server: a backup, other members, another leader. These reach all data or
// change the ensemble, so each request brings the member's token, and comes from this machine unless the settings allow others.

import { createHash, timingSafeEqual } from "node:crypto";
import type { After } from "../adapters/timers.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { isMemberId } from "../base/member-id.ts";
import { RationedRefusals } from "./rationed-refusals.ts";

export const OPERATOR_PATH = "/operator";

/** What a member does for its operators. Each rejects with a `CoordinationError` that says whether it was done. */
export interface Operations {
  readonly token: string;
  /** Requests from other machines are heard. */
  readonly isRemoteAllowed: boolean;
  /** Everything acknowledged before the call, as a backup file. `close` is called once, whether all was read or not. */
  backup(): Promise<{
    readonly size: number;
    readonly chunks: AsyncIterable<Uint8Array>;
    readonly close: () => void;
  }>;
  /** Completes when the change is in force; gives the members as `server.N=` lines. */
  changeMembers(change: MemberChange): Promise<{ readonly version: number; readonly members: readonly string[] }>;
  /**
   * Hands leadership to a member, and completes when that one leads. Null: to the most suitable one; it completes when any other member
   * leads.
   */
  transferLeadership(to: number | null): Promise<{ readonly leader: number }>;
}

export type MemberChange =
  /** `server`: what stands behind `server.N=`, with its role and its clients' address. */
  | { readonly kind: "add"; readonly id: number; readonly server: string }
  | { readonly kind: "remove" | "promote"; readonly id: number };

export interface OperatorRequest {
  readonly method: string;
  /** What follows the path and a slash. */
  readonly name: string;
  readonly parameters: { get(name: string): string | null };
  /** The address of the connection, and whether it is this machine's own; no header changes it. */
  readonly address: string;
  readonly isLocal: boolean;
  /** A page of another site sent it, as the browser says. */
  readonly isFromOtherSite: boolean;
  readonly authorization: string | undefined;
}

export type OperatorAnswer =
  | { readonly kind: "json"; readonly status: number; readonly value: object }
  | {
      readonly kind: "file";
      readonly size: number;
      readonly chunks: AsyncIterable<Uint8Array>;
      readonly close: () => void;
    };

const STATUS: Partial<Record<CoordinationError["code"], number>> = {
  configuration: 400,
  rejected: 409,
  overloaded: 429,
  "no-quorum": 503,
  "no-space": 507,
};

export class OperatorPages {
  readonly #operations: Operations;
  readonly #log: Logger;
  readonly #refusals: RationedRefusals;
  #isBackingUp = false;

  constructor(operations: Operations, log: Logger, after?: After) {
    this.#operations = operations;
    this.#log = log;
    this.#refusals = new RationedRefusals(log, after);
  }

  async answer(request: OperatorRequest): Promise<OperatorAnswer> {
    const refusal = this.#refusal(request);
    if (refusal !== null) return refusal;
    const { name, address } = request;
    try {
      switch (name) {
        case "backup":
          return await this.#backup(address);
        case "members/add":
        case "members/remove":
        case "members/promote":
          return await this.#changeMembers(request);
        case "transfer-leadership":
          return await this.#transfer(request);
        default:
          return refused(404, "rejected", "not-applied", `there is no operation "${name}"`);
      }
    } catch (error) {
      if (!(error instanceof CoordinationError)) throw error;
      this.#log.warn(`operator at ${address}: ${name}: ${error.message}`);
      return refused(STATUS[error.code] ?? 500, error.code, error.outcome, error.message);
    }
  }

  #refusal({ method, address, isLocal, isFromOtherSite, authorization }: OperatorRequest): OperatorAnswer | null {
    const { token, isRemoteAllowed } = this.#operations;
    if (method !== "POST") return refused(405, "rejected", "not-applied", "operations are asked for by POST");
    if (isFromOtherSite) return refused(403, "rejected", "not-applied", "a page of another site sent this");
    if (!isLocal && !isRemoteAllowed) {
      const why = "operations are answered on the member's own machine only (admin.remoteOperations)";
      return refused(403, "rejected", "not-applied", why);
    }
    if (isToken(authorization, token)) return null;
    this.#refusals.warn(`operator at ${address}: refused: the member's token is missing or wrong`);
    const why = "the member's token is missing or wrong: it stands in the file operator-token of its data directory";
    return refused(401, "rejected", "not-applied", why);
  }

  async #backup(address: string): Promise<OperatorAnswer> {
    if (this.#isBackingUp) {
      return refused(429, "overloaded", "not-applied", "another backup is being fetched from this member");
    }
    this.#isBackingUp = true;
    try {
      const { size, chunks, close } = await this.#operations.backup();
      this.#log.info(`operator at ${address}: a backup of ${size} bytes leaves`);
      return {
        kind: "file",
        size,
        chunks,
        close: () => {
          this.#isBackingUp = false;
          close();
        },
      };
    } catch (error) {
      this.#isBackingUp = false;
      throw error;
    }
  }

  async #changeMembers({ name, parameters, address }: OperatorRequest): Promise<OperatorAnswer> {
    const kind = name.slice("members/".length) as MemberChange["kind"];
    const id = memberNumber(parameters.get("id"));
    if (id === null) return refused(400, "configuration", "not-applied", "`id` is missing, or no member's number");
    const server = parameters.get("server") ?? "";
    this.#log.info(`operator at ${address}: member ${id}: ${kind} ${server}`.trimEnd());
    const value = await this.#operations.changeMembers(kind === "add" ? { kind, id, server } : { kind, id });
    return { kind: "json", status: 200, value };
  }

  async #transfer({ parameters, address }: OperatorRequest): Promise<OperatorAnswer> {
    const text = parameters.get("to");
    const to = memberNumber(text);
    if (text !== null && to === null) {
      return refused(
        400,
        "configuration",
        "not-applied",
        "`to` is no member's number: leave it out for any other member",
      );
    }
    this.#log.info(`operator at ${address}: leadership is to go to ${to === null ? "another member" : `member ${to}`}`);
    const value = await this.#operations.transferLeadership(to);
    return { kind: "json", status: 200, value };
  }
}

/** Null: it is none. */
function memberNumber(text: string | null): number | null {
  return text !== null && /^\d{1,10}$/.test(text) && isMemberId(Number(text)) ? Number(text) : null;
}

function refused(status: number, code: string, outcome: string, message: string): OperatorAnswer {
  return { kind: "json", status, value: { error: { code, outcome, message } } };
}

/** Hashes of equal length are compared, so the time tells nothing of the token. */
function isToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer (\S{1,1024})$/.exec(authorization ?? "")?.[1];
  return given !== undefined && timingSafeEqual(sha256(given), sha256(token));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
