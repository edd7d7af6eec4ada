// The end of a command of the leases in the bytes, if it can be read.

import { byte, type Field, int32, int64, NOWHERE, natural, skip, uint32At } from "../fields.ts";
import { GRANT, LEASE_OPERATION, SECRET_BYTES, TIMEOUT_MS_MAX } from "./commands.ts";

const EXPIRY_BYTES = 12;
const FLAGS_END = 8;

export function endOfLeaseCommand(bytes: Uint8Array, start: number, end: number): number {
  const at = start + 2;
  switch (bytes[start + 1]) {
    case LEASE_OPERATION.open:
      return skip(4 + SECRET_BYTES, at, end);
    case LEASE_OPERATION.attach: {
      const flag = int32(bytes, int64(bytes, at, end), end); // the id is a client's word: one that cannot be is unknown
      if (flag === NOWHERE || flag >= end) return NOWHERE;
      return bytes[flag] === 0 ? flag + 1 : skip(SECRET_BYTES, flag + 1, end);
    }
    case LEASE_OPERATION.close:
      return int64(bytes, at, end);
    case LEASE_OPERATION.expire: {
      const entries = int32(bytes, at, end);
      return entries === NOWHERE ? NOWHERE : skip(EXPIRY_BYTES * uint32At(bytes, at), entries, end);
    }
    case LEASE_OPERATION.grant:
      return grant(bytes, at, end);
    default:
      return NOWHERE;
  }
}

const grant: Field = (bytes, at, end) => {
  const secret = natural(bytes, byte(bytes, at, end), end);
  if (secret === NOWHERE) return NOWHERE;
  const flags = bytes[at]!;
  const timeoutMs = uint32At(bytes, at + 1) * 2 ** 32 + uint32At(bytes, at + 5);
  if (flags >= FLAGS_END || timeoutMs > TIMEOUT_MS_MAX || ((flags & GRANT.clock) === 0 && timeoutMs !== 0))
    return NOWHERE;
  return (flags & GRANT.secret) === 0 ? secret : skip(SECRET_BYTES, secret, end);
};
