// Who may do what to a node, and which access lists may be given to one.

import type { Acl, Identity } from "../types.ts";
import { isAddressInRange, isAddressRange } from "./ip.ts";

export const PERMISSION = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** Everything to everyone: what most nodes have. One list for all of them, so that a comparison finds it. */
export const OPEN_ACL: readonly Acl[] = Object.freeze([Object.freeze({ perms: 31, scheme: "world", id: "anyone" })]);
/** Everyone may read: the configuration's list. */
export const READ_ACL: readonly Acl[] = Object.freeze([Object.freeze({ perms: 1, scheme: "world", id: "anyone" })]);

/** Whether one of the permissions is granted to everyone, whoever asks. */
export function allowsAnyone(acl: readonly Acl[], permissions: number): boolean {
  if (acl === OPEN_ACL) return true;
  for (const entry of acl) {
    if ((entry.perms & permissions) !== 0 && isAnyone(entry)) return true;
  }
  return acl.length === 0;
}

/** Whether one of the permissions is granted to someone with these identities; `super` may do everything. */
export function allows(acl: readonly Acl[], permissions: number, identities: readonly Identity[]): boolean {
  if (allowsAnyone(acl, permissions)) return true;
  for (const identity of identities) {
    if (identity.scheme === "super") return true;
  }
  for (const entry of acl) {
    if ((entry.perms & permissions) === 0) continue;
    for (const identity of identities) {
      if (identity.scheme === entry.scheme && matches(entry.scheme, identity.id, entry.id)) return true;
    }
  }
  return false;
}

/**
 * The list as it will be kept: without repetitions, `auth` replaced by what the caller has proved to be. Null if it is
 * empty, names an unknown scheme or a malformed id, or says `auth` for someone who has proved nothing.
 */
export function fixedUp(acl: readonly Acl[], identities: () => readonly Identity[]): readonly Acl[] | null {
  const kept: Acl[] = [];
  for (const [position, entry] of acl.entries()) {
    if (acl.findIndex((other) => isSame(other, entry)) < position) continue;
    if (entry.scheme === "auth") {
      const proved = identities().filter((identity) => PROVABLE.has(identity.scheme));
      if (proved.length === 0) return null;
      for (const { scheme, id } of proved) kept.push({ perms: entry.perms, scheme, id });
    } else if (isAnyone(entry) || isValidId(entry.scheme, entry.id)) {
      kept.push(entry);
    } else {
      return null;
    }
  }
  return kept.length === 0 ? null : kept;
}

/** The list as shown to who may not administer the node: password hashes are hidden. */
export function masked(acl: readonly Acl[]): readonly Acl[] {
  if (!acl.some((entry) => entry.scheme === "digest")) return acl;
  return acl.map((entry) =>
    entry.scheme === "digest" ? { ...entry, id: entry.id.replace(/:[^\n\r]*/g, ":x") } : entry,
  );
}

/** Schemes whose identities a client earns by proof; an address is none. */
const PROVABLE: ReadonlySet<string> = new Set(["digest", "sasl", "x509"]);

function isAnyone(entry: Acl): boolean {
  return entry.scheme === "world" && entry.id === "anyone";
}

function isSame(some: Acl, other: Acl): boolean {
  return some.perms === other.perms && some.scheme === other.scheme && some.id === other.id;
}

function matches(scheme: string, identity: string, granted: string): boolean {
  switch (scheme) {
    case "ip":
      return isAddressInRange(identity, granted);
    case "sasl":
      return identity === granted || identity === "super";
    case "digest":
    case "x509":
      return identity === granted;
    default:
      return false;
  }
}

function isValidId(scheme: string, id: string): boolean {
  switch (scheme) {
    case "ip":
      return isAddressRange(id);
    case "digest":
      return /^[^:]*:[^:]+:*$/.test(id);
    case "sasl":
      return /^[^@]+$|^[^/@]+(\/[^/@]*)?@[^/@]*$/.test(id);
    case "x509":
      return isDistinguishedName(id);
    default:
      return false;
  }
}

/** Parts `type=value`, separated by commas, semicolons or pluses that are neither quoted nor escaped. */
function isDistinguishedName(name: string): boolean {
  const parts = name
    .replace(/\\./gs, "_")
    .replace(/"[^"]*"/g, "_")
    .split(/[,;+]/);
  return parts.every((part) => /^\s*[A-Za-z0-9. -]+\s*=/.test(part));
}
