// Scripts about who may do what: schemes, ACLs as they are checked and as they are shown, quotas, and what only an
// administrator may do.
import { createHash } from "node:crypto";
import type { Script } from "./play.ts";
import {
  type AclEntry,
  auth,
  create,
  exists,
  getAcl,
  getAllChildrenNumber,
  getChildren,
  getChildren2,
  getData,
  multi,
  open,
  reconfig,
  remove,
  setAcl,
  setData,
  sync,
  whoAmI,
} from "./requests.ts";

export const superPassword = "super-secret";

/** A digest id as ZooKeeper stores it. */
export function digest(user: string, password: string): string {
  return `${user}:${createHash("sha1").update(`${user}:${password}`).digest("base64")}`;
}

const entry = (perms: number, scheme: string | null, id: string | null): AclEntry => ({ perms, scheme, id });

export const accessScripts: Readonly<Record<string, Script>> = {
  "auth: every scheme, right and wrong": async (stage) => {
    const tries: readonly (readonly [string | null, string | null])[] = [
      ["digest", "ana:secret"],
      ["digest", "ana"],
      ["digest", ""],
      ["digest", ":"],
      ["digest", null],
      ["world", "anyone"],
      ["ip", ""],
      ["ip", "10.0.0.1"],
      ["auth", ""],
      ["super", "x"],
      ["x509", ""],
      ["sasl", "ana"],
      ["nobody", "knows"],
      ["", ""],
      [null, "x"],
    ];
    for (const [scheme, credential] of tries) {
      const session = await stage.session({});
      await session.call(auth(scheme, credential));
      await session.call(whoAmI);
      await session.untilClosedOrAnswering();
    }
    const several = await stage.session({});
    for (const user of ["ana", "bob", "ana"]) await several.call(auth("digest", `${user}:secret`));
    await several.call(whoAmI);
    await several.call(auth("digest", "ana:secret", 7));
    await several.call(whoAmI);
  },

  "ACLs: what is taken, and what is refused": async (stage) => {
    const session = await stage.session({});
    await session.call(auth("digest", "ana:secret"));
    const lists: readonly (readonly AclEntry[] | null)[] = [
      [],
      null,
      open,
      [entry(0, "world", "anyone")],
      [entry(32, "world", "anyone")],
      [entry(-1, "world", "anyone")],
      [entry(31, "world", "someone")],
      [entry(31, "world", "")],
      [entry(31, "world", null)],
      [entry(31, null, "anyone")],
      [entry(31, "auth", "")],
      [entry(31, "auth", "ignored")],
      [entry(31, "auth", null)],
      [entry(31, "digest", null)],
      [entry(31, "ip", null)],
      [entry(31, "super", null)],
      [entry(31, "nobody", null)],
      [entry(31, null, null)],
      [entry(1, "auth", ""), entry(31, "auth", "")],
      [entry(31, "digest", digest("ana", "secret"))],
      [entry(31, "digest", "ana")],
      [entry(31, "digest", "a:b:c")],
      [entry(31, "digest", "")],
      [entry(31, "digest", ":")],
      [entry(31, "ip", "127.0.0.1")],
      [entry(31, "ip", "127.0.0.0/8")],
      [entry(31, "ip", "127.0.0.1/33")],
      [entry(31, "ip", "127.0.0.1/")],
      [entry(31, "ip", "127.0.0.1/-1")],
      [entry(31, "ip", "127.0.0.1/x")],
      [entry(31, "ip", "256.0.0.1")],
      [entry(31, "ip", "127.0.0")],
      [entry(31, "ip", "::1")],
      [entry(31, "ip", "::1/64")],
      [entry(31, "ip", "name")],
      [entry(31, "ip", "")],
      // Nothing of x509 and sasl is set up.
      [entry(31, "x509", "CN=ana")],
      [entry(31, "x509", null)],
      [entry(31, "sasl", "ana")],
      [entry(31, "sasl", null)],
      [...open, entry(31, "sasl", "ana")],
      [entry(31, "super", "x")],
      [entry(31, "nobody", "knows")],
      [...open, ...open],
      [...open, entry(1, "world", "anyone"), entry(31, "ip", "127.0.0.1")],
      [...open, entry(31, "nobody", "knows")],
    ];
    for (const list of lists) {
      await session.call(create("/acl", "", 0, list));
      await session.call(getAcl("/acl"));
      await session.call(remove("/acl"));
      await session.call(create("/acl"));
      await session.call(setAcl("/acl", list));
      await session.call(getAcl("/acl"));
      // (A null list in a multi silences the reference's session when a follower hands it on to its leader.)
      if (list !== null) await session.call(multi(create("/acl-in-multi", "", 0, list), remove("/acl-in-multi")));
      await session.call(remove("/acl"));
    }
    const stranger = await stage.session({});
    await stranger.call(create("/no-auth", "", 0, [entry(31, "auth", "")]));
    await stranger.call(create("/acl", "", 0, open));
    await stranger.call(setAcl("/acl", [entry(31, "auth", "")]));
    await stranger.call(remove("/acl"));
  },

  "ACLs: which permission each request needs": async (stage) => {
    const [owner, stranger] = [await stage.session({}), await stage.session({})];
    await owner.call(auth("digest", "ana:secret"));
    await owner.call(create("/perms"));
    for (let perms = 0; perms < 32; perms++) {
      const list = [entry(31, "auth", ""), entry(perms, "world", "anyone")];
      await owner.call(create("/perms/n", "x", 0, list));
      await owner.call(create("/perms/n/child"));
      await stranger.call(exists("/perms/n"));
      await stranger.call(getData("/perms/n"));
      await stranger.call(getChildren("/perms/n"));
      await stranger.call(getChildren2("/perms/n"));
      await stranger.call(getAllChildrenNumber("/perms/n"));
      await stranger.call(getAcl("/perms/n"));
      await stranger.call(sync("/perms/n"));
      await stranger.call(setData("/perms/n", "y"));
      await stranger.call(create("/perms/n/new"));
      await stranger.call(remove("/perms/n/child"));
      await stranger.call(setAcl("/perms/n", [entry(31, "world", "anyone")], 99));
      await stranger.call(setData("/perms/n", "y", 99));
      for (const child of ["new", "child"]) await owner.call(remove(`/perms/n/${child}`));
      await owner.call(remove("/perms/n"));
    }
  },

  "ACLs: of addresses, and of several users": async (stage) => {
    const [one, two] = [await stage.session({}), await stage.session({})];
    await one.call(auth("digest", "ana:secret"));
    await one.call(auth("digest", "bob:secret"));
    await one.call(create("/both", "", 0, [entry(31, "auth", "")]));
    await one.call(getAcl("/both"));
    await two.call(getAcl("/both"));
    await two.call(auth("digest", "bob:secret"));
    await two.call(getAcl("/both"));
    await two.call(setAcl("/both", [entry(1, "ip", "127.0.0.1"), entry(30, "ip", "10.0.0.0/8")]));
    await one.call(getData("/both"));
    await one.call(setData("/both", "x"));
    await one.call(getAcl("/both"));
    for (const range of ["127.0.0.1/32", "127.0.0.0/31", "126.0.0.0/7", "0.0.0.0/0", "128.0.0.0/1", "127.0.0.2/32"]) {
      await one.call(create("/ranged", "", 0, [entry(31, "ip", range)]));
      await one.call(getData("/ranged"));
      await one.call(setAcl("/ranged", open));
      await one.call(remove("/ranged"));
    }
  },

  "super: may do everything": async (stage) => {
    const [owner, admin] = [await stage.session({}), await stage.session({})];
    await owner.call(create("/super", "x", 0, [entry(31, "digest", digest("ana", "secret"))]));
    await admin.call(getData("/super"));
    await admin.call(auth("digest", "super:wrong"));
    await admin.call(getData("/super"));
    await admin.call(whoAmI);
    await admin.call(auth("digest", `super:${superPassword}`));
    await admin.call(whoAmI);
    await admin.call(getData("/super"));
    await admin.call(getAcl("/super"));
    await admin.call(setAcl("/super", open));
    await admin.call(create("/super/auth", "", 0, [entry(31, "auth", "")]));
    await admin.call(getAcl("/super/auth"));
    await admin.call(remove("/super/auth"));
    await admin.call(remove("/super"));
    await admin.call(setData("/zookeeper/config", "x"));
    await admin.call(getData("/zookeeper/config"));
    await admin.call(remove("/zookeeper/config"));
    await admin.call(remove("/zookeeper/quota"));
    await admin.call(remove("/zookeeper"));
  },

  "the configuration: read by all, changed by nobody here": async (stage) => {
    const session = await stage.session({});
    await session.call(exists("/zookeeper/config"));
    await session.call(getAcl("/zookeeper/config"));
    await session.call(getChildren2("/zookeeper"));
    await session.call(reconfig("server.9=127.0.0.1:1:2;3", null, null));
    await session.call(reconfig(null, "1", null));
    await session.call(reconfig(null, null, "server.1=127.0.0.1:1:2;3"));
    await session.call(reconfig(null, null, null));
    await session.call(reconfig("nonsense", null, null, 5));
    await session.call(auth("digest", `super:${superPassword}`));
    await session.call(reconfig("server.9=127.0.0.1:1:2;3", null, null));
    await session.call(reconfig("nonsense", null, null, 5));
    await session.call(reconfig(null, null, null));
  },

  "quotas: hard ones refuse, soft ones do not, and what is used is counted": async (stage) => {
    const session = await stage.session({});
    const quota = async (name: string, limits: string) => {
      await session.call(create(`/${name}`));
      await session.call(create(`/zookeeper/quota/${name}`));
      await session.call(create(`/zookeeper/quota/${name}/zookeeper_limits`, limits));
      await session.call(create(`/zookeeper/quota/${name}/zookeeper_stats`, "count=1,bytes=0"));
    };
    for (const [name, limits] of Object.entries({
      "soft-count": "count=2,bytes=-1",
      "soft-bytes": "count=-1,bytes=10",
      "hard-count": "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3",
      "hard-bytes": "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=-1",
      both: "count=2,bytes=5=;byteHardLimit=10;countHardLimit=3",
      // (Limits that cannot be read are left out: below them the reference answers every write with a marshalling error.)
    })) {
      stage.note(`${name}: ${limits}`);
      await quota(name, limits);
      for (const [path, data] of [
        ["a", "12345"],
        ["b", "12345"],
        ["c", "1"],
        ["d", "1"],
      ]) {
        await session.call(create(`/${name}/${path}`, data!));
        await session.call(getData(`/zookeeper/quota/${name}/zookeeper_stats`));
      }
      await session.call(setData(`/${name}/a`, "1234567890"));
      await session.call(setData(`/${name}/a`, "1"));
      await session.call(setData(`/${name}`, "123456789012345"));
      await session.call(multi(setData(`/${name}/a`, "1234567890"), create(`/${name}/e`)));
      await session.call(getData(`/zookeeper/quota/${name}/zookeeper_stats`));
      await session.call(remove(`/${name}/a`));
      await session.call(getData(`/zookeeper/quota/${name}/zookeeper_stats`));
      await session.call(exists(`/${name}`));
    }
    await session.call(getData("/zookeeper/quota/both/zookeeper_limits"));
    await session.call(remove("/zookeeper/quota/both/zookeeper_stats"));
    await session.call(create("/both/free", "1234567890123"));
    await session.call(remove("/zookeeper/quota/hard-count/zookeeper_limits"));
    for (const name of ["x", "y", "z"]) await session.call(create(`/hard-count/${name}`));
    await session.call(getChildren("/zookeeper/quota"));
  },
};
