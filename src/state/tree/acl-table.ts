// Access lists as nodes hold them: by number; equal lists are one, counted by the nodes that use it and forgotten with the
// last of them, so that clients cannot fill the memory with lists.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import type { Acl } from "../types.ts";
import { OPEN_ACL, READ_ACL } from "./acl.ts";

/** Beyond, lists are kept but not shared: a Map ends at 2²⁴. */
const SHARED_MAX = 2 ** 23;
const OPEN = 0;

interface Entry {
  readonly key: string;
  readonly acl: readonly Acl[];
  uses: number;
}

export class AclTable {
  readonly #entries: (Entry | undefined)[] = [];
  readonly #vacant: number[] = [];
  readonly #byKey = new Map<string, number>();

  constructor() {
    for (const acl of [OPEN_ACL, READ_ACL]) this.use(acl); // these two are never released entirely
  }

  /** Different lists in use. */
  get size(): number {
    return this.#entries.length - this.#vacant.length;
  }

  list(number: number): readonly Acl[] {
    return number === OPEN ? OPEN_ACL : this.#entries[number]!.acl;
  }

  /** The number of the list that equals this one; counts one more use of it. */
  use(acl: readonly Acl[]): number {
    if (acl === OPEN_ACL && this.#entries.length > 0) return OPEN;
    const key = keyOf(acl);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      if (known !== OPEN) this.#entries[known]!.uses++;
      return known;
    }
    const number = this.#vacant.pop() ?? this.#entries.length;
    this.#entries[number] = { key, acl, uses: 1 };
    if (this.#byKey.size < SHARED_MAX) this.#byKey.set(key, number);
    return number;
  }

  release(number: number): void {
    if (number === OPEN) return;
    const entry = this.#entries[number];
    assert(entry !== undefined, "an access list that is not in use");
    entry.uses--;
    if (entry.uses > 0) return;
    this.#entries[number] = undefined;
    this.#vacant.push(number);
    if (this.#byKey.get(entry.key) === number) this.#byKey.delete(entry.key);
  }
}

/** Reads what `writeAcl` of the commands wrote: the open list itself, or a list still to be fixed up. */
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
