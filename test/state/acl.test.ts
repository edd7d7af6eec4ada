// Access: facts 13, 19 and 22.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allows, masked, OPEN_ACL, PERMISSION } from "../../src/state/tree/acl.ts";
import { isAddressInRange, isAddressRange } from "../../src/state/tree/ip.ts";
import type { Acl, Identity } from "../../src/state/tree/types.ts";
import { codeOf, World } from "./world.ts";

const ann: Identity = { scheme: "digest", id: "ann:hashA" };
const bob: Identity = { scheme: "digest", id: "bob:hashB" };
const here: Identity = { scheme: "ip", id: "10.1.2.3" };

describe("who is allowed", () => {
  const list = (scheme: string, id: string, perms: number = PERMISSION.read): Acl[] => [{ perms, scheme, id }];

  test("each scheme matches in its own way", () => {
    assert.ok(allows(list("world", "anyone"), PERMISSION.read, []));
    assert.ok(allows(list("digest", "ann:hashA"), PERMISSION.read, [here, ann]));
    assert.ok(!allows(list("digest", "ann:hashA"), PERMISSION.read, [here, bob]));
    assert.ok(allows(list("ip", "10.0.0.0/8"), PERMISSION.read, [here]));
    assert.ok(!allows(list("ip", "10.1.2.4"), PERMISSION.read, [here]));
    assert.ok(allows(list("x509", "CN=ann"), PERMISSION.read, [{ scheme: "x509", id: "CN=ann" }]));
    assert.ok(allows(list("sasl", "ann"), PERMISSION.read, [{ scheme: "sasl", id: "ann" }]));
    assert.ok(!allows(list("sasl", "ann"), PERMISSION.read, [{ scheme: "digest", id: "ann" }]));
  });

  test("permissions are bits: one of those asked for is enough, another's is not", () => {
    assert.ok(allows(list("world", "anyone", 1), PERMISSION.read | PERMISSION.admin, []));
    assert.ok(!allows(list("world", "anyone", 1), PERMISSION.write, []));
  });

  test("super may do everything, and an empty list forbids nothing", () => {
    assert.ok(allows(list("digest", "ann:hashA", 0), PERMISSION.admin, [{ scheme: "super", id: "" }]));
    assert.ok(allows([], PERMISSION.admin, []));
  });
});

