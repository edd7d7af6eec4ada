import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { PeerTls } from "../../src/adapters/peers/listener.ts";
import { call, closeAll, helloFrom, listed, mesh, TestPeers, untilClosed } from "./support/peers.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-tls-"));
after(() => rmSync(directory, { recursive: true }));

function openssl(...words: string[]): void {
  execFileSync("openssl", words, { cwd: directory, stdio: "pipe" });
}

/** A certificate for 127.0.0.1, signed by an authority of its own. */
function certificate(authority: string, name: string, host = "IP:127.0.0.1"): PeerTls {
  writeFileSync(join(directory, "names"), `subjectAltName=${host}\n`);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    `${authority}.key`,
    "-out",
    `${authority}.pem`,
    "-subj",
    `/CN=${authority}`,
    "-days",
    "9",
  );
  openssl("req", ...curve, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  const signed = ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`, "-CAcreateserial"];
  openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-out", `${name}.pem`, "-days", "9", "-extfile", "names");
  const text = (file: string) => readFileSync(join(directory, file), "utf8");
  return { cert: text(`${name}.pem`), key: text(`${name}.key`), ca: text(`${authority}.pem`) };
}

test("members talk over TLS, each showing a certificate", async () => {
  const all = await mesh(3, certificate("authority", "member"));
  const large = "x".repeat(1_000_000);
  all[0]!.send(2, large);
  all[2]!.send(2, "small");
  await all[1]!.until("both", () => all[1]!.frames.length === 2);
  assert.deepEqual(all[1]!.texts(1), [large]);
  assert.deepEqual(all[1]!.texts(3), ["small"]);
  await closeAll(all);
});

test("a certificate of another authority, another host, or none at all, is no member", async () => {
  const ours = certificate("authority", "member");
  const one = await new TestPeers(1).open(0, ours);

  const stranger = await new TestPeers(2).open(0, certificate("stranger", "intruder"));
  stranger.peers.reconcile(0, listed([one]));
  await stranger.until("a refusal", () => stranger.lines.some((line) => /member 1 cannot be reached/.test(line)));
  await stranger.peers.close();

  const plain = await call(one.port);
  plain.write(helloFrom(2, 1));
  await untilClosed(plain);
  await one.until("a line", () => one.lines.some((line) => /failed in TLS/.test(line)));

  const elsewhere = await new TestPeers(3).open(0, certificate("authority2", "elsewhere", "DNS:elsewhere.example"));
  const caller = await new TestPeers(2).open(0, {
    ...certificate("authority3", "caller"),
    ca: authorityOf("authority2"),
  });
  caller.peers.reconcile(0, listed([elsewhere]));
  await caller.until("the wrong host", () =>
    caller.lines.some((line) => /does not match certificate|altnames/.test(line)),
  );

  assert.deepEqual([...one.events, ...stranger.events, ...caller.events, ...elsewhere.events], []);
  await closeAll([one, elsewhere, caller]);
});

test("a member without TLS that meets one with it says so", async () => {
  const secure = await new TestPeers(1).open(0, certificate("authority", "member"));
  const plain = await new TestPeers(2).open();
  secure.peers.reconcile(0, listed([plain]));
  await plain.until("told", () => plain.lines.some((line) => /this is TLS, and this port is without/.test(line)));
  await closeAll([secure, plain]);
});

test("a handshake that never ends is cut off", async () => {
  const one = await new TestPeers(1).open(0, certificate("authority", "member"));
  const socket = await call(one.port);
  socket.write(Buffer.of(0x16, 3, 1, 2, 0));
  await once(socket, "close");
  await one.peers.close();
});

function authorityOf(name: string): string {
  return readFileSync(join(directory, `${name}.pem`), "utf8");
}
