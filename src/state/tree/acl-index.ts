// An index of a long access list. It answers whether the list grants something in one lookup for each identity, however many
// entries there are. Lists never change, so an index is made once and lives as long as its list.

import { type AddressRange, holdsAddress, parseAddress, parseRange } from "./ip.ts";
import type { Acl, Identity } from "./types.ts";

/** A SASL user of this name matches every SASL entry. */
const SASL_SUPER = "super";

export class AclIndex {
  /** What the list grants to everyone, and to any SASL user. */
  #anyone = 0;
  #anySaslUser = 0;
  readonly #byIdentity = new Map<string, number>();
  readonly #ranges: { readonly range: AddressRange; readonly perms: number }[] = [];

  constructor(acl: readonly Acl[]) {
    for (const entry of acl) this.#add(entry);
  }

  grantsAnyone(permissions: number): boolean {
    return (this.#anyone & permissions) !== 0;
  }

  grants({ scheme, id }: Identity, permissions: number): boolean {
    if (scheme === "ip") return this.#grantsAddress(id, permissions);
    if (scheme === "sasl" && id === SASL_SUPER && (this.#anySaslUser & permissions) !== 0) return true;
    return ((this.#byIdentity.get(keyOf(scheme, id)) ?? 0) & permissions) !== 0;
  }

  #grantsAddress(address: string, permissions: number): boolean {
    const bytes = parseAddress(address);
    if (bytes === null) return false;
    return this.#ranges.some(({ range, perms }) => (perms & permissions) !== 0 && holdsAddress(range, bytes));
  }

  #add(entry: Acl): void {
    const { perms, scheme, id } = entry;
    if (isAnyone(entry)) this.#anyone |= perms;
    if (scheme === "sasl") this.#anySaslUser |= perms;
    if (scheme === "ip") {
      const range = parseRange(id);
      if (range !== null) this.#ranges.push({ range, perms });
    } else if (HELD_SCHEMES.has(scheme)) {
      const key = keyOf(scheme, id);
      this.#byIdentity.set(key, (this.#byIdentity.get(key) ?? 0) | perms);
    }
  }
}

/** Whether one entry means one identity of the same scheme. */
export function matches(scheme: string, identity: string, granted: string): boolean {
  switch (scheme) {
    case "ip": {
      const range = parseRange(granted);
      const address = parseAddress(identity);
      return range !== null && address !== null && holdsAddress(range, address);
    }
    case "sasl":
      return identity === granted || identity === SASL_SUPER;
    case "digest":
    case "x509":
      return identity === granted;
    default:
      return false;
  }
}

export function isAnyone(entry: Acl): boolean {
  return entry.scheme === "world" && entry.id === "anyone";
}

/** Schemes whose identities are the same as what an entry says. */
const HELD_SCHEMES: ReadonlySet<string> = new Set(["digest", "sasl", "x509"]);

function keyOf(scheme: string, id: string): string {
  return `${scheme} ${id}`;
}
