// The kinds of value a setting can have, and how each is read from text. ZooKeeper's files give bare numbers in a unit
// that the documentation knows; ours say the unit.

import { parsePort as anyPort } from "../base/endpoint.ts";

/** What is wrong with a text; the caller adds where it stands. */
export class Complaint extends Error {
  override readonly name = "Complaint";
}

export interface Kind<T> {
  /** The value that the text stands for. `unitRequired`: a bare number says too little. Throws a `Complaint`. */
  parse(text: string, unitRequired: boolean): T;
}

export const text: Kind<string> = { parse: (given) => given };

export function parsePort(given: string): number {
  const number = anyPort(given);
  if (number === null || number === 0) throw new Complaint(`must have ports from 1 to 65535, not "${given}"`);
  return number;
}

export const port: Kind<number> = { parse: parsePort };

/** A port, or 0 for whichever is free. */
export const portOrAny: Kind<number> = { parse: (given) => (given === "0" ? 0 : parsePort(given)) };

export const boolean: Kind<boolean> = {
  parse(given) {
    const lower = given.toLowerCase();
    if (lower === "true" || lower === "yes") return true;
    if (lower === "false" || lower === "no") return false;
    throw new Complaint(`must be true or false, not "${given}"`);
  },
};

/** `none`: a number that stands for "not set" in ZooKeeper, as -1 does for the session timeouts. */
export function wholeNumber(min: number, max = 2 ** 31 - 1, none?: number): Kind<number> {
  return {
    parse(given) {
      const value = parseWhole(given);
      if (value === none) return value;
      if (value === null || value < min || value > max) {
        throw new Complaint(`must be a whole number from ${min} to ${max}, not "${given}"`);
      }
      return value;
    },
  };
}

export function oneOf<const Names extends readonly string[]>(...names: Names): Kind<Names[number]> {
  return {
    parse(given) {
      const lower = given.toLowerCase();
      const found = names.find((name) => name.toLowerCase() === lower);
      if (found === undefined) throw new Complaint(`must be ${names.join(" or ")}, not "${given}"`);
      return found;
    },
  };
}

/** Separated by commas or blanks. */
export const list: Kind<readonly string[]> = {
  parse: (given) =>
    given
      .split(/[,\s]+/)
      .map((part) => part.trim())
      .filter((part) => part !== ""),
};

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

type TimeUnit = "ms" | "s" | "h";

interface DurationOptions {
  /** What a bare number counts. */
  readonly unit?: TimeUnit;
  readonly min?: number;
  readonly max?: number;
  /** A bare number that stands for "not set". */
  readonly none?: number;
}

/** In milliseconds. */
export function duration(options: DurationOptions = {}): Kind<number> {
  const { unit = "ms", min = 0, max = 2 ** 31 - 1, none } = options;
  return {
    parse(given, unitRequired) {
      const [, digits, suffix] = /^([+-]?\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(given) ?? [];
      if (digits === undefined) throw new Complaint(`must be a time such as 500ms, 2s or 1h, not "${given}"`);
      if (suffix === "" && Number(digits) === none) return none;
      if (suffix === "" && unitRequired && Number(digits) !== 0) {
        throw new Complaint(`must say its unit (ms, s, m, h or d), as in ${digits}${unit}`);
      }
      const factor = MILLISECONDS[suffix === "" ? unit : suffix!.toLowerCase()];
      if (factor === undefined) throw new Complaint(`must be in ms, s, m, h or d, not "${suffix}"`);
      const value = Math.round(Number(digits) * factor);
      if (value < min || value > max) {
        throw new Complaint(`must be from ${formatDuration(min)} to ${formatDuration(max)}, not "${given}"`);
      }
      return value;
    },
  };
}

const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  kb: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  gib: 1024 ** 3,
};

interface SizeOptions {
  readonly unit?: "b" | "kib";
  readonly min: number;
  readonly max: number;
  /** Why no more. */
  readonly why?: string;
}

/** In bytes. Java's hexadecimal form is taken too: 0xfffff is ZooKeeper's own way to write its frame limit. */
export function size({ unit = "b", min, max, why }: SizeOptions): Kind<number> {
  return {
    parse(given, unitRequired) {
      const [, number, suffix] = /^(0x[0-9a-f]+|\d+)\s*([a-z]*)$/i.exec(given) ?? [];
      if (number === undefined) throw new Complaint(`must be a size such as 512KiB or 64MiB, not "${given}"`);
      if (suffix === "" && unitRequired) throw new Complaint("must say its unit (B, KiB, MiB or GiB)");
      const factor = BYTES[suffix === "" ? unit : suffix!.toLowerCase()];
      if (factor === undefined) throw new Complaint(`must be in B, KiB, MiB or GiB, not "${suffix}"`);
      const value = Number(number) * factor;
      if (value < min || value > max) {
        const reason = why !== undefined && value > max ? `: ${why}` : "";
        throw new Complaint(`must be from ${min} to ${max} bytes, not "${given}"${reason}`);
      }
      return value;
    },
  };
}

function parseWhole(given: string): number | null {
  if (!/^([+-]?\d+|0x[0-9a-f]+)$/i.test(given)) return null;
  const value = Number(given);
  return Number.isSafeInteger(value) ? value : null;
}

function formatDuration(milliseconds: number): string {
  return milliseconds % 1000 === 0 && milliseconds > 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}
