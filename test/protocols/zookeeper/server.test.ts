// The protocol on real sockets, plain and TLS.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { readReplyHeader } from "../../../src/protocols/zookeeper/codec/records.ts";
import { readClients } from "../../../src/protocols/zookeeper/codec/replies.ts";
import { subjectOf } from "../../../src/protocols/zookeeper/x509.ts";
import { openZooKeeperServer, type ZooKeeperServerOptions } from "./support/door-on-ports.ts";
import { FakeMember, type VirtualClock } from "./support/fake-member.ts";
import * as ask from "./support/requests.ts";
import { clock, pem, SocketClient, withServer } from "./support/socket-client.ts";
import { frameOf } from "./support/test-client.ts";

// ------------------------------------------------------------------------------------------------------------- plain

test("a client on a socket is served, and its going is noticed", async () => {
  await withServer({}, async (server) => {
    const client = SocketClient.plain(server);
    assert.notEqual(await client.greet(), 0);
    assert.equal((await client.call(ask.create("/a"))).error, 0);
    assert.equal((await client.call(ask.getData("/a", true))).error, 0);
    assert.equal(server.stats.connectionCount, 1);
    assert.equal(server.stats.watches.size, 1);
    const [connection] = server.stats.connections;
    assert.equal(connection?.remotePort, client.socket.localPort);
    assert.equal(connection?.traffic.lastOperation, "GETD");
    client.socket.destroy();
    const witness = SocketClient.plain(server);
    await witness.greet();
    while (server.stats.connectionCount > 1) await witness.call(ask.ping);
    assert.equal(server.stats.watches.size, 0);
  });
});

test("a megabyte goes in and comes out whole", async () => {
  await withServer({}, async (server) => {
    const client = SocketClient.plain(server);
    await client.greet();
    const data = new Uint8Array(1_000_000).map((_, i) => i & 0xff);
    await client.call(ask.create("/a", { data }));
    for (let i = 0; i < 5; i++) {
      const { body } = await client.call(ask.getData("/a"));
      assert.deepEqual(body.view(body.int32()), data);
    }
  });
});

test("a pipeline of ten thousand writes and reads is answered in order", async () => {
  await withServer({}, async (server) => {
    const client = SocketClient.plain(server);
    await client.greet();
    await client.call(ask.create("/a"));
    const frames: Uint8Array[] = [];
    for (let i = 0; i < 10_000; i++) {
      const [opcode, encode] = i % 3 === 0 ? ask.setData("/a", ask.text(`${i}`)) : ask.getData("/a");
      frames.push(frameOf(1000 + i, opcode, encode));
    }
    client.socket.write(Buffer.concat(frames));
    for (let i = 0; i < 10_000; i++) {
      const frame = await client.frame();
      assert(frame !== null);
      assert.equal(readReplyHeader(frame).xid, 1000 + i);
      if (i % 3 !== 0) assert.equal(frame.text(frame.int32()), `${i - (i % 3)}`);
    }
  });
});

/** A sync and reads of 2 MB behind it in one go: the replies are far beyond what may wait unread. */
async function assertAllAnswered(client: SocketClient): Promise<void> {
  await client.greet();
  await client.call(ask.create("/a", { data: new Uint8Array(20_000) }));
  const requests = [ask.sync("/"), ...Array.from({ length: 100 }, () => ask.getData("/a"))];
  client.socket.write(Buffer.concat(requests.map(([opcode, encode], i) => frameOf(1000 + i, opcode, encode))));
  for (let i = 0; i < requests.length; i++) assert.equal(readReplyHeader((await client.frame())!).xid, 1000 + i);
}

test("a sync and a hundred reads of 20 kB in one go are all answered", { timeout: 20_000 }, async () => {
  await withServer({}, (server) => assertAllAnswered(SocketClient.plain(server)));
});

test("whoever asks for much and fetches nothing holds little of the member, and gets it all in the end", async () => {
  await withServer({}, async (server) => {
    const [greedy, witness] = [SocketClient.plain(server), SocketClient.plain(server)];
    await greedy.greet();
    await witness.greet();
    await greedy.call(ask.create("/a", { data: new Uint8Array(100_000) }));
    const [connection] = server.stats.connections;
    greedy.socket.pause();
    const [opcode, encode] = ask.getData("/a");
    greedy.socket.write(Buffer.concat(Array.from({ length: 500 }, (_, i) => frameOf(1000 + i, opcode, encode))));
    while (connection!.reading) await witness.call(ask.ping);
    for (let i = 0; i < 100; i++) {
      await witness.call(ask.ping);
      assert(connection!.unsentBytes < 1_300_000, `${connection!.unsentBytes} bytes wait for it`);
    }
    greedy.socket.resume();
    for (let i = 0; i < 500; i++) assert.equal(readReplyHeader((await greedy.frame())!).xid, 1000 + i);
    assert.equal(connection!.reading, true);
  });
});

test("closeSession is answered, then the server closes", async () => {
  await withServer({}, async (server) => {
    const client = SocketClient.plain(server);
    await client.greet();
    assert.equal((await client.call(ask.closeSession)).error, 0);
    await client.closed;
  });
});

test("a four-letter word is answered, also to who has already said goodbye", async () => {
  const fourLetterWord: ZooKeeperServerOptions["fourLetterWord"] = (_word, reply) => {
    setTimeout(() => reply("imok"), 20);
    return true;
  };
  await withServer({ fourLetterWord }, async (server) => {
    const client = SocketClient.plain(server);
    client.socket.end("ruok");
    assert.equal(await client.everything(), "imok");
  });
});

