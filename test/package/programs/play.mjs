// What every consumer does with the package, whichever way it came by it: something of each kind, released and closed.

/** Gives what it saw; throws where something is not as it should be. */
export async function play(cabildo, client, url, name) {
  const seen = [];
  const c = await cabildo.connect(url, { sessionTimeoutMs: 4000 });
  const check = (what, isRight) => {
    if (!isRight) throw new Error(`${what}, in ${name}`);
    seen.push(what);
  };
  check("the symbols are there", typeof Symbol.dispose === "symbol" && typeof Symbol.asyncDispose === "symbol");
  const held = await c.lock(name).acquire({ timeoutMs: 10_000 });
  check("a lock is held", held.state === "held");
  check("it is disposable", typeof held[Symbol.asyncDispose] === "function" && held.undefined === undefined);
  await held[Symbol.asyncDispose]();
  check("a lock is released", held.state === "released");
  check("a lock is had at once", (await (await c.lock(name).tryAcquire()).release()) === undefined);
  check("a body runs under it", (await c.lock(name).run(() => 7)) === 7);
  const permit = await c.semaphore(name, { permits: 1 }).acquire();
  await permit.release();
  await c.queue(name).put({ a: 1 });
  const job = await c.queue(name).take({ timeoutMs: 10_000 });
  check("a queue gives what was put", job.value.a === 1);
  await job.ack();
  check("a counter counts", (await c.counter(name).add(2n)) >= 2n);
  for await (const term of c.election(name).campaign({ id: name })) {
    check("it leads", term.state === "held");
    break;
  }
  await c.barrier(name).wait({ timeoutMs: 10_000 });
  const member = await c.group(name).join({ id: "me" });
  check(
    "a group has its member",
    (await c.group(name).members()).some(({ id }) => id === "me"),
  );
  await member[Symbol.asyncDispose]();
  const error = await c
    .lock(name)
    .acquire({ timeoutMS: 1 })
    .catch((error) => error);
  check("an error is one", error instanceof cabildo.CoordinationError && error instanceof Error);
  await c[Symbol.asyncDispose]();
  const zk = await client.connectZooKeeper(url.replace("zookeeper://", ""));
  check("the client reads", (await zk.exists("/")) !== null);
  await zk.close();
  return seen;
}
