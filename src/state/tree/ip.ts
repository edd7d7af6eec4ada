// Addresses and address ranges, as the `ip` scheme of ACLs writes them: 10.0.0.0/8, fe80::/10, 192.168.1.7.

import { consistsOf, isPositiveNumber } from "../../base/scan.ts";

/** Eight groups and their colons are 39 characters, four numbers of nine digits with their signs 43; a bit count is at most 11 more. */
const RANGE_CHARACTERS_MAX = 64;
const HEXADECIMAL = "0123456789abcdefABCDEF";

export interface AddressRange {
  readonly bytes: readonly number[];
  /** How many of their bits count. */
  readonly bits: number;
}

/** The bytes of an IPv4 or IPv6 address; null if it is neither. */
export function parseAddress(text: string): readonly number[] | null {
  if (text.length > RANGE_CHARACTERS_MAX) return null;
  return text.includes(":") ? parseVersion6(text) : parseVersion4(text);
}

/** Whether the text is an address, with or without a number of bits that it has. */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== null;
}

/** Whether an address lies in a range; never across the two families. */
export function isAddressInRange(address: string, range: string): boolean {
  const wanted = parseRange(range);
  const given = parseAddress(address);
  return wanted !== null && given !== null && holdsAddress(wanted, given);
}

export function holdsAddress(range: AddressRange, address: readonly number[]): boolean {
  if (address.length !== range.bytes.length) return false;
  for (let i = 0; i < address.length; i++) {
    const bits = Math.min(8, Math.max(0, range.bits - i * 8));
    const mask = 0xff00 >>> bits;
    if (((address[i]! ^ range.bytes[i]!) & mask & 0xff) !== 0) return false;
  }
  return true;
}

export function parseRange(text: string): AddressRange | null {
  if (text.length > RANGE_CHARACTERS_MAX) return null;
  const slash = text.indexOf("/");
  const bytes = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  if (slash === -1) return { bytes, bits: bytes.length * 8 };
  const count = text.slice(slash + 1);
  if (!isPositiveNumber(count, 9)) return null;
  const bits = Number(count);
  return bits > bytes.length * 8 ? null : { bytes, bits };
}

function parseVersion4(text: string): readonly number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes = parts.map((part) => (isPositiveNumber(part, 9) ? Number(part) : 256));
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** Eight groups of up to four hexadecimal digits; `::` once, for one group of zeros or more. */
function parseVersion6(text: string): readonly number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":"))) as [string[], string[] | undefined];
  const given = head.length + (tail?.length ?? 0);
  if (tail === undefined ? given !== 8 : given >= 8) return null;
  const groups = [...head, ...new Array<string>(8 - given).fill("0"), ...(tail ?? [])];
  if (!groups.every((group) => group.length >= 1 && group.length <= 4 && consistsOf(group, HEXADECIMAL))) return null;
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 0xff];
  });
}
