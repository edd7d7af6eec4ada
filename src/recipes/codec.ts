// How values become bytes: JSON, unless a caller brings its own way.

import { bytesOf, textOf } from "./bytes.ts";

export interface Codec<T> {
  /** Throws where a value cannot be written. */
  encode(value: T): Uint8Array;
  /** Throws where these bytes are no value. */
  decode(bytes: Uint8Array): T;
}

/** Nothing checks that what is read is a `T`: it is what the other side wrote. */
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
