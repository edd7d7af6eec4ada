// Scripts about nodes: paths, kinds, versions, counters and the order in which a request's faults are found.
import type { Script } from "./play.ts";
import {
  type AclEntry,
  addWatch,
  check,
  create,
  create2,
  createContainer,
  createTtl,
  exists,
  getAcl,
  getAllChildrenNumber,
  getChildren,
  getChildren2,
  getData,
  getEphemerals,
  multi,
  open,
  type Request,
  remove,
  removeWatches,
  setAcl,
  setData,
  sync,
} from "./requests.ts";
import type { Text } from "./wire.ts";

const oddPaths: readonly Text[] = [
  "",
  null,
  "/",
  "a",
  "a/b",
  "//",
  "/p/",
  "//p",
  "/p//q",
  "/p/.",
  "/p/..",
  "/./p",
  "/../p",
  "/p/./q",
  "/p/../q",
  "/.",
  "/..",
  "/...",
  "/p/.q",
  "/p.",
  "/p\u0000q",
  "/p\u0001",
  "/p\u001fq",
  "/p\u007f",
  "/p\u009f",
  "/p\u00a0",
  "/pé",
  "/p日本",
  "/p😀",
  "/p\ud7ff",
  "/p\ue000",
  "/p\uf8ff",
  "/p\ufff0",
  "/p\uffff",
  Buffer.from("2f70ff", "hex"),
  Buffer.from("2f70c3", "hex"),
  Buffer.from("2f70eda080", "hex"),
  Buffer.from("2f70c080", "hex"),
  "/p q",
  "/zookeeper",
  "/zookeeper/x",
  "/absent",
  "/absent/child",
];

