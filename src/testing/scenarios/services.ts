// Scenarios of service discovery.

import assert from "node:assert/strict";
import { bytesOf } from "../../recipes/bytes.ts";
import type { Provider, ServiceInstance } from "../../recipes/index.ts";
import { eventually, failsAs, stateOf, within } from "../checks.ts";
import type { DirectoryEngine, Program, Scenario, Stage } from "../stage.ts";

export const serviceScenarios: readonly Scenario<DirectoryEngine>[] = [
  {
    invariant:
      "an instance whose meta does not pass the schema is not registered, and is left out where another program wrote it",
    async play(stage) {
      const { c } = await stage.program();
      const schema = (value: unknown) => {
        const { zone } = value as { zone?: unknown };
        if (typeof zone === "string") return { zone };
        throw new Error("zone is text");
      };
      const typed = c.service("typed", { schema });
      const registration = await typed.register({ id: "a", address: "10.0.0.1", meta: { zone: "north" } });
      await failsAs("rejected", typed.register({ id: "b", address: "10.0.0.2", meta: { zone: 5 as never } }));
      await failsAs("rejected", registration.update({ meta: { zone: 6 as never } }));
      await c.service("typed").register({ id: "c", address: "10.0.0.3", meta: { zone: 7 } });
      const [only, ...others] = await typed.instances();
      assert.deepEqual([only?.id, only?.meta.zone, others.length], ["a", "north", 0]);
      assert.equal((await c.service("typed").instances()).length, 2);
      await using provider = await typed.provider();
      assert.equal(provider.pick()?.meta.zone, "north");
    },
  },
  {
    invariant: "an instance is found as it says, changes as a whole, and is gone when it leaves",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      const meta = { zone: "b", tags: ["x", "y"], ñ: "☃" };
      const api = await a.c.service("api").register({ id: "1", address: "10.0.0.1", port: 8080, sslPort: 8443, meta });
      const [found] = await o.c.service("api").instances();
      assert.ok(found !== undefined && found.token > 0n && found.registeredAt > 1_500_000_000_000);
      const { token, registeredAt, ...said } = found;
      const whole = { name: "api", id: "1", address: "10.0.0.1", port: 8080, sslPort: 8443, weight: 1, enabled: true };
      assert.deepEqual(said, { ...whole, meta, payload: meta });
      await Promise.all([api.update({ weight: 3 }), api.update({ port: 9090, enabled: false })]);
      const [changed] = await o.c.service("api").instances();
      assert.deepEqual(changed, { ...found, weight: 3, port: 9090, enabled: false });
      await api.leave();
      assert.deepEqual(await o.c.service("api").instances(), []);
      assert.equal(api.state, "left");
    },
  },
  {
    invariant: "a lost session loses no instance: it enters again as it is by then; one that was taken out stays out",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      const service = a.c.service("healing");
      const kept = await service.register({ id: "kept", address: "old" });
      const gone = await service.register({ id: "gone", address: "old" });
      const seen: string[] = [];
      const stop = new AbortController();
      const watching = (async () => {
        for await (const instances of o.c.service("healing").watch({ signal: stop.signal })) seen.push(show(instances));
      })();
      watching.catch(() => {}); // whoever waits for it hears of it
      await eventually(stage, "both are seen", () => seen.at(-1) === "gone=old kept=old");
      a.silence();
      const updated = stateOf(kept.update({ address: "new" }));
      const left = gone.leave();
      await eventually(stage, "none is seen", () => seen.at(-1) === "", stage.sessionTimeoutMs * 6);
      const after = seen.length;
      const backAt = () => seen.slice(after).findIndex((each) => each !== "");
      a.heal();
      await eventually(stage, "one is back", () => seen.at(-1) === "kept=new", stage.sessionTimeoutMs * 6);
      await stage.sleep(stage.sessionTimeoutMs);
      // An observer that had to connect anew looks again, also at what has not changed.
      assert.deepEqual(new Set(seen.slice(after + backAt())), new Set(["kept=new"]));
      await within(stage, 5000, "both are told", Promise.all([updated.promise, left]));
      stop.abort();
      await watching;
    },
  },
  {
    invariant: "a provider gives those that are there in turn, and follows their coming and going",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      await using provider = await o.c.service("turns").provider();
      assert.equal(provider.pick(), null);
      await failsAs("deadline", provider.wait({ timeoutMs: 100 }));
      const waiting = stateOf(provider.wait());
      await stage.sleep(100);
      assert.ok(waiting.isOpen);
      const one = await register(a, "turns", "1");
      assert.equal((await within(stage, 5000, "there is one", waiting.promise)).id, "1");
      await register(a, "turns", "2");
      await register(a, "turns", "3");
      await knows(stage, provider, "1 2 3");
      assert.equal(picks(provider, 7), "2 3 1 2 3 1 2");
      await one.leave();
      await knows(stage, provider, "2 3");
      assert.equal(picks(provider, 4), "3 2 3 2");
      assert.ok(provider.isCurrent);
    },
  },
  {
    invariant: "while the servers are not reached a provider goes on with what it knows, and says that it may be old",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      const one = await register(a, "stale", "1");
      await using provider = await o.c.service("stale").provider();
      o.silence();
      await one.leave();
      await register(a, "stale", "2");
      await stage.sleep(stage.sessionTimeoutMs * 2);
      assert.equal(provider.isCurrent, false);
      assert.equal(provider.pick()?.id, "1");
      o.heal();
      await knows(stage, provider, "2");
      await eventually(stage, "it is current", () => provider.isCurrent);
    },
  },
  {
    invariant: "weights spread the calls evenly, stickiness stays while it can, chance reaches all",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      for (const [id, weight] of Object.entries({ a: 5, b: 1, c: 1, none: 0 })) await register(a, "w", id, { weight });
      await using weighted = await o.c.service("w").provider({ strategy: "weighted" });
      assert.equal(picks(weighted, 14), "a a b a c a a a a b a c a a", "in sevens, and no five of one in a row");
      await using random = await o.c.service("w").provider({ strategy: "random" });
      const drawn = picks(random, 400).split(" ");
      for (const id of ["a", "b", "c", "none"]) {
        const times = drawn.filter((each) => each === id).length;
        assert.ok(times > 50 && times < 150, `${id} is drawn ${times} times of 400`);
      }
      const last = { pick: (instances: readonly ServiceInstance[]) => instances.at(-1)! };
      await using own = await o.c.service("w").provider({ strategy: last });
      assert.equal(picks(own, 2), "none none");
      await using zoned = await o.c.service("w").provider({ filter: ({ id }) => id < "c" });
      assert.equal(picks(zoned, 3), "a b a");
      const two = await register(a, "s", "1");
      const others = [await register(a, "s", "2"), await register(a, "s", "3")];
      await using sticky = await o.c.service("s").provider({ strategy: "sticky" });
      const first = sticky.pick()!.id;
      assert.equal(picks(sticky, 5), Array(5).fill(first).join(" "));
      const own1 = [two, ...others].find(({ id }) => id === first)!;
      await own1.update({ enabled: false });
      await eventually(stage, "it sticks to another", () => sticky.pick()!.id !== first);
      const second = sticky.pick()!.id;
      await own1.update({ enabled: true });
      await eventually(stage, "the first is back", () => sticky.available.length === 3);
      assert.equal(sticky.pick()!.id, second, "what was left is not gone back to");
    },
  },
  {
    invariant:
      "an instance that fails is taken out for a time, not for good, and at once in again when it was entered anew",
    async play(stage) {
      const [a, o] = [await stage.program(), await stage.program()];
      const one = await register(a, "down", "1");
      await register(a, "down", "2");
      const down = { errors: 2, forMs: 1000 };
      await using provider = await o.c.service("down").provider({ down });
      const [first, second] = provider.available;
      provider.noteError(first!);
      assert.equal(picks(provider, 2), "1 2", "one error is none");
      await stage.sleep(1100);
      provider.noteError(first!);
      assert.equal(picks(provider, 2), "1 2", "two that are far apart are none");
      provider.noteError(first!);
      assert.equal(picks(provider, 3), "2 2 2");
      assert.equal(provider.instances.length, 2);
      provider.noteError(second!);
      provider.noteError(second!);
      assert.equal(provider.pick(), null, "nobody is left");
      const startedAt = stage.now();
      assert.equal((await provider.wait({ timeoutMs: 5000 })).id, "1");
      assert.ok(stage.now() - startedAt > 800);
      await eventually(stage, "both are back", () => provider.available.length === 2);
      await using strict = await o.c.service("down").provider({ down: { errors: 1, forMs: 3_600_000 } });
      strict.noteError(first!);
      assert.equal(strict.pick()!.id, "2");
      await one.leave();
      await register(a, "down", "1");
      await eventually(stage, "it is entered anew", () => strict.available.some(({ token }) => token > second!.token));
      strict.noteError(first!);
      assert.equal(strict.available.length, 2, "errors of what it was are not its own");
    },
  },
  {
    invariant: "what is no instance is left out, and what cannot be is refused",
    async play(stage) {
      const { c } = await stage.program();
      const service = c.service("odd");
      const { engine } = c;
      const { status } = engine;
      assert.ok(status.kind === "ready");
      const strange = ["", "{", "[]", "null", '"x"', "\u0000"];
      for (const [i, data] of strange.entries()) {
        await engine.directory("service", "odd").entry(status.session, `strange${i}`).put(bytesOf(data));
      }
      await engine.directory("service", "odd").entry(status.session, "bare").put(bytesOf('{"weight":"much"}'));
      const [bare, ...more] = await service.instances();
      assert.deepEqual(more, []);
      assert.deepEqual(
        { ...bare, token: 0n },
        {
          name: "",
          id: "bare",
          address: null,
          port: null,
          sslPort: null,
          meta: {},
          payload: null,
          weight: 1,
          enabled: true,
          registeredAt: 0,
          token: 0n,
        },
      );
      const address = "here";
      for (const port of [-1, 1.5, 65_536, Number.NaN]) await failsAs("rejected", service.register({ address, port }));
      for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await failsAs("rejected", service.register({ address, weight }));
      }
      await failsAs("rejected", service.register({ address: "" }));
      await failsAs("rejected", service.register({ address, id: "a/b" }));
      await failsAs("rejected", service.register({ address, meta: { n: 1n } }));
      const cyclic: Record<string, unknown> = {};
      cyclic["self"] = cyclic;
      await failsAs("rejected", service.register({ address, meta: cyclic }));
      assert.throws(() => c.service("a/b"), { code: "rejected" });
      await failsAs("rejected", service.provider({ down: { errors: 0 } }));
      await failsAs("rejected", service.provider({ down: { forMs: -1 } }));
      await failsAs("rejected", service.provider({ strategy: "toString" as "random" }));
      const signal = AbortSignal.abort();
      await failsAs("aborted", service.register({ address, signal }));
      await failsAs("aborted", service.instances({ signal }));
      await failsAs("aborted", service.provider({ signal }));
      for await (const _ of service.watch({ signal })) assert.fail("it ends at once");
      const one = await service.register({ address });
      await failsAs("rejected", one.update({ port: -1 }));
      await failsAs("aborted", one.update({ port: 1 }, { signal }));
      await one.update({ weight: 2 });
      const mine = (await service.instances()).find(({ id }) => id === one.id);
      assert.equal(mine?.port, null, "what was refused is not kept");
      const provider = await service.provider();
      await failsAs("aborted", provider.wait({ signal }));
      const waiting = stateOf((await c.service("nobody").provider()).wait());
      const closed = await service.provider();
      closed.close();
      closed.close();
      assert.throws(() => closed.pick(), { code: "closed" });
      await c.close();
      await failsAs("closed", waiting.promise);
      assert.throws(() => provider.pick(), { code: "closed" });
      await failsAs("closed", service.register({ address }));
      await failsAs("closed", service.provider());
    },
  },
];

function register({ c }: Program<DirectoryEngine>, service: string, id: string, details: { weight?: number } = {}) {
  return c.service(service).register({ id, address: `host-${id}`, ...details });
}

function show(instances: readonly ServiceInstance[]): string {
  return instances.map(({ id, address }) => `${id}=${address}`).join(" ");
}

function picks(provider: Provider, count: number): string {
  return Array.from({ length: count }, () => provider.pick()?.id).join(" ");
}

function knows(stage: Stage<DirectoryEngine>, provider: Provider, ids: string): Promise<void> {
  return eventually(stage, `it knows ${ids}`, () => provider.instances.map(({ id }) => id).join(" ") === ids);
}
