// Access control: which permissions a list grants to a requester, and which lists a node may be given. Everything is linear
// in the list and the identities.

import { isValidId } from "./acl-ids.ts";
import { AclIndex, isAnyone, matches } from "./acl-index.ts";
import { ACL_BYTES_MAX, ACL_ENTRIES_MAX, ACL_ID_BYTES_MAX } from "./limits.ts";
import type { Acl, Identity } from "./types.ts";

export const PERMISSION = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** Everything to everyone: what most nodes have. One list for all of them, so that a comparison finds it. */
export const OPEN_ACL: readonly Acl[] = Object.freeze([Object.freeze({ perms: 31, scheme: "world", id: "anyone" })]);
/** Everyone may read: the configuration's list. */
export const READ_ACL: readonly Acl[] = Object.freeze([Object.freeze({ perms: 1, scheme: "world", id: "anyone" })]);

/** Longer lists are indexed: entries times identities would be too many comparisons. */
const SCANNED_ENTRIES_MAX = 8;
const indexes = new WeakMap<readonly Acl[], AclIndex>();

/** Whether one of the permissions is granted to everyone. */
export function allowsAnyone(acl: readonly Acl[], permissions: number): boolean {
  if (acl === OPEN_ACL) return true;
  if (acl.length > SCANNED_ENTRIES_MAX) return indexOf(acl).grantsAnyone(permissions);
  for (const entry of acl) {
    if ((entry.perms & permissions) !== 0 && isAnyone(entry)) return true;
  }
  return acl.length === 0;
}

/** Whether one of the permissions is granted to a requester with these identities; `super` may do everything. */
export function allows(acl: readonly Acl[], permissions: number, identities: readonly Identity[]): boolean {
  if (allowsAnyone(acl, permissions)) return true;
  for (const identity of identities) {
    if (identity.scheme === "super") return true;
  }
  if (acl.length > SCANNED_ENTRIES_MAX) {
    const index = indexOf(acl);
    return identities.some((identity) => index.grants(identity, permissions));
  }
  for (const entry of acl) {
    if ((entry.perms & permissions) === 0) continue;
    for (const identity of identities) {
      if (identity.scheme === entry.scheme && matches(entry.scheme, identity.id, entry.id)) return true;
    }
  }
  return false;
}

function indexOf(acl: readonly Acl[]): AclIndex {
  let index = indexes.get(acl);
  if (index === undefined) {
    index = new AclIndex(acl);
    indexes.set(acl, index);
  }
  return index;
}

/** Whether a list is beyond the limits: then it is refused unread. */
export function exceedsLimits(acl: readonly Acl[]): boolean {
  if (acl.length > ACL_ENTRIES_MAX) return true;
  let bytes = 0;
  for (const { scheme, id } of acl) {
    bytes += scheme.length + id.length;
    if (id.length > ACL_ID_BYTES_MAX) return true;
  }
  return bytes > ACL_BYTES_MAX;
}

/** What a list is checked against. */
export interface AclContext {
  /** The requester's; asked for only where the list says `auth`. */
  readonly identities: () => readonly Identity[];
  /** Whether the serving member has the scheme's provider. */
  readonly knowsScheme: (scheme: string) => boolean;
}

/**
 * The list as it will be kept: without repetitions, `auth` replaced by what the requester has proved to be. Null if it is
 * empty or too long, names an unknown scheme or a malformed id, or says `auth` for someone who has proved nothing.
 */
export function fixedUp(acl: readonly Acl[], { identities, knowsScheme }: AclContext): readonly Acl[] | null {
  if (exceedsLimits(acl)) return null;
  const kept: Acl[] = [];
  for (const entry of withoutRepetitions(acl)) {
    if (entry.scheme === "auth") {
      const proved = identities().filter(({ scheme }) => PROVABLE.has(scheme) && knowsScheme(scheme));
      if (proved.length === 0) return null;
      for (const { scheme, id } of proved) kept.push({ perms: entry.perms, scheme, id });
    } else if (isAnyone(entry) || (knowsScheme(entry.scheme) && isValidId(entry.scheme, entry.id))) {
      kept.push(entry);
    } else {
      return null;
    }
    if (kept.length > ACL_ENTRIES_MAX) return null;
  }
  return kept.length === 0 || exceedsLimits(kept) ? null : kept;
}

function withoutRepetitions(acl: readonly Acl[]): readonly Acl[] {
  if (acl.length === 1) return acl;
  const seen = new Set<string>();
  return acl.filter(({ perms, scheme, id }) => {
    const key = `${perms} ${scheme.length} ${scheme} ${id}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The list as shown to requesters that may not administer the node: password hashes are hidden. */
export function masked(acl: readonly Acl[]): readonly Acl[] {
  if (!acl.some((entry) => entry.scheme === "digest")) return acl;
  return acl.map((entry) => (entry.scheme === "digest" ? { ...entry, id: withoutHash(entry.id) } : entry));
}

/** What is behind the first colon of each line becomes an x. */
function withoutHash(id: string): string {
  let shown = "";
  for (let at = 0; at < id.length; ) {
    const colon = id.indexOf(":", at);
    if (colon === -1) return shown + id.slice(at);
    shown += `${id.slice(at, colon)}:x`;
    at = endOfLine(id, colon);
  }
  return shown;
}

function endOfLine(text: string, from: number): number {
  let end = from;
  while (end < text.length && text.charAt(end) !== "\n" && text.charAt(end) !== "\r") end++;
  return end;
}

/** Schemes whose identities a client earns by proof; an address is none. */
const PROVABLE: ReadonlySet<string> = new Set(["digest", "sasl", "x509"]);
