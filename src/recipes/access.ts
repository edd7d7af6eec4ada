// Access lists of the nodes that a recipe makes.

import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import type { AccessRule, PlaceOptions } from "./engine.ts";
import { checkOptions } from "./options.ts";

/** Options of every recipe that makes nodes. */
export interface AccessOptions {
  /**
   * The access list of everything at the recipe's place and below; the connection's unless given. Directories above that place
   * have the connection's list.
   */
  readonly acl?: readonly AccessRule[] | undefined;
}

export const ACCESS: OptionRules<AccessOptions> = { acl: OPTION.any }; // checked by `checkAcl`

/** Throws a CoordinationError for an impossible access list, and for options that `rules` does not have. */
export function accessOf<Options extends AccessOptions>(
  what: string,
  options: Options,
  rules: OptionRules<AccessOptions> = ACCESS,
): PlaceOptions {
  checkOptions(what, options, rules);
  const { acl } = options;
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
