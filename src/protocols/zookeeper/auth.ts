// The identities of a client: what it proves by `addauth`, and the digests in access lists. The hash function is passed in, so
// that this code runs everywhere.

import type { Hashes } from "../../base/hashes.ts";
import { byteString, equalsSecretly, toByteString } from "../../base/text.ts";
import type { Identity } from "../../state/tree/types.ts";
import { IDENTITIES_BYTES_MAX, IDENTITIES_MAX } from "./limits.ts";

export interface AuthOptions {
  /** `DigestAuthenticationProvider.superDigest`: whoever proves this digest may do everything. */
  readonly superDigest?: string;
  /** `DigestAuthenticationProvider.enabled`, true unless given. */
  readonly digestEnabled?: boolean;
  /** `X509AuthenticationProvider.superUser`: the names of certificates whose owners may do everything. */
  readonly x509SuperUsers?: readonly string[];
}

/** What a client proves by sending `scheme` and `auth`; null: nothing, and its connection ends. */
export function identitiesOf(
  scheme: string | null,
  auth: Uint8Array | null,
  connection: { readonly address: string; readonly certificateName: string | null },
  hashes: Hashes,
  options: AuthOptions,
): readonly Identity[] | null {
  switch (scheme) {
    case "digest":
      if (auth === null || options.digestEnabled === false) return null;
      return digestIdentities(auth, hashes, options.superDigest);
    case "ip":
      return [{ scheme: "ip", id: connection.address }];
    case "x509":
      return connection.certificateName === null ? null : certificateIdentities(connection.certificateName, options);
    default:
      return null; // sasl has requests of its own; world and super are proved by nobody
  }
}

function digestIdentities(auth: Uint8Array, hashes: Hashes, superDigest: string | undefined): readonly Identity[] {
  const id = digestOf(auth, hashes);
  const identity: Identity = { scheme: "digest", id };
  return superDigest !== undefined && equalsSecretly(toByteString(superDigest), id)
    ? [{ scheme: "super", id: "" }, identity]
    : [identity];
}

/** Whether a credential names the super user, whatever its password is: then it is right, or a guess. */
export function namesSuperUser(scheme: string | null, auth: Uint8Array | null, { superDigest }: AuthOptions): boolean {
  if (scheme !== "digest" || auth === null || superDigest === undefined) return false;
  const user = toByteString(superDigest.slice(0, superDigest.indexOf(":") + 1));
  return byteString(auth, 0, Math.min(auth.length, user.length)) === user;
}

/** `user:base64(sha1(user:password))`, from the bytes of `user:password`. */
function digestOf(userAndPassword: Uint8Array, hashes: Hashes): string {
  const text = byteString(userAndPassword, 0, userAndPassword.length);
  const colon = text.indexOf(":");
  return `${colon === -1 ? text : text.slice(0, colon)}:${base64(hashes.sha1(userAndPassword))}`;
}

/** Of a certificate's subject, as RFC 2253 writes it. */
export function certificateIdentities(name: string, { x509SuperUsers }: AuthOptions): readonly Identity[] {
  const id = toByteString(name);
  const identity: Identity = { scheme: "x509", id };
  return x509SuperUsers?.includes(name) ? [{ scheme: "super", id }, identity] : [identity];
}

/** The identities with some more, each once; null where they become too many, or too long, to carry. */
export function withIdentities(held: readonly Identity[], more: readonly Identity[]): readonly Identity[] | null {
  const all = [...held];
  for (const identity of more) {
    if (!all.some(({ scheme, id }) => scheme === identity.scheme && id === identity.id)) all.push(identity);
  }
  const bytes = all.reduce((sum, { scheme, id }) => sum + scheme.length + id.length, 0);
  return all.length > IDENTITIES_MAX || bytes > IDENTITIES_BYTES_MAX ? null : all;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const three = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += BASE64[three >>> 18]! + BASE64[(three >>> 12) & 63]!;
    text += i + 1 < bytes.length ? BASE64[(three >>> 6) & 63]! : "=";
    text += i + 2 < bytes.length ? BASE64[three & 63]! : "=";
  }
  return text;
}

export function hexadecimal(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
