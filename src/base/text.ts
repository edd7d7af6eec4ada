// Text as bytes. Keys, paths and small values are held as one-byte strings: each character is one byte of the UTF-8
// form, so comparing strings compares bytes, and a million of them cost little memory. Node's own conversions are used
// where they exist; a browser gets the same results from plain loops.

type NativeSlice = (this: Uint8Array, start: number, end: number) => string;
type NativeWrite = (this: Uint8Array, text: string, offset: number, length: number) => number;

const native = (globalThis as { Buffer?: { prototype: { latin1Slice?: NativeSlice; latin1Write?: NativeWrite } } })
  .Buffer?.prototype;

const decoder = new TextDecoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes [start, end) as a one-byte string, a character each. */
export const byteString: (bytes: Uint8Array, start: number, end: number) => string = native?.latin1Slice
  ? (bytes, start, end) => native.latin1Slice!.call(bytes, start, end)
  : (bytes, start, end) => {
      let text = "";
      for (let i = start; i < end; i += 4096)
        text += String.fromCharCode(...bytes.subarray(i, Math.min(end, i + 4096)));
      return text;
    };

/** Writes a one-byte string at an offset; the caller has made sure that it fits. */
export const writeByteString: (bytes: Uint8Array, text: string, offset: number) => void = native?.latin1Write
  ? (bytes, text, offset) => {
      native.latin1Write!.call(bytes, text, offset, text.length);
    }
  : (bytes, text, offset) => {
      for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
    };

/** A one-byte string as the bytes it stands for. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeByteString(bytes, text, 0);
  return bytes;
}

/** Ordinary text → the one-byte string of its UTF-8 form. */
export function toByteString(text: string): string {
  const bytes = encoder.encode(text);
  return byteString(bytes, 0, bytes.length);
}

/** The one-byte string of a UTF-8 form → ordinary text, for people to read; malformed bytes become U+FFFD. */
export function fromByteString(text: string): string {
  return decoder.decode(bytesOf(text));
}

/** Whether the bytes [start, end) are well-formed UTF-8. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i]! < 0x80) continue;
    try {
      strictDecoder.decode(bytes.subarray(i, end));
      return true;
    } catch {
      return false;
    }
  }
  return true;
}

/** Whether two one-byte strings are equal, taking as long wherever they differ: for secrets. */
export function equalsSecretly(secret: string, given: string): boolean {
  let difference = secret.length ^ given.length;
  for (let i = 0; i < secret.length; i++) difference |= secret.charCodeAt(i) ^ given.charCodeAt(i % given.length || 0);
  return difference === 0;
}
