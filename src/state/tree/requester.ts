// The requester of a command: its session, its identities, and the settings of the member that serves it. Nearly every node
// is open to everyone, so identities are read only when a list asks for them. They are remembered by their bytes: a
// connection sends the same bytes with each command.

import { ByteReader } from "../../base/bytes.ts";
import { byteString } from "../../base/text.ts";
import { allows, allowsAnyone } from "./acl.ts";
import { POLICY_BIT } from "./commands.ts";
import type { Acl, Identity } from "./types.ts";

/** Different requesters remembered; beyond, all are forgotten and read again. */
const REMEMBERED_MAX = 4096;
/** Longer credentials are read every time rather than remembered. */
const REMEMBERED_BYTES_MAX = 1024;

export class Requester {
  /** The cluster's lease, or 0 for the cluster itself. */
  session = 0;
  policy = 0;
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  readonly #remembered = new Map<string, readonly Identity[]>();
  /** Those of this command, once they were asked for: a multi asks for each of its operations. */
  #identities: readonly Identity[] | null = null;

  /** Begins a command; the reader stands at its credentials and is moved past them. */
  read(session: number, reader: ByteReader): void {
    this.session = session;
    this.#identities = null;
    const length = reader.uint32();
    this.#bytes = reader.bytes;
    this.#start = reader.skip(length);
    this.#end = this.#start + length;
    this.policy = reader.bytes[this.#start]!;
  }

  may(permissions: number, acl: readonly Acl[]): boolean {
    if (allowsAnyone(acl, permissions) || (this.policy & POLICY_BIT.skipAcl) !== 0) return true;
    return allows(acl, permissions, this.identities());
  }

  readonly identities = (): readonly Identity[] => {
    this.#identities ??= this.#read();
    return this.#identities;
  };

  /** Whether the serving member has a provider for this scheme. */
  readonly knowsScheme = (scheme: string): boolean => {
    const bit = UNKNOWN_BIT[scheme];
    return bit === undefined || (this.policy & bit) === 0;
  };

  #read(): readonly Identity[] {
    if (this.#end - this.#start > REMEMBERED_BYTES_MAX) return this.#decode();
    const key = byteString(this.#bytes, this.#start + 1, this.#end);
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined) return remembered;
    const identities = this.#decode();
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(key, identities);
    return identities;
  }

  #decode(): readonly Identity[] {
    const reader = new ByteReader(this.#bytes, this.#start + 1, this.#end);
    const identities: Identity[] = [];
    for (let left = reader.uint32(); left > 0; left--) {
      identities.push({ scheme: reader.text(reader.uint32()), id: reader.text(reader.uint32()) });
    }
    return identities;
  }
}

/** How a command says that the serving member has no provider for a scheme. */
const UNKNOWN_BIT: Readonly<Record<string, number | undefined>> = {
  digest: POLICY_BIT.digestUnknown,
  sasl: POLICY_BIT.saslUnknown,
  x509: POLICY_BIT.x509Unknown,
};
const EMPTY = new Uint8Array(0);
