// What protocols need of cryptography. The platform's stands behind it in `adapters/`, a seeded one in the simulator.

export interface Hashes {
  sha1(bytes: Uint8Array): Uint8Array;
  md5(bytes: Uint8Array): Uint8Array;
  /** Bytes of true chance: passwords of sessions, nonces. */
  randomBytes(count: number): Uint8Array;
}
