// The hash of a one-byte text: FNV-1a with a last stirring, because its low bits alone are used. With a seed that
// clients do not know, nobody can choose texts that all fall into one bucket. (JavaScript's own Map does not hash texts of 16 kB
// and more: those of equal length would all collide.)

/** Both forms give the same number for the same text. */
export function hashBytes(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return stir(hash);
}

export function hashText(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return stir(hash);
}

function stir(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
