// An ensemble under full control, for scripts and stories: no message arrives and no write becomes durable unless told
// to. Everything that happens is noted in `lines`, in words.

import { seededRandom } from "../../../src/base/random.ts";
import {
  type Configuration,
  type Effect,
  type Entry,
  type Input,
  type MemberId,
  type MemberRecord,
  Raft,
  type RaftOptions,
} from "../../../src/consensus/index.ts";
import { Disk, type StoredSnapshot } from "./disk.ts";
import { bytesOf, entryOf } from "./entries.ts";
import { textOf } from "./oracle.ts";
import { phrase, phraseConfiguration, phraseEntries } from "./phrases.ts";
import { type Letter, type Machine, OPTIONS } from "./staged-machine.ts";

export class Stage {
  /** What happened since `take`. */
  lines: string[] = [];
  readonly machines = new Map<MemberId, Machine>();
  letters: Letter[] = [];
  readonly #options: Omit<RaftOptions, "id" | "incarnation">;
  readonly #cut = new Set<string>();
  #incarnations = 100;
  #initial: Configuration;

  constructor(members: readonly MemberRecord[], cluster: number, options: Partial<typeof OPTIONS> = {}) {
    this.#options = { ...OPTIONS, ...options };
    this.#initial = { cluster, members, outgoing: [] };
    for (const { id, incarnation } of members) this.add(id, incarnation || id * 11);
  }

  /** Voters that know each other, with nothing in their logs and nobody leading yet. */
  static formed(ids: readonly MemberId[], options: Partial<typeof OPTIONS> = {}): Stage {
    return new Stage(
      ids.map((id) => ({ id, role: "voter", incarnation: id * 11, description: "" })),
      7,
      options,
    );
  }

