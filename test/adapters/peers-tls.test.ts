import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerTls } from "../../src/adapters/peers/peer-tls.ts";
import { Authority } from "../support/certificates.ts";
import { call, closeAll, helloFrom, listed, ManualTime, mesh, TestPeers, untilClosed } from "./support/peers.ts";

const authority = new Authority();

/** A certificate for 127.0.0.1. */
function certificate(signer = authority, names = "IP:127.0.0.1"): PeerTls {
  return signer.issue({ names }).texts;
}

test("members talk over TLS, each showing a certificate", async () => {
  const all = await mesh(3, certificate());
  const large = "x".repeat(1_000_000);
  all[0]!.send(2, large);
  all[2]!.send(2, "small");
  await all[1]!.until("both", () => all[1]!.frames.length === 2);
  assert.deepEqual(all[1]!.texts(1), [large]);
  assert.deepEqual(all[1]!.texts(3), ["small"]);
  await closeAll(all);
});

test("a certificate of another authority, another host, or none at all, is no member", async () => {
  const ours = certificate();
  const one = await new TestPeers(1).open(0, ours);

  const stranger = await new TestPeers(2).open(0, certificate(new Authority()));
  stranger.peers.reconcile(0, listed([one]));
  await stranger.until("a refusal", () => stranger.lines.some((line) => /member 1 cannot be reached/.test(line)));
  await stranger.peers.close();

  const plain = await call(one.port);
  plain.write(helloFrom(2, 1));
  await untilClosed(plain);
  await one.until("a line", () => one.lines.some((line) => /failed in TLS/.test(line)));

  const elsewhere = await new TestPeers(3).open(0, certificate(authority, "DNS:elsewhere.example"));
  const caller = await new TestPeers(2).open(0, certificate());
  caller.peers.reconcile(0, listed([elsewhere]));
  await caller.until("the wrong host", () =>
    caller.lines.some((line) => /does not match certificate|altnames/.test(line)),
  );

  assert.deepEqual([...one.events, ...stranger.events, ...caller.events, ...elsewhere.events], []);
  await closeAll([one, elsewhere, caller]);
});

test("a member without TLS that meets one with it says so", async () => {
  const secure = await new TestPeers(1).open(0, certificate());
  const plain = await new TestPeers(2).open();
  secure.peers.reconcile(0, listed([plain]));
  await plain.until("told", () => plain.lines.some((line) => /this is TLS, and this port is without/.test(line)));
  await closeAll([secure, plain]);
});

test("a handshake that never ends is cut off", async () => {
  const time = new ManualTime();
  const one = await new TestPeers(1).open(0, certificate(), { time });
  const socket = await call(one.port);
  socket.write(Buffer.of(0x16, 3, 1, 2, 0));
  await one.until("it has come", () => time.pending > 1); // the heartbeat, and its deadline
  time.advance(5000);
  await untilClosed(socket);
  await one.peers.close();
});

test("while going over to TLS, a member takes and makes calls of both kinds", async () => {
  const old = await new TestPeers(1).open();
  const first = await new TestPeers(2).open(0, certificate(), { isPlainTaken: true, isCallPlain: true });
  const second = await new TestPeers(3).open(0, certificate(), { isPlainTaken: true });
  const all = [old, first, second];
  old.peers.reconcile(0, listed([first, second])); // calls without
  second.peers.reconcile(0, listed([first])); // calls with
  const isConnected = (one: TestPeers) => one.events.filter((event) => event.startsWith("+")).length === 2;
  for (const one of all) await one.until("connected to both", () => isConnected(one));
  second.send(2, "secret");
  old.send(3, "open");
  await first.until("the secret", () => first.texts(3).join() === "secret");
  await second.until("the open one", () => second.texts(1).join() === "open");

  const another = await new TestPeers(4).open(0, certificate(), { isPlainTaken: true, isCallPlain: true });
  another.peers.reconcile(0, listed([old])); // which knows no TLS
  await old.until("called without", () => old.events.includes("+4"));
  await closeAll([...all, another]);
});

