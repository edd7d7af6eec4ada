// Access lists, stored once and referred to by number. Equal lists are one. Each counts the nodes that use it, and goes with
// the last one, so clients cannot fill the memory with lists.

import { assert } from "../../base/assert.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { hashText } from "../memory/text-hash.ts";
import { OPEN_ACL, READ_ACL } from "./acl.ts";
import type { Acl } from "./types.ts";

/** Beyond, lists are kept but not shared: a Map ends at 2²⁴. */
const SHARED_MAX = 2 ** 23;
const OPEN = 0;

interface Entry {
  readonly key: string;
  readonly hash: number;
  readonly acl: readonly Acl[];
  uses: number;
}

/** Numbers of lists whose keys have one hash: nearly always one. */
type Bucket = number | readonly number[];

export class AclTable {
  readonly #entries: (Entry | undefined)[] = [];
  readonly #vacant: number[] = [];
  readonly #byHash = new Map<number, Bucket>();
  readonly #seed: number;

  constructor(seed = 0) {
    this.#seed = seed;
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
    const hash = hashText(this.#seed, key);
    const known = this.#find(hash, key);
    if (known !== undefined) {
      if (known !== OPEN) this.#entries[known]!.uses++;
      return known;
    }
    const number = this.#vacant.pop() ?? this.#entries.length;
    this.#entries[number] = { key, hash, acl, uses: 1 };
    this.#share(hash, number);
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
    this.#unshare(entry.hash, number);
  }

  #find(hash: number, key: string): number | undefined {
    return numbersOf(this.#byHash.get(hash)).find((number) => this.#entries[number]!.key === key);
  }

  #share(hash: number, number: number): void {
    const others = this.#byHash.get(hash);
    if (others !== undefined) this.#byHash.set(hash, [...numbersOf(others), number]);
    else if (this.#byHash.size < SHARED_MAX) this.#byHash.set(hash, number);
  }

  #unshare(hash: number, number: number): void {
    const others = numbersOf(this.#byHash.get(hash)).filter((other) => other !== number);
    if (others.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, others);
  }
}

function numbersOf(bucket: Bucket | undefined): readonly number[] {
  if (bucket === undefined) return [];
  return typeof bucket === "number" ? [bucket] : bucket;
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
