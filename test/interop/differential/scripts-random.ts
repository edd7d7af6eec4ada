// Scripts that chance writes: a few sessions do every kind of thing to a handful of nodes, so that most requests meet
// what another has just left. One seed is one script, the same on every server.
import type { Script, ScriptStage, Session } from "./play.ts";
import {
  type AclEntry,
  addWatch,
  auth,
  check,
  checkWatches,
  create,
  create2,
  createTtl,
  exists,
  getAcl,
  getAllChildrenNumber,
  getChildren,
  getChildren2,
  getData,
  getEphemerals,
  multi,
  multiRead,
  open,
  ping,
  type Request,
  remove,
  removeWatches,
  setAcl,
  setData,
  setWatches,
  sync,
  whoAmI,
} from "./requests.ts";

const sessionsCount = 3;
const allowReadOnly: readonly AclEntry[] = [{ perms: 1, scheme: "world", id: "anyone" }];
const allowOwners: readonly AclEntry[] = [{ perms: 31, scheme: "auth", id: "" }];
const allowChildren: readonly AclEntry[] = [{ perms: 1 | 4 | 8, scheme: "world", id: "anyone" }];

/** A script of this many requests from this seed. */
export function randomScript(seed: number, requestsCount: number): Script {
  return async (stage) => {
    const chance = new Chance(seed);
    // Below a node of its own, for the root's counters tell what earlier scripts have left there.
    const root = `/random-${seed}/root`;
    const paths = ["", "/a", "/b", "/a/x", "/a/y", "/a/x/deep", "/b/e", "/none/here"].map((path) => root + path);
    const sessions: Session[] = [];
    for (let i = 0; i < sessionsCount; i++) sessions.push(await freshSession(stage, chance));
    await sessions[0]!.call(create(`/random-${seed}`));
    await sessions[0]!.call(create(root));
    for (let i = 0; i < requestsCount; i++) {
      const which = chance.below(sessionsCount);
      const session = sessions[which]!;
      const fate = chance.below(200);
      if (fate === 0) {
        await session.close();
        sessions[which] = await freshSession(stage, chance);
      } else if (fate === 1) {
        sessions[which] = await takenUpAgain(stage, session, chance, paths);
      } else if (fate === 2) {
        await session.call(auth("digest", `user${chance.below(2)}:secret`));
      } else {
        await session.call(chance.request(paths));
      }
    }
    for (const session of sessions) await session.close();
  };
}

async function freshSession(stage: ScriptStage, chance: Chance): Promise<Session> {
  const session = await stage.session({ readOnly: chance.of([true, false, undefined]) });
  if (chance.below(2) === 0) await session.call(auth("digest", "user0:secret"));
  return session;
}

async function takenUpAgain(
  stage: ScriptStage,
  session: Session,
  chance: Chance,
  paths: readonly string[],
): Promise<Session> {
  session.wire.drop();
  const lastZxid = session.lastZxid;
  const again = await stage.session({ session: session.id, password: session.password, lastZxid });
  again.lastZxid = lastZxid;
  const some = () => paths.filter(() => chance.below(3) === 0);
  await again.call(
    setWatches(
      lastZxid,
      { data: some(), exists: some(), children: some(), persistent: some(), recursive: some() },
      chance.below(2) === 0,
    ),
  );
  return again;
}

/** Mulberry32: small, seeded, good enough to wander. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  request(paths: readonly string[]): Request {
    const path = this.of(paths);
    const watch = this.below(3) === 0;
    const kinds: readonly (() => Request)[] = [
      () => this.write(paths),
      () => this.write(paths),
      () => this.write(paths),
      () => this.write(paths),
      () => exists(path, watch),
      () => getData(path, watch),
      () => getChildren(path, watch),
      () => getChildren2(path, watch),
      () => getAcl(path),
      () => multi(...Array.from({ length: this.below(5) }, () => this.part(paths))),
      () => multiRead(...Array.from({ length: this.below(4) }, () => this.of([getData, getChildren])(this.of(paths)))),
      () => addWatch(path, this.below(2)),
      () => this.of([removeWatches, checkWatches])(path, 1 + this.below(5)),
      () => this.of([getEphemerals, getAllChildrenNumber, sync])(path),
      () => this.of([whoAmI, ping]),
    ];
    return this.of(kinds)();
  }

  /** A write that may stand alone. */
  private write(paths: readonly string[]): Request {
    if (this.below(12) === 0) return setAcl(this.of(paths), this.acl(), this.version());
    return this.part(paths);
  }

  /** A write that may stand in a multi as well. */
  private part(paths: readonly string[]): Request {
    const path = this.of(paths);
    const kinds: readonly (() => Request)[] = [
      () => create(path, this.data(), this.below(4), this.acl()),
      () => create(path, this.data(), 0),
      () => create2(path, this.data(), this.below(4), this.acl()),
      () => create2(path, this.data(), 0),
      // (No container: when an empty one is removed is each server's own.)
      () => this.of([createTtl(path, 1_000_000), createTtl(path, 1_000_000, 6)]),
      () => remove(path, this.version()),
      () => remove(path),
      () => setData(path, this.data(), this.version()),
      () => setData(path, this.data()),
      () => check(path, this.version()),
    ];
    const part = this.of(kinds)();
    return part.opcode === 13 ? multi(part) : part;
  }

  private version(): number {
    return this.of([-1, 0, 1, 2, 3]);
  }

  private data(): string | null {
    return this.of([null, "", "x", "longer", "x".repeat(300)]);
  }

  private acl(): readonly AclEntry[] {
    return this.of([open, open, open, open, allowReadOnly, allowOwners, allowChildren]);
  }
}
