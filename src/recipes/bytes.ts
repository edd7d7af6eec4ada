// Text as bytes, and back.

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A caller's data, as a copy of its bytes. */
export function dataOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? bytesOf(data) : data.slice();
}
