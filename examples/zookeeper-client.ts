// A worker that shows that it is there for as long as its session lives, and follows a setting that others change. Against
// any ZooKeeper or Cabildo: `npm run example zookeeper-client`, or CABILDO_CONNECT=zoo1:2181,zoo2:2181/app.

import { connectZooKeeper, ZooKeeperError } from "cabildo/zookeeper-client";

await using client = await connectZooKeeper(process.env.CABILDO_CONNECT ?? "127.0.0.1:2181", {
  sessionTimeoutMs: 6000,
});
client.onState((state) => console.log(`state: ${state.kind}`));
console.log(`session 0x${client.session?.id.toString(16)}`);

for (const path of ["/workers", "/settings"]) {
  await client.create(path).catch((error: unknown) => {
    if (!(error instanceof ZooKeeperError && error.reason === "node-exists")) throw error;
  });
}

// Ours while the session lives: the server removes it when we are gone.
const path = await client.create("/workers/worker-", process.pid.toString(), { mode: "ephemeral-sequential" });
console.log(`I am ${path}, one of ${(await client.getChildren("/workers")).length}`);

// Whoever works by the session stops with it, at the latest when the servers may have given it up.
const { signal } = client.session!;
signal.addEventListener("abort", () => console.log(`stop working: ${signal.reason.message}`));

// Read, then wait for what changes, then read again: nothing is missed in between, because the watch came first.
await using changes = await client.addWatch("/settings");
const decoder = new TextDecoder();
const setting = async () => decoder.decode((await client.getData("/settings")).data ?? undefined);
console.log(`the setting is "${await setting()}"`);
setTimeout(() => void client.setData("/settings", `set by ${path}`), 100);
for await (const change of changes) {
  if (change.type === "deleted") continue;
  console.log(`${change.type}: the setting is "${await setting()}"`);
  break;
}
