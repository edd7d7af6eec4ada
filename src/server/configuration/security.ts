// The settings of access: super users, SASL users, and the schemes that clients must prove.

import { resolve } from "node:path";
import type { SecuritySettings } from "../../protocols/zookeeper/settings.ts";
import type { FileReader } from "./files.ts";
import { parseJaas } from "./jaas.ts";
import type { Values } from "./values.ts";

/** ZooKeeper's own providers, by the end of their class names. */
const PROVIDERS = /\.(Digest|IP|SASL|X509)AuthenticationProvider$/;

export function securitySettings(values: Values, files: FileReader): SecuritySettings {
  const saslUsers = readSaslUsers(values, files);
  const requiredSchemes = schemesRequired(values);
  if (requiredSchemes.includes("sasl") && saslUsers.size === 0) {
    values.warnings.push(
      "clients must prove themselves by SASL, and there are no SASL users: every client is refused until a JAAS file names some (java.security.auth.login.config)",
    );
  }
  const providers = new Set<string>();
  for (const { suffix, given } of values.family("authProvider")) {
    const provider = PROVIDERS.exec(given.value)?.[1];
    if (provider !== undefined) providers.add(provider.toLowerCase());
    else values.warnings.push(`authProvider.${suffix} names ${given.value}, a Java class that cannot run here`);
  }
  // Digests of another kind would let nobody in whose digest stands in an access list, or the wrong one.
  if (!/^SHA-?1$/i.test(values.get("DigestAuthenticationProvider.digestAlg"))) {
    values.problem("DigestAuthenticationProvider.digestAlg", "can only be SHA1, or left out");
  }
  const superUsers = [
    values.get("superUser"),
    values.get("X509AuthenticationProvider.superUser"),
    ...values.family("superUser").map(({ given }) => given.value),
  ];
  return {
    skipAcl: values.get("skipACL"),
    digestEnabled: values.get("DigestAuthenticationProvider.enabled"),
    superDigest: superDigest(values),
    superUsers: superUsers.filter((name) => name !== null),
    saslUsers,
    allowSaslFailedClients: values.get("allowSaslFailedClients"),
    requiredSchemes,
    providers,
  };
}

function superDigest(values: Values): string | null {
  const given = values.get("DigestAuthenticationProvider.superDigest");
  if (given === null || /^[^:]+:[A-Za-z0-9+/]+={0,2}$/.test(given)) return given;
  values.problem(
    "DigestAuthenticationProvider.superDigest",
    "must be user:hash, the hash in base64 (never the password itself)",
  );
  return null;
}

function readSaslUsers(values: Values, files: FileReader): ReadonlyMap<string, string> {
  const users = new Map(values.family("saslUser").map(({ suffix, given }) => [suffix, given.value]));
  const path = values.get("java.security.auth.login.config");
  const given = values.given("java.security.auth.login.config");
  if (path === null || given === null) return users;
  const text = files.read(resolve(path));
  if (text === null) {
    values.problem("java.security.auth.login.config", `names ${path}, and there is no such file`);
    return users;
  }
  const section = values.get("sasl.serverconfig");
  const fromFile = values.parse({ ...given, value: text }, (jaas) => ({ users: parseJaas(jaas, section) }));
  if (fromFile?.users === null) {
    const warning = `names ${path}, which has no section ${section}: no SASL users come from there`;
    values.warning("java.security.auth.login.config", warning);
  }
  return new Map([...(fromFile?.users ?? []), ...users]);
}

function schemesRequired(values: Values): readonly string[] {
  const schemes = new Set<string>();
  if (values.get("sessionRequireClientSASLAuth")) schemes.add("sasl");
  if (values.get("enforce.auth.enabled")) {
    const listed = values.get("enforce.auth.schemes");
    if (listed.length === 0) values.problem("enforce.auth.enabled", "needs enforce.auth.schemes: which ones will do?");
    for (const scheme of listed) {
      if (!["digest", "ip", "x509", "sasl"].includes(scheme)) {
        values.problem("enforce.auth.schemes", `names "${scheme}", which is no scheme here (digest, ip, x509, sasl)`);
      }
      schemes.add(scheme);
    }
  }
  return [...schemes];
}
