// Text and its bytes, as recipes keep it.

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** What users hand in, as bytes of one's own. */
export function dataOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? bytesOf(data) : data.slice();
}
