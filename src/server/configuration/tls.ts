// TLS settings from ZooKeeper's `ssl.…` keys. Only PEM files are supported. The error for a JKS or PKCS12 store says how to
// convert it.

import type { TlsSettings } from "../../protocols/configured-door.ts";
import type { FileReader } from "./files.ts";
import type { SettingKey } from "./settings.ts";
import type { Values } from "./values.ts";

type Prefix = "ssl" | "ssl.quorum";
type TlsKey = Extract<SettingKey, `ssl.quorum.${string}`> extends `ssl.quorum.${infer Name}` ? Name : never;

export function tlsSettings(values: Values, prefix: Prefix, files: FileReader): TlsSettings | null {
  const key = <Name extends TlsKey>(name: Name) => `${prefix}.${name}` as const;
  const store = pemFile(values, key("keyStore.location"), key("keyStore.type"), files, "key");
  const keyFile = pemFile(values, key("keyFile"), null, files, "key") ?? store;
  const certificateFile = pemFile(values, key("certificateFile"), null, files, "certificate") ?? store;
  const authoritiesFile = pemFile(values, key("trustStore.location"), key("trustStore.type"), files, "certificate");
  refuseUnkeepable(values, key("crl"), "lists of revoked certificates are not fetched here");
  refuseUnkeepable(values, key("ocsp"), "revoked certificates are not asked for here");
  if (keyFile === null || certificateFile === null) return null;
  const [versionMin, versionMax] = versions(values, prefix);
  const ciphers = values.get(key("ciphersuites"));
  return {
    keyFile,
    certificateFile,
    passphrase: passphrase(values, key("keyStore.password"), key("keyStore.passwordPath"), files),
    authoritiesFile,
    clientAuth: values.get(key("clientAuth")),
    versionMin,
    versionMax,
    ciphers: ciphers === null ? null : ciphers.map(openSslName).join(":"),
    verifyHost: values.get(key("hostnameVerification")),
    verifyCallerHost:
      values.get(key("hostnameVerification")) &&
      (values.get(key("clientHostnameVerification")) ?? prefix === "ssl.quorum"),
    reload: values.get(prefix === "ssl" ? "client.certReload" : "sslQuorumReloadCertFiles"),
  };
}

/** A file that must be there, and be PEM. */
function pemFile(
  values: Values,
  key: SettingKey,
  typeKey: SettingKey | null,
  files: FileReader,
  holds: "key" | "certificate",
): string | null {
  const path = values.get(key) as string | null;
  if (path === null) return null;
  const type = typeKey === null ? null : (values.get(typeKey) as string | null);
  const name = type?.toUpperCase() ?? (/\.(jks|p12|pfx|bcfks)$/i.exec(path)?.[1] ?? "pem").toUpperCase();
  if (name !== "PEM") {
    values.problem(key, `is a ${name} store, which only Java reads. ${conversion(path, holds)}`);
    return null;
  }
  const text = files.read(path);
  if (text === null) values.problem(key, `names ${path}, and there is no such file`);
  else if (!text.includes("-----BEGIN "))
    values.problem(key, `names ${path}, which is no PEM file. ${conversion(path, holds)}`);
  else if (holds === "key" && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    values.problem(key, `names ${path}, which holds no private key`);
  } else return path;
  return null;
}

function conversion(path: string, holds: "key" | "certificate"): string {
  const pem = path.replace(/\.[^./]+$/, "") || path;
  const p12 = /\.(p12|pfx)$/i.test(path) ? path : `${pem}.p12`;
  const toP12 =
    p12 === path ? "" : `keytool -importkeystore -srckeystore ${path} -destkeystore ${p12} -deststoretype PKCS12 && `;
  const options = holds === "key" ? "-nodes" : "-nokeys";
  return `Convert it once: ${toP12}openssl pkcs12 -in ${p12} ${options} -out ${pem}.pem`;
}

/** A setting that makes things safer and cannot be kept must stop the member, not be passed over. */
function refuseUnkeepable(values: Values, key: SettingKey, reason: string): void {
  if (values.get(key) === true)
    values.problem(key, `cannot be had: ${reason}. Take the setting out if you can do without`);
}

function passphrase(values: Values, key: SettingKey, pathKey: SettingKey, files: FileReader): string | null {
  const path = values.get(pathKey) as string | null;
  if (path === null) return values.get(key) as string | null;
  const text = files.read(path);
  if (text === null) values.problem(pathKey, `names ${path}, and there is no such file`);
  return text?.replace(/\r?\n$/, "") ?? null;
}

type Version = TlsSettings["versionMin"];

function versions(values: Values, prefix: Prefix): [Version, Version] {
  const enabled = values.get(`${prefix}.enabledProtocols`) ?? [];
  const known = (["TLSv1.2", "TLSv1.3"] as const).filter((version) => enabled.includes(version));
  const old = enabled.filter((version) => !/^TLSv1\.[23]$/.test(version));
  if (old.length > 0)
    values.warning(`${prefix}.enabledProtocols`, `names ${old.join(", ")}: only TLSv1.2 and TLSv1.3 are spoken`);
  if (enabled.length > 0 && known.length === 0)
    values.problem(`${prefix}.enabledProtocols`, "must name TLSv1.2 or TLSv1.3");
  if (known.length > 0) return [known[0]!, known.at(-1)!];
  return ["TLSv1.2", values.get(`${prefix}.protocol`) ?? "TLSv1.3"];
}

/** Java's names of the older cipher suites in OpenSSL's form; those of TLS 1.3 are the same in both. */
function openSslName(java: string): string {
  const match = /^TLS_(ECDHE|DHE)_(RSA|ECDSA)_WITH_(?:AES_(128|256)|CHACHA20)_(GCM|CBC|POLY1305)_(SHA\d*)$/.exec(java);
  if (match === null) return java;
  const [, exchange, signature, bits, mode, hash] = match;
  if (mode === "POLY1305") return `${exchange}-${signature}-CHACHA20-POLY1305`;
  return `${exchange}-${signature}-AES${bits}-${mode === "GCM" ? "GCM-" : ""}${hash}`;
}