test("a caller's certificate must be for where it calls from, or for the host it is listed with", async () => {
  const strict = await new TestPeers(1).open(0, certificate());
  const lenient = await new TestPeers(2).open(0, { ...certificate(), verifyCallerHost: false });
  const caller = await new TestPeers(3).open(0, certificate(authority, "DNS:localhost"));
  caller.peers.reconcile(0, listed([strict, lenient]));
  await lenient.until("the lenient one takes it", () => lenient.events.includes("+3"));
  await caller.until("a refusal", () =>
    caller.lines.some((line) => /names neither its address nor the host/.test(line)),
  );
  assert.ok(strict.lines.some((line) => /member 3, .* is refused: it has a certificate for another host/.test(line)));
  assert.deepEqual(strict.events, []);

  strict.peers.reconcile(0, [{ id: 3, description: `localhost:${caller.port}:3888:participant;2181` }]);
  await strict.until("listed with that host, it is taken", () => strict.events.includes("+3"));
  await closeAll([strict, lenient, caller]);
});

test("a member's own certificate does not make it another member", async () => {
  // Each has a certificate of the ensemble's authority, for its own host; all call from 127.0.0.1.
  const one = await new TestPeers(1).open(0, certificate());
  one.peers.reconcile(0, [
    { id: 2, description: "127.0.0.1:1:2" },
    { id: 3, description: "localhost:1:2" },
  ]);
  const impostor = await new TestPeers(3).open(0, certificate());
  impostor.peers.reconcile(0, listed([one]));
  await one.until("refused", () => one.lines.some((line) => /member 3, .* a certificate for another host/.test(line)));
  assert.deepEqual([one.events, impostor.events], [[], []]);
  const itself = await new TestPeers(2).open(0, certificate());
  itself.peers.reconcile(0, listed([one]));
  await one.until("taken for what it is", () => one.events.includes("+2"));
  await closeAll([one, impostor, itself]);
});

test("TLS and the secret are asked for both, where both are set", async () => {
  const secrets = [Buffer.from("the secret of this ensemble")];
  const all = await mesh(3, certificate(), { secrets });
  all[0]!.send(2, "both");
  await all[1]!.until("the frame", () => all[1]!.texts(1).join() === "both");
  const stranger = await new TestPeers(4).open(0, certificate());
  stranger.peers.reconcile(0, listed([all[0]!]));
  await stranger.until("refused", () => stranger.lines.some((line) => /asks for the ensemble's secret/.test(line)));
  await closeAll([...all, stranger]);
});

test("certificates are renewed without a restart, for the calls that come after", async () => {
  const [one, two, three] = [
    await new TestPeers(1).open(0, certificate()),
    await new TestPeers(2).open(0, certificate()),
    await new TestPeers(3).open(0, certificate()),
  ];
  one.peers.reconcile(0, listed([two]));
  await one.until("connected", () => one.events.includes("+2"));

  const successor = new Authority();
  for (const { peers } of [one, three]) peers.renewTls(certificate(successor));
  three.peers.reconcile(0, listed([one]));
  await three.until("both have new ones", () => three.events.includes("+1"));
  assert.deepEqual(one.events, ["+2", "+3"], "who is connected stays so");
  three.peers.reconcile(0, listed([two]));
  await three.until("an old one is not enough", () => three.lines.some((line) => /member 2 cannot be/.test(line)));
  assert.throws(() => one.peers.renewTls({ ...certificate(), key: certificate().key }), "a key of another certificate");
  await closeAll([one, two, three]);
});

test("nobody may come with a bad certificate, whether one must be shown or may be", async () => {
  for (const [clientAuth, line] of [
    ["need", /called on the peer port and failed in TLS: its certificate is refused: \w+/],
    ["want", /with a certificate that is refused/],
  ] as const) {
    const one = await new TestPeers(1).open(0, { ...certificate(), clientAuth });
    const stranger = await new TestPeers(2).open(0, { ...certificate(new Authority()), ca: certificate().ca });
    stranger.peers.reconcile(0, listed([one]));
    await one.until("refused", () => one.lines.some((said) => line.test(said)));
    await stranger.until("and told so", () => stranger.lines.some((said) => /member 1 cannot be reached/.test(said)));
    assert.deepEqual(one.events, []);
    await closeAll([one, stranger]);
  }
});

test("only the versions that are set are spoken", async () => {
  const one = await new TestPeers(1).open(0, { ...certificate(), minVersion: "TLSv1.3" });
  const old = await new TestPeers(2).open(0, { ...certificate(), maxVersion: "TLSv1.2" });
  old.peers.reconcile(0, listed([one]));
  await one.until("refused", () => one.lines.some((line) => /failed in TLS: .*(version|protocol)/i.test(line)));
  assert.deepEqual(one.events, []);
  await closeAll([one, old]);
});
