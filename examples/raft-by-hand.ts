// The Raft core without a server: three members in one array, their messages delivered by a loop. It has no clock, no
// socket and no disk of its own, so you can hold every step in your hand.

import { type Effect, type Input, Raft } from "cabildo/consensus";

const ids = [1, 2, 3];
const members = ids.map((id) => ({ id, role: "voter" as const, incarnation: 0, description: `member-${id}` }));
const options = {
  electionTicks: 10,
  heartbeatTicks: 2,
  appendBytesMax: 1 << 20,
  inflightBytesMax: 1 << 20,
  inflightAppendsMax: 16,
  uncommittedBytesMax: 1 << 20,
  tailBytesMax: 1 << 20,
  snapshotChunkBytes: 1 << 16,
};

/** Chance comes from outside as well: with the same numbers the same member wins, every time. */
function chance(seed: number) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  return {
    next,
    below: (bound: number) => next() % bound,
    chance: (probability: number) => next() / 2 ** 32 < probability,
  };
}

const rafts = new Map(
  ids.map((id) => [
    id,
    new Raft(
      { ...options, id, incarnation: 100 + id },
      {
        hardState: { term: 0, votedFor: null, commitIndex: 0 },
        snapshot: { index: 0, term: 0, configuration: { cluster: 0, members, outgoing: [] } },
        lastIndex: 0,
        termStarts: [],
        configurations: [],
      },
      chance(id),
    ),
  ]),
);

const inputs: { to: number; input: Input }[] = [];
const committed = new Map(ids.map((id) => [id, 0]));

function carryOut(id: number, effects: Effect[]): void {
  for (const effect of effects) {
    switch (effect.kind) {
      case "send":
        inputs.push({ to: effect.to, input: { kind: "message", from: id, message: effect.message } });
        break;
      case "persist": // memory is our disk: durable at once
        inputs.push({ to: id, input: { kind: "persisted", sequence: effect.sequence } });
        break;
      case "commit":
        committed.set(id, effect.index);
        break;
      case "role-changed":
        console.log(`member ${id} is ${effect.role} in term ${effect.term}, leader: ${effect.leader ?? "nobody yet"}`);
        break;
    }
  }
}

function step(id: number, input: Input): void {
  const raft = rafts.get(id);
  if (raft) carryOut(id, raft.step(input));
}

function settle(): void {
  for (let next = inputs.shift(); next; next = inputs.shift()) step(next.to, next.input);
}

let leader: number | undefined;
for (let tick = 0; leader === undefined && tick < 1000; tick++) {
  for (const id of ids) step(id, { kind: "tick" });
  settle();
  leader = ids.find((id) => rafts.get(id)?.role === "leader");
}
if (leader === undefined) throw new Error("no leader after 1000 ticks");

const before = committed.get(leader) ?? 0;
step(leader, { kind: "propose", payloads: [new TextEncoder().encode("the first command")] });
settle();
for (const id of ids) console.log(`member ${id} has committed ${(committed.get(id) ?? 0) - before} more`);
