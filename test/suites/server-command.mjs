// server-command.mjs MAIN JAVA ARGUMENTS…: the command that `java ARGUMENTS` stands for, its words each ended by a NUL.
// The server's main class becomes our command on the same file and properties; the rest goes to the real java. Java's
// key stores that the file names are turned into the PEM files that our server reads.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const serverClasses = [
  "org.apache.zookeeper.server.quorum.QuorumPeerMain",
  "org.apache.zookeeper.server.ZooKeeperServerMain",
];
const javaAlone = /^(file\.encoding|java\.awt\.|log4j|logback|org\.slf4j|zookeeper\.(log\.|root\.logger|jmx|logfile))/;
const storeSettings = /^\s*(ssl(?:\.quorum)?\.(?:key|trust)Store)\.(location|password)\s*=\s*(.*?)\s*$/gm;

const [main, java, ...words] = process.argv.slice(2);
const at = words.findIndex((word) => serverClasses.includes(word));
const command = at === -1 ? [java, ...words] : ourServer(words.slice(0, at), words[at + 1]);
process.stdout.write(command.map((word) => `${word}\0`).join(""));

function ourServer(options, configFile) {
  usePemStores(configFile);
  const properties = options
    .map((option) => /^-D(.+=.*)$/s.exec(option)?.[1])
    .filter((property) => property !== undefined);
  const understood = properties.filter((property) => !javaAlone.test(property));
  return [process.execPath, main, "server", configFile, ...understood.flatMap((property) => ["-D", property])];
}

function usePemStores(configFile) {
  const text = readFileSync(configFile, "utf8");
  const stores = new Map();
  for (const [, store, what, value] of text.matchAll(storeSettings)) {
    stores.set(store, { ...stores.get(store), [what]: value });
  }
  const javaStores = [...stores].filter(([, { location }]) => location?.endsWith(".jks"));
  if (javaStores.length === 0) return;
  const others = text.replaceAll(storeSettings, "");
  const pemStores = javaStores.map(
    ([store, { location, password }]) => `${store}.location=${pemOf(location, password)}`,
  );
  writeFileSync(configFile, `${others}\n${pemStores.join("\n")}\n`);
}

function pemOf(store, password) {
  const [pkcs12, pem] = [`${store}.p12`, `${store}.pem`];
  if (existsSync(pem)) return pem;
  const from = ["-srckeystore", store, "-srcstorepass", password];
  const to = ["-destkeystore", pkcs12, "-deststoretype", "PKCS12", "-deststorepass", password];
  execFileSync("keytool", ["-importkeystore", "-noprompt", ...from, ...to], { stdio: "ignore" });
  writeFileSync(pem, execFileSync("openssl", ["pkcs12", "-in", pkcs12, "-nodes", "-passin", `pass:${password}`]));
  return pem;
}
