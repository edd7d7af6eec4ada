// Where the fields of a command end. Strangers write commands, and every member checks every command before it applies
// it: these functions look at places in the bytes and make no objects. Each is given where a field begins (or NOWHERE)
// and where the bytes end, and returns where the field ends, or NOWHERE.

/** No field of this kind begins there, or it is longer than the bytes. */
export const NOWHERE = -1;

/** A field's shape. */
export type Field = (bytes: Uint8Array, at: number, end: number) => number;

/** Fields one behind the other. */
export function endOfFields(fields: readonly Field[], bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let i = 0; i < fields.length && at !== NOWHERE; i++) at = fields[i]!(bytes, at, end);
  return at;
}

/** So many bytes. */
export function skip(count: number, at: number, end: number): number {
  return at === NOWHERE || count > end - at ? NOWHERE : at + count;
}

export const byte: Field = (_bytes, at, end) => skip(1, at, end);
export const int32: Field = (_bytes, at, end) => skip(4, at, end);
/** Any 64 bits: a number that a client chose. */
export const int64: Field = (_bytes, at, end) => skip(8, at, end);

/** A whole number below 2⁵³, in eight bytes. */
export const natural: Field = (bytes, at, end) =>
  at === NOWHERE || end - at < 8 || uint32At(bytes, at) >= 2 ** 21 ? NOWHERE : at + 8;

/** A length, and so many bytes. */
export const text: Field = (bytes, at, end) => {
  if (at === NOWHERE || end - at < 4) return NOWHERE;
  const length = uint32At(bytes, at);
  return length > end - at - 4 ? NOWHERE : at + 4 + length;
};

/** The same, where a length of −1 stands for none. */
export const optionalText: Field = (bytes, at, end) => {
  if (at === NOWHERE || end - at < 4) return NOWHERE;
  return uint32At(bytes, at) === 0xffff_ffff ? at + 4 : text(bytes, at, end);
};

export function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
