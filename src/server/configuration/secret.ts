// The settings of the ensemble's secret, by which members recognize each other, without TLS or besides it.

import type { FileReader } from "./files.ts";
import type { Values } from "./values.ts";

/** Shorter ones are guessed by trying, from one recorded handshake. */
const SECRET_CHARACTERS_MIN = 16;
const SECRET_CHARACTERS_MAX = 1024;
/** One that is in use, and one that comes or goes; more would be forgotten ones. */
const SECRETS_MAX = 4;
const OTHERS_MAY_READ = 0o004;

/** The first is this member's own; what others prove themselves by may be any of them. */
export function peerSecrets(values: Values, files: FileReader): readonly string[] {
  const path = values.get("peer.secretFile");
  const given = values.get("peer.secret");
  if (path !== null && given !== null)
    values.problem("peer.secret", "is given beside peer.secretFile: one of them is enough");
  if (path === null) return given === null ? [] : checked(values, "peer.secret", [given]);
  const text = files.read(path);
  if (text === null) {
    values.problem("peer.secretFile", `names ${path}, and there is no such file`);
    return [];
  }
  if (((files.permissions(path) ?? 0) & OTHERS_MAY_READ) !== 0) {
    values.warning("peer.secretFile", `names ${path}, which everybody on this machine may read: chmod 600 ${path}`);
  }
  const lines = text.split("\n").map((line) => line.trim());
  const secrets = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (secrets.length === 0) values.problem("peer.secretFile", `names ${path}, which holds no secret`);
  return checked(values, "peer.secretFile", secrets);
}

function checked(
  values: Values,
  key: "peer.secret" | "peer.secretFile",
  secrets: readonly string[],
): readonly string[] {
  if (secrets.some(({ length }) => length < SECRET_CHARACTERS_MIN || length > SECRET_CHARACTERS_MAX)) {
    const bounds = `${SECRET_CHARACTERS_MIN} to ${SECRET_CHARACTERS_MAX} characters`;
    values.problem(key, `holds a secret that has not ${bounds}: make one with "openssl rand -base64 32"`);
  }
  if (secrets.length > SECRETS_MAX) values.problem(key, `holds more than ${SECRETS_MAX} secrets, a line each`);
  return secrets;
}
