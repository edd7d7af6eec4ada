// The interface of hash functions that protocols need. The platform's are in `adapters/`; the simulator has seeded ones.

export interface Hashes {
  sha1(bytes: Uint8Array): Uint8Array;
  md5(bytes: Uint8Array): Uint8Array;
  /** Bytes of true chance: passwords of sessions, nonces. */
  randomBytes(count: number): Uint8Array;
}
