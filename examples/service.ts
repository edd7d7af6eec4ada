// A registry of services: two instances of an API, a caller that spreads its calls, and a blue/green switch.
// On a member of this process, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { setTimeout as sleep } from "node:timers/promises";
import { ownOrGiven } from "./shared/own-or-given.ts";

await using place = await ownOrGiven();
await using blueHost = await place.connection();
await using greenHost = await place.connection();
await using caller = await place.connection();

const meta = { version: "1" };
await using blue = await blueHost.service("api").register({ id: "blue", address: "10.0.0.1", port: 8080, meta });
await using api = await caller.service("api").provider({ strategy: "round-robin", down: { errors: 1, forMs: 200 } });
console.log(`calls go to ${(await api.wait({ timeoutMs: 5000 })).id}`);

// The new version comes, and takes calls only when it says so.
const details = { id: "green", address: "10.0.0.2", port: 8080, meta: { version: "2" }, enabled: false };
await using green = await greenHost.service("api").register(details);
await known(() => api.instances.length === 2);
console.log(`known: ${api.instances.map(({ id }) => id)}, calls go to ${api.pick()?.id}`);
await green.update({ enabled: true });
await known(() => api.available.length === 2);
console.log(`calls go to ${[1, 2, 3, 4].map(() => api.pick()?.id)}`);
await blue.update({ enabled: false });
await known(() => api.available.length === 1);
console.log(`calls go to ${api.pick()?.id}, version ${api.pick()?.meta.version}`);

// One that fails is left alone for a while.
const failing = api.pick();
if (failing !== null) api.noteError(failing);
console.log(`calls go to ${api.pick()?.id ?? "nobody"}`);
console.log(`a moment later to ${(await api.wait({ timeoutMs: 5000 })).id}`);

async function known(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}
