// Scripts about watches: which event comes, to whom, how often, and before which reply.
import type { Script } from "./play.ts";
import {
  addWatch,
  checkWatches,
  create,
  exists,
  getChildren,
  getChildren2,
  getData,
  multi,
  open,
  remove,
  removeWatches,
  setAcl,
  setData,
  setWatches,
} from "./requests.ts";

export const watchScripts: Readonly<Record<string, Script>> = {
  "one-shot watches fire once, and before the reply that shows the change": async (stage) => {
    const [watcher, writer] = [await stage.session({}), await stage.session({})];
    for (const session of [watcher, writer]) {
      await session.call(exists("/w", true));
      await session.call(getData("/w", true));
      await session.call(getChildren("/w", true));
      await writer.call(create("/w"));
      await watcher.events();
      await writer.call(setData("/w", "unseen"));
      await watcher.events();
      await session.call(exists("/w", true));
      await session.call(getData("/w", true));
      await writer.call(setData("/w", "seen"));
      await watcher.events();
      await session.call(getChildren("/w", true));
      await writer.call(create("/w/c"));
      await writer.call(create("/w/d"));
      await watcher.events();
      await session.call(getChildren2("/w", true));
      await writer.call(setData("/w/c", "x"));
      await writer.call(setAcl("/w/c", open));
      await writer.call(remove("/w/c"));
      await watcher.events();
      await session.call(getChildren("/w/d", true));
      await session.call(getData("/w/d", true));
      await session.call(exists("/w/d", true));
      await writer.call(remove("/w/d"));
      await watcher.events();
      await session.call(getChildren("/w", true));
      await session.call(exists("/w/e", true));
      await writer.call(create("/w/e", "", 1));
      await watcher.events();
      await session.call(setData("/w", "own"));
      await writer.call(remove("/w/e"));
      await writer.call(remove("/w"));
      await watcher.events();
    }
  },

  "a watch set twice fires once": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/twice"));
    for (let i = 0; i < 3; i++) await session.call(getData("/twice", true));
    for (let i = 0; i < 2; i++) await session.call(exists("/twice", true));
    for (let i = 0; i < 2; i++) await session.call(getChildren("/twice", true));
    await session.call(setData("/twice", "x"));
    await session.call(getData("/twice", true));
    await session.call(remove("/twice"));
    await session.events();
    await session.call(create("/twice"));
    await session.events();
    await session.call(remove("/twice"));
  },

  "persistent and recursive watches see what they should, and stay": async (stage) => {
    const [watcher, writer] = [await stage.session({}), await stage.session({})];
    for (const [i, modes] of [[0], [1], [0, 1], [1, 0], [0, 0]].entries()) {
      const root = `/p${i}`;
      for (const mode of modes) await watcher.call(addWatch(root, mode));
      for (let round = 0; round < 2; round++) {
        await writer.call(create(root));
        await writer.call(setData(root, "x"));
        await writer.call(create(`${root}/c`));
        await writer.call(create(`${root}/c/d`));
        await writer.call(setData(`${root}/c`, "x"));
        await writer.call(setData(`${root}/c/d`, "x"));
        await writer.call(setAcl(`${root}/c`, open));
        await watcher.call(getData(root, true));
        await watcher.call(getChildren(`${root}/c`, true));
        await writer.call(setData(root, "y"));
        await writer.call(remove(`${root}/c/d`));
        await writer.call(remove(`${root}/c`));
        await writer.call(remove(root));
        await watcher.events();
      }
    }
    for (const mode of [2, -1, 99]) await watcher.call(addWatch("/p0", mode));
    await watcher.call(addWatch("/", 1));
    await writer.call(create("/anywhere"));
    await writer.call(remove("/anywhere"));
    await watcher.events();
  },

  "watches are checked for and removed by kind": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/r"));
    const arm = {
      data: () => session.call(getData("/r", true)),
      exists: () => session.call(exists("/r", true)),
      children: () => session.call(getChildren("/r", true)),
      persistent: () => session.call(addWatch("/r", 0)),
      recursive: () => session.call(addWatch("/r", 1)),
      none: async () => undefined,
    };
    for (const [kind, set] of Object.entries(arm)) {
      for (const type of [0, 1, 2, 3, 4, 5, 6, -1]) {
        stage.note(`armed ${kind}, type ${type}`);
        await set();
        await session.call(checkWatches("/r", type));
        await session.call(checkWatches("/none", type));
        await session.call(removeWatches("/r", type));
        await session.call(checkWatches("/r", type));
        await session.call(setData("/r", "x"));
        await session.call(create("/r/c"));
        await session.call(remove("/r/c"));
        await session.call(removeWatches("/r", 3));
      }
    }
    await session.call(exists("/missing", true));
    await session.call(removeWatches("/missing", 2));
    await session.call(removeWatches("/missing", 2));
    await session.call(addWatch("/r", 0));
    await session.call(addWatch("/r", 1));
    await session.call(getChildren("/r", true));
    await session.call(removeWatches("/r", 1));
    await session.call(setData("/r", "y"));
    await session.call(remove("/r"));
  },

  "watches are set again after a reconnection, and what was missed is told": async (stage) => {
    const writer = await stage.session({});
    for (const second of [false, true]) {
      const root = second ? "/again2" : "/again1";
      const watcher = await stage.session({});
      await writer.call(create(root));
      for (const name of ["changed", "same", "deleted", "reborn", "parent", "quiet"])
        await writer.call(create(`${root}/${name}`));
      await writer.call(create(`${root}/parent/old`));
      await watcher.events();
      watcher.wire.drop();
      await writer.call(setData(`${root}/changed`, "x"));
      await writer.call(remove(`${root}/deleted`));
      await writer.call(remove(`${root}/reborn`));
      await writer.call(create(`${root}/reborn`));
      await writer.call(create(`${root}/parent/new`));
      await writer.call(create(`${root}/appeared`));
      const back = await stage.session({ session: watcher.id, password: watcher.password, lastZxid: watcher.lastZxid });
      const under = (...names: readonly string[]) => names.map((name) => `${root}/${name}`);
      await back.call(
        setWatches(
          watcher.lastZxid,
          {
            data: under("changed", "same", "deleted", "reborn", "never"),
            exists: under("appeared", "missing", "same", "deleted"),
            children: under("parent", "quiet", "deleted", "never"),
            persistent: second ? under("same") : [],
            recursive: second ? [root] : [],
          },
          second,
        ),
      );
      await back.events();
      await writer.call(setData(`${root}/same`, "x"));
      await writer.call(setData(`${root}/changed`, "y"));
      await writer.call(create(`${root}/missing`));
      await writer.call(create(`${root}/quiet/c`));
      await writer.call(create(`${root}/parent/newer`));
      await writer.call(remove(`${root}/quiet/c`));
      await writer.call(setData(`${root}/same`, "z"));
      await back.events();
      await back.call(setWatches(back.lastZxid, {}, second));
    }
  },

  "a transaction's events come in its order": async (stage) => {
    const [watcher, writer] = [await stage.session({}), await stage.session({})];
    await watcher.call(exists("/tx", true));
    await watcher.call(getChildren("/", true));
    await watcher.call(addWatch("/tx", 1));
    await writer.call(multi(create("/tx"), create("/tx/a"), setData("/tx", "x"), create("/tx/b"), remove("/tx/a")));
    await watcher.events();
    await writer.call(multi(setData("/tx", "y"), remove("/tx/none")));
    await watcher.events();
    await writer.call(multi(remove("/tx/b"), remove("/tx"), create("/tx"), remove("/tx")));
    await watcher.events();
  },

  "the end of a session tells of each ephemeral": async (stage) => {
    const [watcher, owner] = [await stage.session({}), await stage.session({})];
    await owner.call(create("/group"));
    await watcher.call(addWatch("/group", 1));
    for (const name of ["a"]) await owner.call(create(`/group/${name}`, "", 1));
    await watcher.call(getChildren("/group", true));
    await owner.close();
    await watcher.events();
    await watcher.call(remove("/group"));
  },

  "who may not read is not told": async (stage) => {
    const [watcher, owner] = [await stage.session({}), await stage.session({})];
    const writeOnly = [{ perms: 2 | 4 | 8 | 16, scheme: "world", id: "anyone" }];
    await watcher.call(addWatch("/hush", 1));
    await watcher.call(addWatch("/hush", 0));
    await watcher.call(exists("/hush", true));
    await owner.call(create("/hush", "", 0, writeOnly));
    await owner.call(create("/hush/c"));
    await owner.call(setData("/hush", "x"));
    await watcher.events();
    await watcher.call(exists("/hush", true));
    await watcher.call(getData("/hush", true));
    await watcher.call(getChildren("/hush", true));
    await watcher.call(exists("/hush/c", true));
    await owner.call(setData("/hush/c", "x"));
    await owner.call(remove("/hush/c"));
    await owner.call(remove("/hush"));
    await watcher.events();
  },
};
