// Everything below a place, kept at hand: what is there, what is new, what has gone.
// On a member of this process, or CABILDO_CONNECT=zookeeper://zoo1:2181,zoo2:2181/app.

import { ownOrGiven } from "./shared/own-or-given.ts";

await using place = await ownOrGiven();
await using reader = await place.connection();
await using writer = await place.connection();

const settings = "/settings";
await writer.transaction().create(`${settings}/mail/host`, "mx1").create(`${settings}/web/port`, "8080").commit();

await using tree = await reader.tree(settings).open();
console.log(`mail goes by ${tree.get("/mail/host")?.text}, of ${tree.children("/")}`);

let news = 0;
for await (const change of tree) {
  if (change.kind === "synced") {
    console.log(`all ${tree.size} are here`);
    await writer.transaction().set(`${settings}/mail/host`, "mx2").delete(`${settings}/web/port`).commit();
  } else {
    const { path, text } = change.node;
    console.log(`${change.kind} ${path} ${text}`.trimEnd());
    if (change.kind !== "added" && ++news === 2) break;
  }
}
console.log(`mail goes by ${tree.get("/mail/host")?.text}`);
