// Whether a member is ready: it hears a leader that a majority follows, its state has everything that was acknowledged before
// the question, and the ensemble counts it. A rolling restart continues with the next member after that.

import { TIMER_MS_MAX } from "../base/clock.ts";
import { CoordinationError } from "../base/errors.ts";
import { formatPeerEndpoint } from "../base/member.ts";
import { OPTION, type OptionRules, problemOf } from "../base/options.ts";
import { memberDescribed } from "../state/membership/description.ts";
import type { RunningMember } from "./member.ts";

export interface ReadyOptions {
  /** Ends the wait: it fails with `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** How long it may take: 30,000 ms unless given. Then it fails with `no-quorum` or `deadline`, and says what is missing. */
  readonly timeoutMs?: number | undefined;
}

const READY: OptionRules<ReadyOptions> = { signal: OPTION.signal, timeoutMs: OPTION.duration };
const TIMEOUT_MS = 30_000;
/** A voter whose disk is new is counted some time after it follows, of which nobody is told. */
const LOOK_AGAIN_MS = 20;

export class Readiness {
  readonly #running: RunningMember;
  readonly #ending: AbortSignal;
  /**
   * The end of the log when its configuration was first seen to name this member; the entry is not behind it. Lower where a new
   * leader took entries away since.
   */
  #namedUpTo: number | null = null;

  /** `ending` aborts as soon as the member serves no more, as that of `RunningMember`. */
  constructor(running: RunningMember, ending: AbortSignal) {
    this.#running = running;
    this.#ending = ending;
  }

  async wait(options: ReadyOptions): Promise<void> {
    const problem = problemOf(options, READY);
    if (problem !== null) throw new CoordinationError("configuration", "not-applied", `member.ready: ${problem}`);
    const { signal, timeoutMs = TIMEOUT_MS } = options;
    await new Promise<void>((resolve, reject) => {
      let isOver = false;
      let retry: NodeJS.Timeout | undefined;
      const end = (): boolean => {
        if (isOver) return false;
        isOver = true;
        clearTimeout(deadline);
        clearTimeout(retry);
        signal?.removeEventListener("abort", onAbort);
        return true;
      };
      const fail = (error: CoordinationError): void => {
        if (end()) reject(error);
      };
      const onAbort = (): void => fail(aborted(signal!));
      const deadline = setTimeout(() => fail(this.#notReady(timeoutMs)), Math.min(timeoutMs, TIMER_MS_MAX));
      const look = (): void => {
        if (isOver) return;
        if (this.#ending.aborted) fail(endedError(this.#running.member.id, this.#ending));
        else if (this.#isCounted() && this.#running.member.admission() !== "no-quorum") askState();
        else retry = setTimeout(look, LOOK_AGAIN_MS);
      };
      const askState = (): void =>
        this.#running.member.readBarrier((error) => {
          if (error === null) {
            if (end()) resolve();
          } else retry = setTimeout(look, LOOK_AGAIN_MS);
        });
      if (signal?.aborted === true) return onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      look();
    });
  }

  /**
   * Whether the entry that names it is committed. Until then the ensemble still needs those who were voters before: one that leaves
   * meanwhile may take the quorum with it.
   */
  #isCounted(): boolean {
    const { status } = this.#running.member;
    if (!this.#isNamed() || status.configuration.outgoing.length > 0) {
      this.#namedUpTo = null;
      return false;
    }
    this.#namedUpTo = Math.min(this.#namedUpTo ?? Infinity, status.lastIndex);
    return status.commitIndex >= this.#namedUpTo;
  }

  /** A participant is named once it has a vote, for this life of its disk; an observer is by its role. */
  #isNamed(): boolean {
    const { member, incarnation } = this.#running;
    const record = member.status.configuration.members.find(({ id }) => id === member.id);
    if (record === undefined) return false;
    return record.role === "voter"
      ? record.incarnation === incarnation
      : memberDescribed(record.id, record.description).wantedRole === "learner";
  }

  #notReady(timeoutMs: number): CoordinationError {
    const { member } = this.#running;
    const { hasQuorum, leader, configuration } = member.status;
    const start = `member ${member.id} is not ready after ${timeoutMs} ms`;
    if (hasQuorum) {
      const why = this.#isCounted()
        ? `it follows member ${leader} and has not caught up yet`
        : `it follows member ${leader}, which does not count it yet: its disk is new`;
      return new CoordinationError("deadline", "not-applied", `${start}: ${why}`);
    }
    const others = configuration.members.filter(({ id, role }) => id !== member.id && role === "voter");
    const missing = others.filter(({ id }) => !this.#running.isConnected(id));
    const named = missing.map(({ id, description }) => {
      const places = memberDescribed(id, description).peers.map(formatPeerEndpoint);
      return places.length === 0 ? `${id}` : `${id} (${places.join(" or ")})`;
    });
    const why =
      missing.length === 0
        ? "it is connected to all members, and none of them leads"
        : `there is no quorum. Not connected to member ${named.join(", ")}: start them, or mend their addresses`;
    return new CoordinationError("no-quorum", "not-applied", `${start}: ${why}`);
  }
}

/** For what is asked of a member that was closed, or ended by itself: then it says what ended it. */
export function endedError(id: number, { reason }: AbortSignal): CoordinationError {
  if (!(reason instanceof Error)) return new CoordinationError("closed", "not-applied", `member ${id} is closed`);
  const message = `member ${id} has ended: ${reason.message}`;
  return new CoordinationError("closed", "not-applied", message, { cause: reason });
}

function aborted(signal: AbortSignal): CoordinationError {
  return new CoordinationError("aborted", "not-applied", "waiting for the member was aborted", {
    cause: signal.reason,
  });
}
