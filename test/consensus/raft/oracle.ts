// Knows everything that happens in a simulated ensemble and says at once when a promise of Raft is broken: election
// safety, log matching, leader completeness, state-machine safety (Raft figure 3), commits that a quorum holds durably
// and never takes back, and reads that miss nothing finished before they were asked.

import type { Configuration, Entry, LogPosition, MemberId, MemberRecord, Raft } from "../../../src/consensus/index.ts";
import { decodeConfiguration } from "../../../src/consensus/raft/configuration.ts";
import type { Disk } from "./disk.ts";

class Violation extends Error {
  override readonly name = "Violation";
}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what);
}

interface KnownEntry {
  readonly payload: string;
  readonly kind: string;
  readonly termBefore: number;
}

export function textOf(payload: Uint8Array): string {
  return String.fromCharCode(...payload);
}

export class Oracle {
  readonly #leaders = new Map<number, MemberId>();
  /** Each entry that ever was, by index and term. */
  readonly #entries = new Map<string, KnownEntry>();
  /** Terms of committed entries by index; what was swallowed by a first snapshot cannot be missing, there is none. */
  readonly #committed: number[] = [0];
  /** In which term each was committed, as far as is known: not before it. */
  readonly #committedIn: number[] = [0];
  readonly #committedConfigurations: { index: number; configuration: Configuration }[] = [];
  /** The state after each index, as every member must have it. */
  readonly #states: number[] = [0];
  /** The vote each incarnation gave in each term, as far as others were told. */
  readonly #votes = new Map<string, MemberId>();
  readonly disks = new Map<number, { id: MemberId; disk: Disk }>();

  get commitIndex(): number {
    return this.#committed.length - 1;
  }

  get configuration(): { index: number; configuration: Configuration } | undefined {
    return this.#committedConfigurations.at(-1);
  }

  termAt(index: number): number | undefined {
    return this.#committed[index];
  }

  onLeader(id: MemberId, raft: Raft): void {
    const other = this.#leaders.get(raft.term);
    demand(other === undefined || other === id, `members ${other} and ${id} both lead term ${raft.term}`);
    this.#leaders.set(raft.term, id);
    for (let index = Math.max(1, raft.firstIndex); index <= this.commitIndex; index++) {
      if (this.#committedIn[index]! >= raft.term) break; // it won late; a later leader has been at work since
      const term = this.#committed[index];
      demand(raft.lastIndex >= index, `leader ${id} lacks committed entries after ${raft.lastIndex}`);
      demand(
        raft.termAt(index) === term,
        `leader ${id} has term ${raft.termAt(index)} at ${index}, committed is ${term}`,
      );
    }
  }

  onVote(from: MemberId, incarnation: number, term: number, to: MemberId): void {
    const key = `${incarnation}@${term}`;
    const earlier = this.#votes.get(key);
    demand(earlier === undefined || earlier === to, `member ${from} voted for ${earlier} and ${to} in term ${term}`);
    this.#votes.set(key, to);
  }

  onEntries(id: MemberId, entries: readonly Entry[], termBefore: (index: number) => number): void {
    for (const { index, term, kind, payload } of entries) {
      const known = this.#entries.get(`${index}@${term}`);
      const now: KnownEntry = { payload: textOf(payload), kind, termBefore: termBefore(index - 1) };
      if (known === undefined) this.#entries.set(`${index}@${term}`, now);
      else {
        demand(
          known.payload === now.payload && known.kind === now.kind,
          `entry ${index}@${term} differs on member ${id}`,
        );
        const same = known.termBefore === now.termBefore || now.termBefore === -1 || known.termBefore === -1;
        demand(same, `what comes before ${index}@${term} differs on member ${id}`);
      }
    }
  }

  /** `id` considers everything up to `index` committed. */
  onCommit(id: MemberId, raft: Raft): void {
    for (let index = this.commitIndex + 1; index <= raft.commitIndex; index++) {
      const term = raft.termAt(index);
      demand(term > 0, `member ${id} commits ${index}, which it does not know`);
      this.#committed.push(term);
      this.#committedIn.push(raft.term);
      const known = this.#entries.get(`${index}@${term}`);
      demand(known !== undefined, `member ${id} commits ${index}@${term}, which nobody ever wrote`);
      this.#states.push(nextState(this.#states[index - 1]!, index, known.payload));
      if (known.kind === "configuration") {
        const configuration = decodeConfiguration(Uint8Array.from(known.payload, (byte) => byte.charCodeAt(0)));
        this.#committedConfigurations.push({ index, configuration });
      }
    }
    const { commitIndex } = raft;
    const term = this.#committed[commitIndex]!;
    demand(raft.termAt(commitIndex) === term, `member ${id} commits another entry ${commitIndex} than the others`);
    if (raft.role === "leader") this.#demandQuorum(id, { index: commitIndex, term }, raft.configuration);
  }

  #demandQuorum(id: MemberId, position: LogPosition, { members, outgoing }: Configuration): void {
    for (const half of [members.filter(({ role }) => role === "voter"), outgoing]) {
      const holders = half.filter((member) => this.#holds(member, position)).length;
      demand(
        half.length === 0 || holders * 2 > half.length,
        `leader ${id} commits ${position.index}@${position.term} with ${holders} of ${half.length} voters holding it`,
      );
    }
  }

  #holds({ id, incarnation }: MemberRecord, position: LogPosition): boolean {
    const known = this.disks.get(incarnation);
    return known !== undefined && known.id === id && known.disk.holds(position);
  }

  onApply(id: MemberId, { index, term, payload }: Entry, stateBefore: number): number {
    demand(index <= this.commitIndex, `member ${id} applies ${index}, committed is ${this.commitIndex}`);
    demand(
      this.#committed[index] === term,
      `member ${id} applies ${index}@${term}, committed is ${this.#committed[index]}`,
    );
    const state = nextState(stateBefore, index, textOf(payload));
    demand(state === this.#states[index], `the state of member ${id} after ${index} is not the others'`);
    return state;
  }

  onRestore(id: MemberId, index: number, state: number): void {
    demand(index <= this.commitIndex, `member ${id} restores ${index}, committed is ${this.commitIndex}`);
    demand(state === this.#states[index], `member ${id} restores a state that is not that of ${index}`);
  }

  /** A read asked when everything up to `floor` was committed is answered by the state at `index`. */
  onReadable(id: MemberId, floor: number, index: number): void {
    demand(index >= floor, `a read at member ${id} sees ${index}; ${floor} was committed before it was asked`);
    demand(index <= this.commitIndex, `a read at member ${id} sees ${index}, which is not committed`);
  }
}

function nextState(state: number, index: number, payload: string): number {
  let hash = (state ^ index) >>> 0;
  for (let i = 0; i < payload.length; i++) hash = Math.imul(hash ^ payload.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
