// How values become bytes: JSON, unless a caller brings its own codec.

import { bytesOf, textOf } from "./bytes.ts";

export interface Codec<T> {
  /** Throws where a value cannot be written. */
  encode(value: T): Uint8Array;
  /** Throws where the bytes cannot be read. */
  decode(bytes: Uint8Array): T;
}

/** Does not check that what it reads is a `T`: it is what the other side wrote. */
export function jsonCodec<T>(): Codec<T> {
  return {
    encode: (value) => {
      const text: string | undefined = JSON.stringify(value);
      if (text === undefined) throw new TypeError(`${typeof value} cannot be written as JSON`);
      return bytesOf(text);
    },
    decode: (bytes) => JSON.parse(textOf(bytes)),
  };
}