test("one connection too many from an address, or in all, is closed at once; when one goes another may come", async () => {
  for (const limits of [{ maxClientCnxns: 2 }, { maxClientCnxns: 0, maxCnxns: 2 }]) {
    await withServer(limits, async (server) => {
      const [first, second] = [SocketClient.plain(server), SocketClient.plain(server)];
      assert.notEqual(await first.greet(), null);
      assert.notEqual(await second.greet(), null);
      assert.equal(await SocketClient.plain(server).greet(), null);
      assert.equal(server.stats.connectionsRejected, 1);
      first.socket.destroy();
      while (server.stats.connectionCount > 1) await second.call(ask.ping);
      assert.notEqual(await SocketClient.plain(server).greet(), null);
    });
  }
});

test("a thousand connections that never speak leave the others be, and go when their time is over", async () => {
  await withServer({ maxClientCnxns: 0 }, async (server) => {
    const silent = Array.from({ length: 1000 }, () => SocketClient.plain(server));
    const client = SocketClient.plain(server);
    await client.greet();
    assert.equal((await client.call(ask.create("/a"))).error, 0);
    for (const { socket } of silent) socket.destroy();
    while (server.stats.connectionCount > 1) await client.call(ask.ping);
  });
});

test("a port that is taken is told by address", async () => {
  await withServer({}, async (server) => {
    const { port } = server.clientAddress!;
    const attempt = openZooKeeperServer(new FakeMember(clock as VirtualClock), {
      clock,
      clientPort: port,
      clientPortAddress: "127.0.0.1",
    });
    await assert.rejects(attempt, { code: "configuration", message: new RegExp(`127.0.0.1:${port}`) });
  });
});

test("closing lets clients go and frees the port", async () => {
  const member = new FakeMember(clock as VirtualClock);
  const server = await openZooKeeperServer(member, { clock, clientPort: 0, clientPortAddress: "127.0.0.1" });
  const client = SocketClient.plain(server);
  await client.greet();
  const { port } = server.clientAddress!;
  await server.close();
  await client.closed;
  const again = await openZooKeeperServer(new FakeMember(clock as VirtualClock), {
    clock,
    clientPort: port,
    clientPortAddress: "127.0.0.1",
  });
  await again.close();
});

// --------------------------------------------------------------------------------------------------------------- TLS

export const secure = { secureClientPort: 0, secureClientPortAddress: "127.0.0.1" };

test("over TLS a client is who its certificate says", async () => {
  await withServer({ ...secure, tls: pem.server }, async (server) => {
    const client = SocketClient.secure(server.secureClientAddress!.port, pem.client);
    assert.notEqual(await client.greet(), null);
    assert.deepEqual(readClients((await client.call(ask.whoAmI)).body), [
      { scheme: "ip", user: "127.0.0.1" },
      { scheme: "x509", user: "CN=client,O=Example\\, Inc.,C=ES" },
    ]);
    const [connection] = server.stats.connections;
    assert.equal(connection?.secure, true);
  });
});

test("over TLS too a sync and a hundred reads of 20 kB in one go are all answered", { timeout: 20_000 }, async () => {
  await withServer({ ...secure, tls: pem.server }, (server) =>
    assertAllAnswered(SocketClient.secure(server.secureClientAddress!.port, pem.client)),
  );
});

for (const [clientAuth, none, own, strange] of [
  ["need", false, true, false],
  ["want", true, true, false],
  ["none", true, true, true],
] as const) {
  test(`clientAuth=${clientAuth}: without a certificate ${none}, with ours ${own}, with a stranger's ${strange}`, async () => {
    await withServer({ ...secure, tls: { ...pem.server, clientAuth } }, async (server) => {
      const { port } = server.secureClientAddress!;
      const greets = async (options: ConnectionOptions): Promise<boolean> => {
        const client = SocketClient.secure(port, options);
        return (await client.greet()) !== null;
      };
      assert.equal(await greets({}), none);
      assert.equal(await greets(pem.client), own);
      assert.equal(await greets(pem.stranger), strange);
    });
  });
}

test("one port can take both, and sees which is which by the first byte", async () => {
  await withServer({ tls: { ...pem.server, clientAuth: "want" }, portUnification: true }, async (server) => {
    const plain = SocketClient.plain(server);
    assert.notEqual(await plain.greet(), null);
    const { port } = server.clientAddress!;
    const encrypted = SocketClient.secure(port, pem.client);
    assert.notEqual(await encrypted.greet(), null);
    assert.equal((await encrypted.call(ask.create("/a"))).error, 0);
    assert.equal((await plain.call(ask.exists("/a"))).error, 0);
    assert.deepEqual(
      [...server.stats.connections].map((connection) => connection.secure),
      [false, true],
    );
  });
});

test("plain bytes on the TLS port are a closed connection", async () => {
  await withServer({ ...secure, tls: pem.server }, async (server) => {
    const client = new SocketClient(connect(server.secureClientAddress!.port, "127.0.0.1"));
    assert.equal(await client.greet(), null);
  });
});

test("a name is written as Java writes it: least general first, odd kinds as numbers, odd characters escaped", () => {
  const der = Buffer.from(pem.odd.replace(/-----[^-]*-----|\s/g, ""), "base64");
  assert.equal(
    subjectOf(der),
    '2.5.4.5=#13023737,1.2.840.113549.1.9.1=#16056140622e63,CN=\\ José \\"x\\"\\ ,DC=org,UID=u1,ST=Málaga,C=ES',
  );
  assert.throws(() => subjectOf(der.subarray(0, 100)), /cut off/);
  assert.throws(() => subjectOf(new Uint8Array(0)), /none/);
});
