// A lease in a snapshot of the state.

import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { readMemberId, writeMemberId } from "../../base/member-id.ts";
import { PASSWORD_BYTES } from "./commands.ts";
import type { Lease } from "./leases.ts";

export function writeLease(writer: ByteWriter, lease: Lease): void {
  writer.int64(lease.id);
  writer.int32(lease.timeoutMs);
  writer.text(lease.password);
  writeMemberId(writer, lease.member);
  writer.int64(lease.run);
  writer.int32(lease.generation);
}

export function readLease(reader: ByteReader): Lease {
  return {
    id: reader.natural(),
    timeoutMs: reader.int32(),
    password: reader.text(PASSWORD_BYTES),
    member: readMemberId(reader),
    run: reader.natural(),
    generation: reader.int32(),
  };
}
