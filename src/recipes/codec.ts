// The encoding of values as bytes: JSON, unless the caller passes a codec.

import { bytesOf, textOf } from "./bytes.ts";
import { InvalidValueError } from "./errors.ts";
import { schemaOf, showIssues, type ValueSchema, validated } from "./standard-schema.ts";

export interface Codec<T> {
  /** Throws where a value cannot be written. */
  encode(value: T): Uint8Array;
  /** Throws where the bytes cannot be read. */
  decode(bytes: Uint8Array): T;
}

/**
 * What is written and read passes the schema, also when another program wrote it. A value is checked as readers will see it, after
 * the codec. Throws an InvalidValueError for what does not pass.
 */
export function checkedCodec<T>(what: string, codec: Codec<unknown>, schema: ValueSchema<T>): Codec<T> {
  const standard = schemaOf(schema);
  const decode = (bytes: Uint8Array): T => {
    const result = validated(standard, codec.decode(bytes));
    if (result.issues === undefined) return result.value;
    throw new InvalidValueError(`${what}: ${showIssues(result.issues)}`, result.issues);
  };
  const encode = (value: T): Uint8Array => {
    const bytes = codec.encode(value);
    decode(bytes);
    return bytes;
  };
  return { encode, decode };
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