export const nodeScripts: Readonly<Record<string, Script>> = {
  "odd paths, in every request that takes one": async (stage) => {
    const setUp = await stage.session({});
    await setUp.call(create("/p"));
    const requests: readonly ((path: Text) => Request)[] = [
      (path) => create(path),
      (path) => create(path, "", 1),
      (path) => create(path, "", 2),
      (path) => create2(path),
      (path) => exists(path),
      (path) => getData(path),
      (path) => setData(path, "x"),
      (path) => getAcl(path),
      (path) => setAcl(path, open),
      (path) => getChildren(path),
      (path) => getChildren2(path),
      (path) => sync(path),
      (path) => addWatch(path, 0),
      (path) => removeWatches(path, 3),
      (path) => getEphemerals(path),
      (path) => getAllChildrenNumber(path),
      (path) => multi(check(path, -1)),
      (path) => remove(path),
    ];
    for (const request of requests) {
      let session = await stage.session({ name: "odd" });
      for (const path of oddPaths) {
        // Some paths end the connection; the rest are asked on a new one.
        const code = await session.call(request(path));
        if (code === undefined) session = await stage.session({ name: "odd" });
      }
    }
    for (const path of ["/p", "/.", "/..", "/..."]) await setUp.call(remove(path));
  },

  "every kind of node by every request that creates": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/kinds"));
    for (const flags of [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 100]) {
      await session.call(create(`/kinds/create${flags}-`, "x", flags));
      await session.call(create2(`/kinds/create2${flags}-`, "x", flags));
      const sequential = flags === 2 || flags === 3;
      // (No client asks for a container with a sequence: the reference makes one, ours a plain one.)
      if (!sequential) await session.call(createContainer(`/kinds/container${flags}-`, "x", flags));
      await session.call(createTtl(`/kinds/ttl${flags}-`, 100_000, flags));
      await session.call(multi(create(`/kinds/multi${flags}-`, "x", flags)));
      await session.call(multi(createTtl(`/kinds/multi-ttl${flags}-`, 100_000, flags)));
      if (!sequential) await session.call(multi(createContainer(`/kinds/multi-container${flags}-`, "x", flags)));
      await session.call(exists("/kinds"));
    }
    await session.call(getChildren2("/kinds"));
    await session.call(getEphemerals("/kinds"));
    await session.call(getAllChildrenNumber("/kinds"));
  },

  "times to live: their bounds, and what is shown of them": async (stage) => {
    const session = await stage.session({});
    const longest = 2 ** 40 - 1;
    for (const ttl of [0, -1, 60_000, longest, longest + 1, 2n ** 63n - 1n, -(2n ** 63n)]) {
      await session.call(createTtl("/ttl", ttl));
      await session.call(exists("/ttl"));
      await session.call(createTtl("/ttl/child", ttl, 6));
      await session.call(remove("/ttl"));
    }
    await session.call(createTtl("/ttl", 100_000));
    await session.call(create("/ttl/child"));
    await session.call(create("/ttl/ephemeral", "", 1));
    await session.call(remove("/ttl"));
    await session.call(exists("/ttl"));
  },

  "containers and expired nodes are removed, and watchers told": async (stage) => {
    const session = await stage.session({});
    await session.call(createContainer("/vanishing"));
    await session.call(create("/vanishing/child"));
    await session.call(createContainer("/unused"));
    await session.call(createTtl("/mortal", 50));
    await session.call(createTtl("/parent", 50));
    await session.call(create("/parent/child"));
    await session.call(exists("/vanishing", true));
    await session.call(exists("/mortal", true));
    await session.call(remove("/vanishing/child"));
    const gone = [await session.wire.next(20_000), await session.wire.next(20_000)];
    const events = gone.map((frame) => (typeof frame === "string" ? frame : `an event of ${frame.length} bytes`));
    stage.note(events.sort().join()); // which of them goes first depends on when a sweep comes
    for (const path of ["/vanishing", "/mortal"]) stage.note(`${path}: ${await session.call(exists(path))}`);
    await session.call(exists("/unused"));
    await session.call(exists("/parent"));
    await session.call(remove("/unused"));
  },

  "sequences count creations, and are never used again": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/seq"));
    await session.call(create("/seq/a-", "", 2));
    await session.call(create("/seq/plain"));
    await session.call(create("/seq/b-", "", 3));
    await session.call(remove("/seq/a-0000000000"));
    await session.call(remove("/seq/plain"));
    await session.call(create("/seq/", "", 2));
    await session.call(create("/seq/a-", "", 2));
    await session.call(create("/seq/a-0000000004"));
    await session.call(create("/seq/a-", "", 2));
    await session.call(exists("/seq"));
    await session.call(setData("/seq", "x"));
    await session.call(exists("/seq"));
    await session.call(multi(create("/seq/m-", "", 2), create("/seq/m-", "", 2), remove("/seq/plain")));
    await session.call(create("/seq/after-", "", 2));
    await session.call(multi(create("/seq/m-", "", 2), create("/seq/m-", "", 2)));
    await session.call(exists("/seq"));
    await session.call(getChildren("/seq"));
  },

  "counters of a parent: cversion counts creations and deletions, pzxid their last": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/parent-of"));
    for (let i = 0; i < 4; i++) {
      await session.call(create(`/parent-of/${i}`));
      await session.call(exists("/parent-of"));
      if (i % 2) await session.call(remove(`/parent-of/${i}`));
      await session.call(exists("/parent-of"));
      await session.call(setData(`/parent-of/${i - (i % 2)}`, "x"));
      await session.call(setAcl(`/parent-of/${i - (i % 2)}`, open));
      await session.call(exists("/parent-of"));
    }
    await session.call(exists("/"));
  },

  "versions: any, right, wrong, and odd ones": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/versions", "0"));
    for (const version of [0, 0, -1, 2, 99, -2, -(2 ** 31), 2 ** 31 - 1]) {
      await session.call(setData("/versions", "x", version));
      await session.call(setAcl("/versions", open, version));
      await session.call(multi(check("/versions", version)));
    }
    await session.call(exists("/versions"));
    for (const version of [7, -2, -1]) await session.call(remove("/versions", version));
    await session.call(remove("/versions"));
    await session.call(setData("/versions", "x"));
    await session.call(setAcl("/versions", open));
    await session.call(getAcl("/versions"));
  },

  "null data and empty data are two things": async (stage) => {
    const session = await stage.session({});
    for (const data of [null, "", "x"]) {
      await session.call(create("/data", data));
      await session.call(getData("/data"));
      await session.call(setData("/data", null));
      await session.call(getData("/data"));
      await session.call(setData("/data", ""));
      await session.call(getData("/data"));
      await session.call(multi(setData("/data", null)));
      await session.call(exists("/data"));
      await session.call(remove("/data"));
    }
  },

  "what may not be deleted or written": async (stage) => {
    const session = await stage.session({});
    for (const path of ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/none"]) {
      for (const version of [-1, 5]) {
        await session.call(remove(path, version));
        await session.call(multi(remove(path, version)));
      }
      await session.call(setData(path, "x"));
      await session.call(getData(path));
      await session.call(getAcl(path));
      await session.call(setAcl(path, open));
      await session.call(create(`${path === "/" ? "" : path}/zookeeper`));
      await session.call(getChildren2(path));
      await session.call(getAllChildrenNumber(path));
    }
    await session.call(setData("/", ""));
  },

  "the faults of a create are found in one order": async (stage) => {
    const session = await stage.session({});
    const readOnly: readonly AclEntry[] = [{ perms: 1, scheme: "world", id: "anyone" }];
    const wrong: readonly AclEntry[] = [{ perms: 31, scheme: "nobody", id: "knows" }];
    await session.call(create("/order"));
    await session.call(create("/order/closed", "", 0, readOnly));
    await session.call(create("/order/there"));
    await session.call(create("/order/ephemeral", "", 1));
    for (const acl of [open, wrong, [], null]) {
      for (const flags of [0, 1, 2, 9]) {
        for (const path of ["none/x", "closed/x", "there", "ephemeral/x", "bad//x", "closed/bad//x", "ephemeral"]) {
          const code = await session.call(create(`/order/${path}`, "", flags, acl));
          if (code === 0 && flags === 2) stage.note("a sequential one was made");
        }
        await session.call(create("/", "", flags, acl));
      }
    }
    await session.call(remove("/order/closed"));
    await session.call(remove("/order", 9));
    await session.call(remove("/order/there", 9));
    await session.call(setData("/order/closed", "", 9));
    await session.call(setAcl("/order/closed", wrong, 9));
    await session.call(setAcl("/order/there", wrong, 9));
    await session.call(setAcl("/order/none", wrong));
  },

  "ephemerals: whose they are, who may remove them, and what their listing says": async (stage) => {
    const [owner, other] = [await stage.session({}), await stage.session({})];
    await owner.call(create("/eph"));
    for (const name of ["a", "ab", "b", "ab-"])
      await owner.call(create(`/eph/${name}`, "", name.endsWith("-") ? 3 : 1));
    for (const prefix of ["/", "/eph", "/eph/", "/eph/a", "/eph/ab", "/none", "", null]) {
      await owner.call(getEphemerals(prefix));
      await other.call(getEphemerals(prefix));
    }
    await other.call(create("/eph/a/child"));
    await other.call(remove("/eph/a"));
    await owner.call(getEphemerals("/eph"));
    await other.call(exists("/eph", true));
    await other.call(getChildren("/eph", true));
    await other.call(exists("/eph/ab", true));
    await owner.close();
    await other.events();
    await other.call(getChildren2("/eph"));
    await other.call(remove("/eph"));
  },

  "paths as deep as they come": async (stage) => {
    const session = await stage.session({});
    let path = "";
    for (let i = 0; i < 40; i++) {
      path += `/deep${i}`;
      await session.call(create(path));
    }
    await session.call(getAllChildrenNumber("/"));
    await session.call(create("/x".repeat(10_000)));
    await session.call(exists("/x".repeat(10_000)));
    await session.call(create(`/${"n".repeat(60_000)}`));
    await session.call(remove(`/${"n".repeat(60_000)}`));
    for (; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) await session.call(remove(path));
  },
};
