// CRC-32 (the polynomial of zlib and Ethernet). Node's own code computes it where there is one; elsewhere, as in a browser, the
// tables below do. Both give the same sums.

/** The sum of `bytes`, continued from the sum of what came before them; a whole number in [0, 2³²). */
export type Crc32 = (bytes: Uint8Array, before?: number) => number;

/** What Node is asked for. */
interface Builtins {
  getBuiltinModule?(name: string): { readonly crc32?: Crc32 } | undefined;
}

const POLYNOMIAL = 0xedb88320;
/** Bytes taken at a time. */
const SLICES = 8;

/** `TABLES[k][b]`: what byte `b` adds to the sum when `k` bytes follow it in its slice. */
const TABLES: readonly Uint32Array[] = tables();

function tables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
    first[byte] = sum;
  }
  const all = [first];
  for (let slice = 1; slice < SLICES; slice++) {
    const before = all[slice - 1]!;
    all.push(before.map((sum) => (sum >>> 8) ^ first[sum & 0xff]!));
  }
  return all;
}

export function portableCrc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as readonly [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let sum = ~before;
  let at = 0;
  for (const end = bytes.length - (bytes.length % SLICES); at < end; at += SLICES) {
    sum =
      t7[(sum & 0xff) ^ bytes[at]!]! ^
      t6[((sum >>> 8) & 0xff) ^ bytes[at + 1]!]! ^
      t5[((sum >>> 16) & 0xff) ^ bytes[at + 2]!]! ^
      t4[(sum >>> 24) ^ bytes[at + 3]!]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) sum = (sum >>> 8) ^ t0[(sum ^ bytes[at]!) & 0xff]!;
  return ~sum >>> 0;
}

function nativeCrc32(): Crc32 | undefined {
  const { process } = globalThis as { readonly process?: Builtins };
  return process?.getBuiltinModule?.("node:zlib")?.crc32;
}

export const crc32: Crc32 = nativeCrc32() ?? portableCrc32;
