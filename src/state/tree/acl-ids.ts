// Which ids an access list may name in each scheme. Each check is one pass over the id.

import { isAddressRange } from "./ip.ts";
import { ACL_ID_BYTES_MAX } from "./limits.ts";

export function isValidId(scheme: string, id: string): boolean {
  if (id.length > ACL_ID_BYTES_MAX) return false;
  switch (scheme) {
    case "ip":
      return isAddressRange(id);
    case "digest":
      return isDigest(id);
    case "sasl":
      return isPrincipal(id);
    case "x509":
      return isDistinguishedName(id);
    default:
      return false;
  }
}

/** `user:hash`, with nothing but colons behind it; the user may be empty. */
function isDigest(id: string): boolean {
  const colon = id.indexOf(":");
  if (colon === -1) return false;
  const next = id.indexOf(":", colon + 1);
  const end = next === -1 ? id.length : next;
  if (end === colon + 1) return false;
  for (let i = end; i < id.length; i++) {
    if (id.charAt(i) !== ":") return false;
  }
  return true;
}

/** `user`, `user@REALM` or `user/host@REALM`. */
function isPrincipal(id: string): boolean {
  const at = id.indexOf("@");
  if (at === -1) return id.length > 0;
  const realm = id.slice(at + 1);
  if (realm.includes("@") || realm.includes("/")) return false;
  const slash = id.indexOf("/");
  return slash === -1 ? at > 0 : slash > 0 && id.lastIndexOf("/") === slash;
}

/** Parts `type=value`, separated by commas, semicolons or pluses that are neither quoted nor escaped. */
function isDistinguishedName(name: string): boolean {
  let isType = true;
  let typeLength = 0;
  let isQuoted = false;
  for (let i = 0; i < name.length; i++) {
    const character = name.charAt(i);
    if (character === "\\") {
      if (isType) return false;
      i++; // what is escaped means nothing
    } else if (character === '"') {
      if (isType) return false;
      isQuoted = !isQuoted;
    } else if (isQuoted) {
      // a quoted character means nothing either
    } else if (SEPARATORS.includes(character)) {
      if (isType) return false;
      isType = true;
      typeLength = 0;
    } else if (isType && character === "=") {
      if (typeLength === 0) return false;
      isType = false;
    } else if (isType && isTypeCharacter(character)) {
      typeLength++;
    } else if (isType && !BLANKS.includes(character)) {
      return false;
    }
  }
  return !isType && !isQuoted;
}

const SEPARATORS = ",;+";
const BLANKS = " \t\n\v\f\r";

/** Of a keyword (`CN`) or of an object identifier (`2.5.4.3`). */
function isTypeCharacter(character: string): boolean {
  return (
    (character >= "a" && character <= "z") ||
    (character >= "A" && character <= "Z") ||
    (character >= "0" && character <= "9") ||
    character === "." ||
    character === "-"
  );
}
