// Access lists as nodes hold them: equal lists are one object, counted by the nodes that use it and forgotten with the
// last of them, so that clients cannot fill the memory with lists.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import type { Acl } from "../types.ts";
import { OPEN_ACL, READ_ACL } from "./acl.ts";

/** Beyond, lists are kept but not shared: a Map ends at 2²⁴. */
const SHARED_MAX = 2 ** 23;

interface Interned {
  readonly key: string;
  readonly acl: readonly Acl[];
  uses: number;
}

export class AclTable {
  readonly #byKey = new Map<string, Interned>();
  readonly #byList = new Map<readonly Acl[], Interned>();

  constructor() {
    for (const acl of [OPEN_ACL, READ_ACL]) this.#add(keyOf(acl), acl); // these two stay
  }

  /** Different lists in use. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The list in use that equals this one, or else this one. */
  intern(acl: readonly Acl[]): readonly Acl[] {
    return acl === OPEN_ACL ? acl : (this.#byKey.get(keyOf(acl))?.acl ?? acl);
  }

  /** A node begins to use a list that `intern` returned. */
  retain(acl: readonly Acl[]): void {
    if (acl === OPEN_ACL) return;
    const known = this.#byList.get(acl);
    if (known !== undefined) known.uses++;
    else if (this.#byList.size < SHARED_MAX) this.#add(keyOf(acl), acl);
  }

  release(acl: readonly Acl[]): void {
    const known = acl === OPEN_ACL ? undefined : this.#byList.get(acl);
    if (known === undefined) return;
    known.uses--;
    if (known.uses > 0) return;
    this.#byKey.delete(known.key);
    this.#byList.delete(acl);
  }

  #add(key: string, acl: readonly Acl[]): void {
    const interned = { key, acl, uses: 1 };
    this.#byKey.set(key, interned);
    this.#byList.set(acl, interned);
  }
}

/** Reads what `writeAcl` of the commands wrote: the open list itself, or a list still to be fixed up and interned. */
export function readAcl(reader: ByteReader): readonly Acl[] {
  if (!reader.boolean()) return OPEN_ACL;
  const length = reader.uint32();
  const end = reader.offset + length;
  const acl: Acl[] = [];
  while (reader.offset < end) {
    acl.push({
      perms: reader.int32(),
      scheme: reader.text(reader.uint32()),
      id: reader.text(reader.uint32()),
    });
  }
  assert(reader.offset === end, "an access list longer than its section");
  return acl;
}

export function keyOf(acl: readonly Acl[]): string {
  let key = "";
  for (const { perms, scheme, id } of acl) key += `${perms} ${scheme.length} ${scheme} ${id.length} ${id} `;
  return key;
}