  add(id: MemberId, incarnation: number): void {
    const disk = new Disk(incarnation, this.#initial);
    this.machines.set(id, this.#machine(id, disk));
  }

  /** A member as if it had this log, a term an entry, and this term. Before anything happens. */
  giveLog(id: MemberId, terms: readonly number[], term = terms.at(-1) ?? 0): void {
    const { disk } = this.machines.get(id)!;
    disk.entries = terms.map((each, i) => entryOf(i + 1, each, `e${i + 1}t${each}`));
    disk.hardState = { term, votedFor: null, commitIndex: 0 };
    this.machines.set(id, this.#machine(id, disk));
  }

  #machine(id: MemberId, disk: Disk): Machine {
    const raft = new Raft(
      { ...this.#options, id, incarnation: disk.incarnation },
      disk.recover(),
      seededRandom(id * 1000 + disk.incarnation),
    );
    const state = disk.snapshot === null ? "" : textOf(disk.snapshot.data);
    const appliedIndex = disk.snapshot?.meta.index ?? 0;
    return { raft, disk, writes: [], isUp: true, state, appliedIndex, staged: [] };
  }

  raft(id: MemberId): Raft {
    return this.machines.get(id)!.raft;
  }

  leader(): MemberId | null {
    const leaders = [...this.machines].filter(([, { raft, isUp }]) => isUp && raft.role === "leader");
    leaders.sort(([, one], [, other]) => other.raft.term - one.raft.term);
    return leaders[0]?.[0] ?? null;
  }

  /** Committed entries of a member as text: what it has applied. */
  state(id: MemberId): string {
    return this.machines.get(id)!.state;
  }

  terms(id: MemberId): number[] {
    const { raft } = this.machines.get(id)!;
    return Array.from({ length: raft.lastIndex - raft.firstIndex + 1 }, (_, i) => raft.termAt(raft.firstIndex + i));
  }

  take(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }

  // ----------------------------------------------------------------------------------------------------------- verbs

  input(id: MemberId, input: Input): Effect[] {
    const machine = this.machines.get(id)!;
    if (!machine.isUp) return [];
    const effects = machine.raft.step(input);
    for (const effect of effects) this.#carryOut(id, machine, effect);
    return effects;
  }

  tick(id: MemberId, count = 1): void {
    for (let i = 0; i < count; i++) this.input(id, { kind: "tick" });
  }

  /** Time passes for a member until it asks for votes, unless it leads. */
  campaign(id: MemberId): void {
    for (let i = 0; i < 2 * this.#options.electionTicks; i++) {
      this.input(id, { kind: "tick" });
      if (this.raft(id).role !== "follower") return;
    }
  }

  /** It campaigns, and everything that follows from it happens. */
  elect(id: MemberId): void {
    for (const [other, { isUp }] of this.machines) {
      if (other === id || !isUp) continue;
      for (let i = 0; i < this.#options.electionTicks && this.raft(other).role === "follower"; i++) {
        if (!this.raft(other).hasQuorumContact) break;
        this.#silentTick(other);
      }
    }
    this.campaign(id);
    this.settle();
  }

  /** A follower's lease on its leader ends, but not its patience. */
  #silentTick(id: MemberId): void {
    this.input(id, { kind: "tick" });
  }

  propose(id: MemberId, ...texts: string[]): void {
    this.input(id, { kind: "propose", payloads: texts.map(bytesOf) });
  }

  read(id: MemberId, context: number): void {
    this.input(id, { kind: "read", context });
  }

  change(id: MemberId, members: readonly MemberRecord[]): void {
    this.input(id, { kind: "change-membership", members });
  }

  /** Every message on its way from one to the other arrives, and those they answer with wait. */
  deliver(from: MemberId, to: MemberId, count = Number.POSITIVE_INFINITY): void {
    const due = this.letters.filter((letter) => letter.from === from && letter.to === to).slice(0, count);
    this.letters = this.letters.filter((letter) => !due.includes(letter));
    for (const letter of due) this.#arrive(letter);
  }

  drop(from: MemberId, to: MemberId): void {
    this.letters = this.letters.filter((letter) => letter.from !== from || letter.to !== to);
  }

  /** All its writes under way, or the first few, are durable now. */
  persist(id: MemberId, count = Number.POSITIVE_INFINITY): void {
    const machine = this.machines.get(id)!;
    const due = machine.writes.splice(0, count);
    for (const { write, input } of due) {
      write();
      if (input !== null) this.input(id, input);
    }
  }

  /** Messages arrive and writes end until nothing more happens. `slow`: whose disks do not end their writes. */
  settle(slow: readonly MemberId[] = []): void {
    for (let rounds = 0; rounds < 1000; rounds++) {
      const { letters } = this;
      this.letters = [];
      for (const letter of letters) this.#arrive(letter);
      for (const id of this.machines.keys()) if (!slow.includes(id)) this.persist(id);
      const isQuiet = [...this.machines].every(([id, { writes }]) => writes.length === 0 || slow.includes(id));
      if (this.letters.length === 0 && isQuiet) return;
    }
    throw new Error("no end of messages");
  }

  /** The next thing under way happens: a message arrives, or where there is none a write ends. False: nothing is. */
  once(): boolean {
    const letter = this.letters.shift();
    if (letter !== undefined) {
      this.#arrive(letter);
      return true;
    }
    for (const [id, { writes }] of this.machines) {
      if (writes.length === 0) continue;
      this.persist(id, 1);
      return true;
    }
    return false;
  }

  /** A leader's heartbeats go out, and all that follows happens. */
  heartbeat(id: MemberId): void {
    this.tick(id, this.#options.heartbeatTicks);
    this.settle();
  }

  isolate(id: MemberId): void {
    for (const other of this.machines.keys()) {
      if (other === id) continue;
      this.cut(id, other);
      this.cut(other, id);
    }
  }

  cut(from: MemberId, to: MemberId): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Loses what is not durable. */
  crash(id: MemberId): void {
    const machine = this.machines.get(id)!;
    machine.isUp = false;
    machine.writes = [];
  }

  restart(id: MemberId): void {
    const { disk } = this.machines.get(id)!;
    this.machines.set(id, this.#machine(id, disk));
    this.#catchUpApplied(id);
  }

  /** Crashes, and comes back with a new disk. */
  wipe(id: MemberId): void {
    const blank = this.#initial.members.map((member) => ({ ...member, incarnation: 0 }));
    const disk = new Disk(++this.#incarnations, { cluster: 0, members: blank, outgoing: [] });
    this.machines.set(id, this.#machine(id, disk));
  }

  /** A snapshot of what a member has applied; the log goes but for the last `kept` entries before it. */
  compact(id: MemberId, kept = 0): void {
    const machine = this.machines.get(id)!;
    const index = machine.appliedIndex;
    const meta = { index, term: machine.raft.termAt(index), configuration: machine.raft.configurationAt(index) };
    const snapshot: StoredSnapshot = { meta, data: bytesOf(machine.state) };
    const logFrom = Math.max(machine.disk.firstIndex, index + 1 - kept);
    machine.disk.compact(snapshot, logFrom, index);
    this.input(id, { kind: "snapshot-taken", snapshot: meta, logFrom });
  }

  // -------------------------------------------------------------------------------------------------------- behind it

  #arrive({ from, to, message }: Letter): void {
    if (this.#cut.has(`${from}>${to}`) || this.machines.get(to)?.isUp !== true) {
      this.lines.push(`${from}>${to} ${phrase(message)} (lost)`);
      return;
    }
    this.lines.push(`${from}>${to} ${phrase(message)}`);
    this.input(to, { kind: "message", from, message });
  }

  #carryOut(id: MemberId, machine: Machine, effect: Effect): void {
    switch (effect.kind) {
      case "send":
        this.letters.push({ from: id, to: effect.to, message: effect.message });
        break;
      case "persist": {
        const { sequence, truncateFrom, entries, hardState } = effect;
        const parts: string[] = [];
        if (truncateFrom !== null) parts.push(`cuts from ${truncateFrom}`);
        if (entries.length > 0) parts.push(phraseEntries(entries));
        if (hardState !== null) {
          parts.push(`term ${hardState.term}, vote ${hardState.votedFor ?? "none"}, commit ${hardState.commitIndex}`);
        }
        this.lines.push(`${id} writes ${parts.join("; ")}`);
        machine.writes.push({
          sequence,
          write: () => machine.disk.write(truncateFrom, entries, hardState),
          input: { kind: "persisted", sequence },
        });
        break;
      }
      case "commit":
        this.lines.push(`${id} commits ${effect.index}`);
        this.#apply(id, machine, effect.index);
        break;
      case "readable":
        this.lines.push(`${id} may read ${effect.context} at ${effect.index}`);
        break;
      case "read-refused":
        this.lines.push(`${id} may not read ${effect.context}`);
        break;
      case "role-changed":
        this.lines.push(`${id} is ${effect.role} in term ${effect.term}, leader ${effect.leader ?? "unknown"}`);
        break;
      case "configuration-changed":
        this.lines.push(`${id} goes by ${phraseConfiguration(effect.configuration)}`);
        break;
      case "fetch":
        this.lines.push(`${id} reads entries from ${effect.from} for ${effect.to}`);
        this.#fetch(id, machine, effect);
        break;
      case "read-snapshot":
        this.lines.push(`${id} reads snapshot ${effect.index} from ${effect.offset} for ${effect.to}`);
        this.#readSnapshot(id, machine, effect);
        break;
      case "refused":
        this.lines.push(`${id} refuses what ${effect.from} says: ${effect.why}`);
        break;
      case "write-snapshot":
        this.lines.push(
          `${id} writes snapshot ${effect.snapshot.index} from ${effect.offset}${effect.done ? ", the end" : ""}`,
        );
        this.#writeSnapshot(id, machine, effect);
        break;
      case "discard-snapshot":
        this.lines.push(`${id} discards its half of a snapshot`);
        machine.staged = [];
        break;
    }
  }

  #apply(id: MemberId, machine: Machine, to: number): void {
    while (machine.appliedIndex < to) {
      const index = machine.appliedIndex + 1;
      const entry = machine.raft.entriesInMemory(index, to, 1)[0] ?? machine.disk.entry(index);
      if (entry === undefined) throw new Error(`member ${id} has no entry ${index} to apply`);
      if (entry.kind === "commands") machine.state += `${textOf(entry.payload)} `;
      machine.appliedIndex = index;
    }
    machine.writes.push({ sequence: null, write: () => {}, input: { kind: "applied", index: to } });
  }

  #catchUpApplied(id: MemberId): void {
    const machine = this.machines.get(id)!;
    if (machine.raft.commitIndex > machine.appliedIndex) this.#apply(id, machine, machine.raft.commitIndex);
  }

  #fetch(_id: MemberId, machine: Machine, { to, from, bytesMax }: Effect & { kind: "fetch" }): void {
    const entries: Entry[] = [];
    let bytes = 0;
    for (let entry = machine.disk.entry(from); entry !== undefined; entry = machine.disk.entry(entry.index + 1)) {
      bytes += entry.payload.length;
      if (bytes > bytesMax && entries.length > 0) break;
      entries.push(entry);
    }
    machine.writes.push({ sequence: null, write: () => {}, input: { kind: "fetched", to, from, entries } });
  }

  #readSnapshot(_id: MemberId, machine: Machine, effect: Effect & { kind: "read-snapshot" }): void {
    const { to, index, offset, bytesMax } = effect;
    const snapshot = machine.disk.snapshots.find(({ meta }) => meta.index === index);
    const data = snapshot?.data.slice(offset, offset + bytesMax) ?? null;
    const done = snapshot !== undefined && offset + bytesMax >= snapshot.data.length;
    const input: Input = { kind: "snapshot-read", to, index, offset, data, done };
    machine.writes.push({ sequence: null, write: () => {}, input });
  }

  #writeSnapshot(_id: MemberId, machine: Machine, effect: Effect & { kind: "write-snapshot" }): void {
    const { snapshot, offset, data, done } = effect;
    if (offset === 0) machine.staged = [];
    machine.staged.push(...data);
    const whole = Uint8Array.from(machine.staged);
    machine.writes.push({
      sequence: null,
      write: () => {
        if (!done) return;
        machine.disk.restart({ meta: snapshot, data: whole });
        machine.state = textOf(whole);
        machine.appliedIndex = snapshot.index;
      },
      input: { kind: "snapshot-written", index: snapshot.index, offset: offset + data.length, done },
    });
  }
}