describe("addresses", () => {
  test("ranges are counted in bits, in both families and never across", () => {
    assert.ok(isAddressInRange("192.168.1.77", "192.168.1.64/26"));
    assert.ok(!isAddressInRange("192.168.1.128", "192.168.1.64/26"));
    assert.ok(isAddressInRange("1.2.3.4", "9.9.9.9/0"));
    assert.ok(isAddressInRange("fe80::1:2", "fe80::/10"));
    assert.ok(isAddressInRange("::1", "0:0:0:0:0:0:0:1"));
    assert.ok(!isAddressInRange("fec0::1", "fe80::/10"));
    assert.ok(!isAddressInRange("::1", "0.0.0.0/0"));
    assert.ok(!isAddressInRange("1.2.3.4", "::/0"));
  });

  test("what is no address or has more bits than its family is refused", () => {
    for (const range of ["10.0.0.1", "10.0.0.1/32", "::", "1::", "::1/128", "1:2:3:4:5:6:7:8"]) {
      assert.ok(isAddressRange(range), range);
    }
    const wrong = ["", "10.0.0", "10.0.0.256", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/-1", "::1/129", ":::", "1::2::3"];
    for (const range of [
      ...wrong,
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "1:2:3:4:5:6:7::8",
      "name",
      "a.b.c.d",
    ]) {
      assert.ok(!isAddressRange(range), range);
    }
  });
});

describe("which lists a node may be given", () => {
  const created = (world: World, acl: readonly Acl[]): string => codeOf(world.create("/n", { acl, mode: 2 }));
  const entry = (scheme: string, id: string): Acl[] => [{ perms: 31, scheme, id }];

  test("none that is empty, or names an unknown scheme or a malformed id", () => {
    const world = World.withSession();
    assert.equal(created(world, []), "invalid-acl");
    for (const [scheme, id] of [
      ["nonsense", "x"],
      ["world", "someone"],
      ["super", "x"],
      ["digest", "ann"],
      ["digest", "ann:"],
      ["digest", "a:b:c"],
      ["ip", "10.0.0.1/40"],
      ["sasl", "a@b@c"],
      ["x509", "no name"],
      ["", ""],
    ] as const) {
      assert.equal(created(world, entry(scheme, id)), "invalid-acl", `${scheme}:${id}`);
    }
    for (const [scheme, id] of [
      ["digest", "ann:hash"],
      ["digest", ":hash"],
      ["ip", "::1"],
      ["sasl", "ann/host@REALM"],
      ["x509", "CN=ann,O=some\\, company"],
    ] as const) {
      assert.equal(created(world, entry(scheme, id)), "created", `${scheme}:${id}`);
    }
  });

  test("auth becomes what the requester has proved; an address proves nothing", () => {
    const world = World.withSession();
    world.identities = [here];
    assert.equal(created(world, entry("auth", "")), "invalid-acl");
    world.identities = [here, { scheme: "super", id: "" }];
    assert.equal(created(world, entry("auth", "")), "invalid-acl");
    world.identities = [here, ann, bob];
    world.create("/mine", { acl: [{ perms: 3, scheme: "auth", id: "ignored" }] });
    assert.deepEqual(world.tree.node("/mine")!.acl, [
      { perms: 3, ...ann },
      { perms: 3, ...bob },
    ]);
  });

  test("repetitions are dropped", () => {
    const world = World.withSession();
    const acl = [...entry("digest", "a:b"), ...entry("ip", "::1"), ...entry("digest", "a:b")];
    world.create("/twice", { acl });
    assert.equal(world.tree.node("/twice")!.acl.length, 2);
  });
});

describe("in the tree", () => {
  test("READ, WRITE, CREATE, DELETE and ADMIN each guard their own", () => {
    const world = World.withSession();
    const only = (perms: number): Acl[] => [
      { perms: 31, scheme: ann.scheme, id: ann.id },
      { perms, scheme: bob.scheme, id: bob.id },
    ];
    world.identities = [ann];
    world.create("/p");
    world.create("/p/child");
    const attempts = (): string[] => [
      codeOf(world.set("/p", "x")),
      codeOf(world.create("/p/new-", { mode: 2 })),
      codeOf(world.delete("/p/child")),
      codeOf(world.setAcl("/p/child", OPEN_ACL)),
    ];
    for (const [perms, expected] of [
      [PERMISSION.read, ["no-auth", "no-auth", "no-auth"]],
      [PERMISSION.write, ["updated", "no-auth", "no-auth"]],
      [PERMISSION.create, ["no-auth", "created", "no-auth"]],
    ] as const) {
      world.identities = [ann];
      world.setAcl("/p", only(perms));
      world.identities = [bob];
      assert.deepEqual(attempts().slice(0, 3), expected, `${perms}`);
    }
    world.identities = [ann];
    world.setAcl("/p", only(PERMISSION.delete));
    world.setAcl("/p/child", only(PERMISSION.write));
    world.identities = [bob];
    assert.deepEqual(attempts(), ["no-auth", "no-auth", "done", "no-node"]);
  });

  test("skipAcl and super pass every list, whatever other members are set to", () => {
    const world = World.withSession();
    world.identities = [ann];
    world.create("/p", { acl: [{ perms: 31, scheme: "auth", id: "" }] });
    world.identities = [bob];
    assert.equal(codeOf(world.set("/p", "x")), "no-auth");
    world.policy = { skipAcl: true };
    assert.equal(codeOf(world.set("/p", "x")), "updated");
    world.policy = {};
    world.identities = [bob, { scheme: "super", id: "" }];
    assert.equal(codeOf(world.set("/p", "x")), "updated");
  });

  test("the configuration may be read by all, and written by nobody but super", () => {
    const world = World.withSession();
    assert.ok(world.tree.mayRead(world.tree.node("/zookeeper/config")!, []));
    assert.equal(codeOf(world.set("/zookeeper/config", "x")), "no-auth");
    assert.equal(codeOf(world.delete("/zookeeper/config")), "bad-arguments");
  });

  test("equal lists are kept once, and forgotten with the last node that has them", () => {
    const world = World.withSession();
    const { acls } = world.tree.store;
    const empty = acls.size;
    for (let i = 0; i < 50; i++) world.create(`/n${i}`, { acl: [{ perms: 1 + (i % 5), scheme: "ip", id: "::1" }] });
    assert.equal(acls.size, empty + 5);
    for (let i = 0; i < 50; i++) {
      if (i % 2 === 0) world.policy = { skipAcl: true };
      world.delete(`/n${i}`);
    }
    assert.equal(acls.size, empty);
  });

  test("password hashes are hidden from who may not administer", () => {
    assert.deepEqual(
      masked([
        { perms: 1, ...ann },
        { perms: 1, scheme: "ip", id: "::1" },
      ]),
      [
        { perms: 1, scheme: "digest", id: "ann:x" },
        { perms: 1, scheme: "ip", id: "::1" },
      ],
    );
  });
});
