// SASL's DIGEST-MD5 (RFC 2831) from the client's side, as Java's clients speak it to ZooKeeper: an empty start, the
// server's challenge, our response, and the server's own proof that it knows the password.

import { MalformedError } from "../../../base/bytes.ts";
import type { Hashes } from "../../../base/hashes.ts";
import { byteString, bytesOf, toByteString } from "../../../base/text.ts";
import { base64, hexadecimal } from "../auth.ts";
import { parseDirectives } from "../sasl.ts";

/** The name by which ZooKeeper's clients address every server, whatever its host name. */
const DIGEST_URI = "zookeeper/zk-sasl-md5";
const NONCE_BYTES = 30;
const NONCE_COUNT = "00000001";

/** A user of the servers' JAAS file. */
export interface SaslCredentials {
  readonly username: string;
  readonly password: string;
}

export class DigestMd5Client {
  readonly #credentials: SaslCredentials;
  readonly #hashes: Pick<Hashes, "md5" | "randomBytes">;
  #expected = "";

  constructor(credentials: SaslCredentials, hashes: Pick<Hashes, "md5" | "randomBytes">) {
    this.#credentials = credentials;
    this.#hashes = hashes;
  }

  /** The answer to the server's challenge. Throws a `MalformedError` for a challenge that cannot be answered. */
  respond(challenge: Uint8Array): Uint8Array {
    const offered = parseDirectives(byteString(challenge, 0, challenge.length));
    const nonce = offered.get("nonce");
    if (nonce === undefined) throw new MalformedError("a challenge without a nonce");
    const methods = (offered.get("qop") ?? "auth").split(",").map((method) => method.trim());
    if (!methods.includes("auth")) throw new MalformedError("a challenge that asks for more than authentication");
    const username = toByteString(this.#credentials.username);
    const realm = offered.get("realm") ?? "";
    const cnonce = base64(this.#hashes.randomBytes(NONCE_BYTES));
    const secret = this.#md5(`${username}:${realm}:${toByteString(this.#credentials.password)}`);
    const first = this.#hex(`${byteString(secret, 0, secret.length)}:${nonce}:${cnonce}`);
    const proof = (method: string) =>
      this.#hex([first, nonce, NONCE_COUNT, cnonce, "auth", this.#hex(`${method}:${DIGEST_URI}`)].join(":"));
    this.#expected = proof("");
    const directives = [
      "charset=utf-8",
      `username=${quoted(username)}`,
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `nc=${NONCE_COUNT}`,
      `cnonce=${quoted(cnonce)}`,
      `digest-uri=${quoted(DIGEST_URI)}`,
      "maxbuf=65536",
      `response=${proof("AUTHENTICATE")}`,
      "qop=auth",
    ];
    return bytesOf(directives.join(","));
  }

  /** Whether the server has proved that it knows the password too. */
  accepts(proof: Uint8Array): boolean {
    return parseDirectives(byteString(proof, 0, proof.length)).get("rspauth") === this.#expected;
  }

  #md5(text: string): Uint8Array {
    return this.#hashes.md5(bytesOf(text));
  }

  #hex(text: string): string {
    return hexadecimal(this.#md5(text));
  }
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
