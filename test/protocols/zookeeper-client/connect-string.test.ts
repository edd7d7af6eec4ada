// Where the servers are, as people write it, and what they are told when they write it wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CoordinationError, parseConnectString } from "../../../src/protocols/zookeeper/client/index.ts";

function shown(text: string): string {
  const { servers, chroot, isTls } = parseConnectString(text);
  return `${servers.map(({ host, port }) => `${host} ${port}`).join(", ")} ${chroot}${isTls ? " tls" : ""}`;
}

test("ZooKeeper's connect strings, and the same as URLs", () => {
  assert.equal(shown("zoo1:2181,zoo2:2182,zoo3"), "zoo1 2181, zoo2 2182, zoo3 2181 /");
  assert.equal(shown("zoo1:2181,zoo2:2181/app/a"), "zoo1 2181, zoo2 2181 /app/a");
  assert.equal(shown(" zoo1 , zoo2:1 "), "zoo1 2181, zoo2 1 /");
  assert.equal(shown("zoo1:2181/"), "zoo1 2181 /");
  assert.equal(shown("[::1]:2181,[fe80::1%eth0],10.0.0.1:2181/app"), "::1 2181, fe80::1%eth0 2181, 10.0.0.1 2181 /app");
  assert.equal(shown("zookeeper://zoo1:2181,zoo2/app"), "zoo1 2181, zoo2 2181 /app");
  assert.equal(shown("ZooKeeper+TLS://[::1]/app"), "::1 2181 /app tls");
  assert.equal(
    shown("zoo1,zoo1:2181,zoo1:2182"),
    "zoo1 2181, zoo1 2182 /",
    "one server is one, however often it is named",
  );
});

test("what is wrong with a connect string is said, and where", () => {
  const wrongs: [string, RegExp][] = [
    ["", /a server is missing/],
    ["/app", /a server is missing/],
    ["zoo1,,zoo2", /a server is missing/],
    ["zoo1:2181,", /a server is missing/],
    ["zoo1:", /"" in "zoo1:" is no port/],
    ["zoo1:0", /"0" in "zoo1:0" is no port: 1 to 65535/],
    ["zoo1:65536", /no port/],
    ["zoo1:2181x", /no port/],
    ["zoo1:-1", /no port/],
    ["::1:2181", /an IPv6 address stands in brackets/],
    ["[::1:2181", /no host:port/],
    ["zoo 1:2181", /no host:port/],
    ["zoo1:2181/app/", /"\/app\/" is no path for a chroot/],
    ["zoo1:2181//app", /no path for a chroot/],
    ["zoo1:2181/a/../b", /no path for a chroot/],
    ["http://zoo1:2181", /"http" is no scheme of ZooKeeper: zookeeper:\/\/ or zookeeper\+tls:\/\//],
    ["zookeeper://zoo1:2181/app?tls=1", /options are given to the client/],
    ["zookeeper://", /a server is missing/],
  ];
  for (const [text, why] of wrongs) {
    assert.throws(
      () => parseConnectString(text),
      (error) => error instanceof CoordinationError && error.code === "configuration" && why.test(error.message),
      text,
    );
  }
  assert.throws(() => parseConnectString(undefined as unknown as string), /got a value of type undefined/);
  assert.throws(
    () => parseConnectString("zookeeper://bob:secret@zoo1:2181"),
    (error: Error) => /given by `auth` or `sasl`/.test(error.message) && !error.message.includes("secret"),
    "a password is not repeated",
  );
});
