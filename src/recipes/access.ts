// Who may do what with the nodes that a recipe makes.

import { CoordinationError } from "../base/errors.ts";
import type { AccessRule, PlaceOptions } from "./engine.ts";

/** What every recipe that makes nodes may be given. */
export interface AccessOptions {
  /**
   * The access list of everything that is made at the recipe's own place, and below it: as all of the connection's recipes,
   * unless given. Directories above its place carry the connection's.
   */
  readonly acl?: readonly AccessRule[] | undefined;
}

/** Throws a CoordinationError where it is no access list. */
export function accessOf(what: string, { acl }: AccessOptions): PlaceOptions {
  if (acl === undefined) return {};
  checkAcl(what, "rejected", acl);
  return { acl };
}

export function checkAcl(what: string, code: "rejected" | "configuration", acl: readonly AccessRule[]): void {
  if (Array.isArray(acl) && acl.length > 0 && acl.every(isRule)) return;
  const why = "acl is a list of { perms, scheme, id } with one entry at least, as ACL.creator";
  throw new CoordinationError(code, "not-applied", `${what}: ${why}`);
}

function isRule(rule: unknown): rule is AccessRule {
  if (typeof rule !== "object" || rule === null) return false;
  const { perms, scheme, id } = rule as Partial<AccessRule>;
  return Number.isInteger(perms) && typeof scheme === "string" && typeof id === "string";
}
