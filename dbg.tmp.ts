import { ClientLaws } from "./src/sim/client-laws.ts";
import { SimulatedClient } from "./src/sim/client.ts";
import { simulate } from "./src/sim/simulation.ts";
import { Chronicle } from "./src/sim/chronicle.ts";
const seed = Number(process.argv[2]); const who = Number(process.argv[3]); const from = Number(process.argv[4] ?? 0);
let now = 0;
const lines: string[] = [];
const say = (t: string) => lines.push(t);
const sent = ClientLaws.prototype.onSent;
ClientLaws.prototype.onSent = function (c, r) { now = c.options.time.now; if (c.id === who) say(`${now.toFixed(1)} client ${c.id} s=${c.session?.id} sends to ${c.member?.id} xid ${r.xid} ${JSON.stringify(r.operation).slice(0, 150)}`); return sent.call(this, c, r); };
const rep = ClientLaws.prototype.onReply;
ClientLaws.prototype.onReply = function (c, r, p) { now = c.options.time.now; if (c.id === who) say(`${now.toFixed(1)} client ${c.id} hears xid ${r.xid} ${r.operation.kind} zxid ${p.header.zxid} err ${p.header.error}`); return rep.call(this, c, r, p); };
const notif = ClientLaws.prototype.onNotification;
ClientLaws.prototype.onNotification = function (c, t, p, z) { if (c.id === who) say(`${c.options.time.now.toFixed(1)} client ${c.id} EVENT ${t} ${p} ${z}`); return notif.call(this, c, t, p, z); };
for (const k of ["onDialed", "onConnected", "onDisconnected", "onRefused"] as const) {
  const f = ClientLaws.prototype[k] as any;
  (ClientLaws.prototype as any)[k] = function (c: SimulatedClient, ...a: any[]) { if (c.id === who) say(`${c.options.time.now.toFixed(1)} client ${c.id} ${k} member ${c.member?.id} session ${c.session?.id}`); return f.call(this, c, ...a); };
}
const oc = (Chronicle.prototype as any).tellBatch;
(Chronicle.prototype as any).tellBatch = function (p: Uint8Array) { const b = this.revision; oc.call(this, p); for (let r = b + 1; r <= this.revision; r++) { const x = this.record(r); say(`   log ${r}: ${JSON.stringify(x.command).slice(0, 170)} -> ${x.answer.code}`); } };
await simulate(seed, (l) => say(l));
console.log(lines.slice(-from).join("\n"));
