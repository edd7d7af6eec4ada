// The server's side of SASL DIGEST-MD5 (RFC 2831), for authentication only (qop "auth"), as Java's provider speaks it with
// ZooKeeper's clients. The server sends a challenge, the client a response, and the server proves that it knows the password
// too.

import { MalformedError } from "../../base/bytes.ts";
import type { Hashes } from "../../base/hashes.ts";
import { byteString, bytesOf, equalsSecretly, fromByteString, toByteString } from "../../base/text.ts";
import { base64, hexadecimal } from "./auth.ts";

/** ZooKeeper's name for itself, fixed there too. */
const REALM = "zk-sasl-md5";
const SERVICE = "zookeeper";
const NONCE_BYTES = 30;
/** A response has a few hundred bytes; a longer one is not a valid response (RFC 2831 §2.1.2). */
const RESPONSE_BYTES_MAX = 4096;

export interface SaslOptions {
  /** Passwords by user, as the `Server` section of a JAAS file lists them (`user_NAME="…"`). */
  readonly users: ReadonlyMap<string, string>;
}

export type SaslStep =
  | { readonly kind: "continue"; readonly token: Uint8Array }
  | { readonly kind: "complete"; readonly token: Uint8Array; readonly authorizationId: string }
  /** `isGuess`: a user and a password were given and are wrong, so it counts as a guess. */
  | { readonly kind: "failed"; readonly reason: string; readonly isGuess?: true };

export class DigestMd5Server {
  readonly #options: SaslOptions;
  readonly #hashes: Hashes;
  #nonce: string | null = null;
  #isOver = false;

  constructor(options: SaslOptions, hashes: Hashes) {
    this.#options = options;
    this.#hashes = hashes;
  }

  /** Whether the next token has to prove a password. */
  get isChallenged(): boolean {
    return this.#nonce !== null && !this.#isOver;
  }

  /** The user whose password a token has to prove; empty if there is no such user. */
  claimedUser(token: Uint8Array): string {
    if (token.length > RESPONSE_BYTES_MAX) return "";
    try {
      const user = parseDirectives(byteString(token, 0, token.length)).get("username") ?? "";
      return this.#passwordOf(user) === undefined ? "" : user;
    } catch (error) {
      if (error instanceof MalformedError) return "";
      throw error;
    }
  }

  /** Processes one token of the client; returns the answer or the failure. */
  evaluate(token: Uint8Array): SaslStep {
    if (this.#isOver) return { kind: "failed", reason: "the exchange is over" };
    if (this.#nonce === null) return this.#challenge(token);
    this.#isOver = true;
    return this.#verify(token, this.#nonce);
  }

  #challenge(token: Uint8Array): SaslStep {
    if (token.length > 0) return { kind: "failed", reason: "DIGEST-MD5 has no initial response" };
    this.#nonce = base64(this.#hashes.randomBytes(NONCE_BYTES));
    const challenge = `realm="${REALM}",nonce="${this.#nonce}",charset=utf-8,algorithm=md5-sess`;
    return { kind: "continue", token: bytesOf(challenge) };
  }

  #verify(token: Uint8Array, nonce: string): SaslStep {
    if (token.length > RESPONSE_BYTES_MAX) return { kind: "failed", reason: "the response is too long" };
    let directives: ReadonlyMap<string, string>;
    try {
      directives = parseDirectives(byteString(token, 0, token.length));
    } catch (error) {
      return { kind: "failed", reason: String(error) };
    }
    const wrong = this.#objection(directives, nonce);
    if (wrong !== null) return { kind: "failed", reason: wrong };
    const user = directives.get("username") ?? "";
    const password = this.#passwordOf(user);
    // A proof is computed for an unknown user too, so that the time does not tell whether the user exists.
    const expected = this.#proof(directives, password ?? NOBODYS_PASSWORD, "AUTHENTICATE");
    const isRight = equalsSecretly(expected, directives.get("response") ?? "");
    if (password === undefined) return { kind: "failed", reason: `there is no user ${shortened(user)}`, isGuess: true };
    if (!isRight) return { kind: "failed", reason: `the password of ${shortened(user)} is wrong`, isGuess: true };
    const authorizationId = directives.get("authzid") || user;
    if (authorizationId !== user) return { kind: "failed", reason: "nobody may act for another" };
    return { kind: "complete", token: bytesOf(`rspauth=${this.#proof(directives, password, "")}`), authorizationId };
  }

  #objection(directives: ReadonlyMap<string, string>, nonce: string): string | null {
    if (directives.get("nonce") !== nonce) return "the nonce is not this exchange's";
    if (directives.get("nc") !== "00000001") return "the nonce was used before";
    if ((directives.get("qop") ?? "auth") !== "auth") return "only authentication is offered";
    if ((directives.get("cnonce") ?? "") === "") return "no nonce of the client's own";
    const service = (directives.get("digest-uri") ?? "").split("/")[0] ?? "";
    if (service.toLowerCase() !== SERVICE) return "the response is meant for another service";
    return null;
  }

  #passwordOf(user: string): string | undefined {
    for (const [name, password] of this.#options.users) {
      if (toByteString(name) === user) return toByteString(password);
    }
    return undefined;
  }

  /** RFC 2831 §2.1.2.1; `method` is "AUTHENTICATE" for the client's proof and empty for the server's. */
  #proof(directives: ReadonlyMap<string, string>, password: string, method: string): string {
    const user = directives.get("username") ?? "";
    const realm = directives.get("realm") ?? "";
    const nonce = directives.get("nonce") ?? "";
    const clientNonce = directives.get("cnonce") ?? "";
    const authorization = directives.get("authzid");
    const secret = this.#md5(`${user}:${realm}:${password}`);
    const first = `${byteString(secret, 0, secret.length)}:${nonce}:${clientNonce}${authorization ? `:${authorization}` : ""}`;
    const second = `${method}:${directives.get("digest-uri") ?? ""}`;
    const chain = [nonce, directives.get("nc") ?? "", clientNonce, directives.get("qop") ?? "auth"];
    return this.#hex([this.#hex(first), ...chain, this.#hex(second)].join(":"));
  }

  #md5(text: string): Uint8Array {
    return this.#hashes.md5(bytesOf(text));
  }

  #hex(text: string): string {
    return hexadecimal(this.#md5(text));
  }
}

const NOBODYS_PASSWORD = "";
const SHOWN_CHARACTERS_MAX = 64;

/** Text of a client's, made safe for the log. */
export function shortened(name: string | null): string {
  return name === null ? "null" : JSON.stringify(fromByteString(name).slice(0, SHOWN_CHARACTERS_MAX));
}

/** `name=value,name="quoted \"value\""`, each name once. */
export function parseDirectives(text: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  const directive = /[\s,]*([!#$%&'*+\-.0-9A-Z^_`a-z|~]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)/sy;
  let end = 0;
  while (end < text.length) {
    directive.lastIndex = end;
    const match = directive.exec(text);
    if (match === null) {
      if (/^[\s,]*$/.test(text.slice(end))) break;
      throw new MalformedError("a SASL response that is no list of directives");
    }
    end = directive.lastIndex;
    const name = match[1]!.toLowerCase();
    if (directives.has(name)) throw new MalformedError(`${name} is given twice in a SASL response`);
    directives.set(name, match[2] === undefined ? match[3]! : match[2].replace(/\\(.)/gs, "$1"));
  }
  return directives;
}
