// Scripts about multi and multiRead: all or nothing, each result in its place, one zxid.
import type { Script } from "./play.ts";
import {
  addWatch,
  check,
  closeSession,
  create,
  create2,
  createContainer,
  createTtl,
  deleteContainer,
  exists,
  getAcl,
  getChildren,
  getChildren2,
  getData,
  multi,
  multiRead,
  odd,
  open,
  reconfig,
  remove,
  setAcl,
  setData,
  sync,
  whoAmI,
} from "./requests.ts";
import { Writer } from "./wire.ts";

export const transactionScripts: Readonly<Record<string, Script>> = {
  "multi: what it answers, whole and failed": async (stage) => {
    const session = await stage.session({});
    await session.call(multi());
    await session.call(
      multi(
        create("/m"),
        create2("/m/2"),
        create("/m/s-", "", 2),
        create("/m/e", "", 1),
        setData("/m", "x"),
        check("/m", 1),
      ),
    );
    await session.call(
      multi(createContainer("/m/container"), createTtl("/m/ttl", 100_000), createTtl("/m/ttls", 100_000, 6)),
    );
    const parts = [create("/m/x"), setData("/m", "y"), remove("/m/2")];
    const faults = [
      check("/m", 99),
      remove("/none"),
      remove("/m"),
      create("/m"),
      create("/none/child"),
      create("/m/e/child"),
      setData("/m", "z", 99),
      create("bad"),
      create("/m/bad//path"),
      create("/m/flags", "", 9),
      create("/m/acl", "", 0, []),
      createTtl("/m/ttl0", 0),
      remove("/"),
    ];
    for (const fault of faults) {
      for (let at = 0; at <= parts.length; at++)
        await session.call(multi(...parts.slice(0, at), fault, ...parts.slice(at)));
      await session.call(multi(fault, fault));
    }
    await session.call(exists("/m"));
    await session.call(getChildren("/m"));
    await session.call(
      multi(create("/m/late"), remove("/m/late"), create("/m/late"), check("/m/late", 0), remove("/m/late", 0)),
    );
    await session.call(multi(setData("/m", "1", 1), setData("/m", "2", 2), check("/m", 3), setData("/m", "3", 3)));
    await session.call(getData("/m"));
  },

  "multi: requests that have no place in it": async (stage) => {
    const strangers = [
      exists("/"),
      getData("/"),
      getChildren("/"),
      getChildren2("/"),
      getAcl("/"),
      setAcl("/", open),
      sync("/"),
      addWatch("/", 0),
      whoAmI,
      deleteContainer("/zookeeper"),
      multi(create("/inner")),
      closeSession,
      reconfig("", "1", null),
      odd(99),
    ];
    for (const stranger of strangers) {
      const session = await stage.session({});
      await session.call(multi(create("/stranger"), stranger, remove("/stranger")));
      await session.untilClosedOrAnswering();
    }
    const session = await stage.session({});
    await session.call(exists("/stranger"));
  },

  "multi: cut short, or without its end": async (stage) => {
    const bodies: Record<string, Buffer> = {
      "no byte": Buffer.alloc(0),
      "half a header": new Writer().int(1).body,
      "a header and nothing": new Writer().int(1).boolean(false).int(-1).body,
      "an operation and no end": new Writer().int(2).boolean(false).int(-1).text("/none").int(-1).body,
      "an end that is not done": new Writer().int(-1).boolean(false).int(-1).body,
      "an end with another type": new Writer().int(5).boolean(true).int(3).body,
      "a second end": new Writer().int(-1).boolean(true).int(-1).int(-1).boolean(true).int(-1).body,
    };
    for (const opcode of [14, 22]) {
      for (const [title, body] of Object.entries(bodies)) {
        const session = await stage.session({});
        stage.note(`${opcode}: ${title}`);
        await session.call(odd(opcode, body));
        await session.untilClosedOrAnswering();
      }
    }
  },

  "multi: ephemerals and sequences in it, and the parent's counters after it": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/mc"));
    await session.call(
      multi(create("/mc/a", "", 1), create("/mc/s-", "", 3), remove("/mc/a"), create("/mc/s-", "", 2)),
    );
    await session.call(exists("/mc"));
    await session.call(getChildren2("/mc"));
    await session.call(multi(remove("/mc/s-0000000001"), create("/mc/s-", "", 2), check("/mc", 5)));
    await session.call(exists("/mc"));
    await session.call(create("/mc/s-", "", 2));
    await session.call(multi(create("/mc/e2", "", 1), create("/mc/e2/child")));
    await session.call(getChildren("/mc"));
  },

  "multiRead: each for itself": async (stage) => {
    const session = await stage.session({});
    const hidden = [{ perms: 30, scheme: "world", id: "anyone" }];
    await session.call(create("/mr", "x"));
    await session.call(create("/mr/hidden", "", 0, hidden));
    await session.call(multiRead());
    await session.call(
      multiRead(getData("/mr"), getData("/none"), getChildren("/mr"), getChildren("/mr/hidden"), getData("/mr/hidden")),
    );
    await session.call(multiRead(getData("/mr", true), getChildren("/mr", true)));
    await session.call(setData("/mr", "y"));
    await session.call(create("/mr/c"));
    await session.call(multiRead(getData("bad//path"), getData("")));
    for (const stranger of [
      exists("/mr"),
      getChildren2("/mr"),
      setData("/mr", "z"),
      check("/mr", -1),
      create("/mr/d"),
    ]) {
      const another = await stage.session({});
      await another.call(multiRead(getData("/mr"), stranger));
      await another.untilClosedOrAnswering();
    }
    const last = await stage.session({});
    await last.call(multi(getData("/mr")));
    await last.untilClosedOrAnswering();
  },

  "multi: very many operations": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/many"));
    await session.call(multi(...Array.from({ length: 2000 }, (_, i) => create(`/many/${i}`))));
    await session.call(exists("/many"));
    await session.call(multi(...Array.from({ length: 2000 }, (_, i) => remove(`/many/${i}`)), remove("/many")));
    await session.call(exists("/many"));
  },
};
