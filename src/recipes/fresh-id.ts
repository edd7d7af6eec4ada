// Random ids.

import type { Random } from "../base/random.ts";

/** 32 random hexadecimal digits. */
export function freshId(random: Random): string {
  return Array.from({ length: 4 }, () => random.next().toString(16).padStart(8, "0")).join("");
}
