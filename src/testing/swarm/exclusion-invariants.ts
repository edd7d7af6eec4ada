// The invariants of exclusive holding: who believes to hold something, by the handles, compared with what the servers held.

import type { GrantHandle } from "../../recipes/handle.ts";
import type { Handle } from "../../recipes/index.ts";
import type { SimulatedProgram } from "./program.ts";
import type { WorkloadContext } from "./workload-context.ts";

export interface ExclusionOptions {
  /** As a violation speaks of it: `lock "a"`. */
  readonly what: string;
  /** Where the nodes are that grants stand on. */
  readonly directory: string;
  /** How much may be out at a time; 1 unless given. */
  readonly limit?: number;
  /**
   * Whether a listing of the directory is what a grant rests on. Then it must show the node, and `isGranted` says whether it is its
   * turn there.
   */
  readonly isGranted?: ((names: readonly string[], own: string, claim: Claim) => boolean) | undefined;
}

/** How it is granted: shared or not, how much of it, and from which other grant it goes on. */
export interface ClaimOptions {
  readonly isShared?: boolean;
  readonly count?: number;
  readonly from?: Claim | null;
}

/** What is known before it is granted. */
export interface Asking {
  readonly program: SimulatedProgram;
  readonly listingsBefore: number;
  /** The largest token that was granted by then. */
  readonly tokenBefore: bigint;
}

export interface Claim {
  readonly program: SimulatedProgram;
  readonly held: Handle;
  readonly node: string | null;
  /** All that it stands on: of several permits each has its own. */
  readonly nodes: readonly { readonly path: string; readonly since: number }[];
  /** Several share it, none that excludes the others. */
  readonly isShared: boolean;
  readonly count: number;
  /** That which it goes on from: a reader's writer. */
  readonly from: Claim | null;
  /** Its holder has begun to give it up. */
  isOver: boolean;
}

export class ExclusionInvariants {
  readonly #context: WorkloadContext;
  readonly #options: ExclusionOptions;
  readonly #open = new Set<Claim>();
  #highestToken = 0n;
  granted = 0;

  constructor(context: WorkloadContext, options: ExclusionOptions) {
    this.#context = context;
    this.#options = options;
    context.periodicChecks.push(() => this.#checkTold());
  }

  /** Before it is asked for. */
  ask(program: SimulatedProgram): Asking {
    return { program, listingsBefore: program.listings.count, tokenBefore: this.#highestToken };
  }

  /** When it is granted, at once. */
  begin(
    { program, listingsBefore, tokenBefore }: Asking,
    held: Handle,
    { isShared = false, count = 1, from = null }: ClaimOptions = {},
  ): Claim {
    const { what, directory } = this.#options;
    const { history } = this.#context;
    const node = history.nodeOf(held.token, directory) ?? from?.node ?? null;
    const paths = grantedBy(held) ?? [];
    const known = node === null ? [] : [{ path: node, since: Number(held.token) }];
    const nodes = paths.length === 0 ? known : paths.map((path) => ({ path, since: history.createdAt(path) ?? 0 }));
    const claim: Claim = { program, held, node, nodes, isShared, count, from, isOver: false };
    if (from !== null) from.isOver = true;
    this.granted += 1;
    this.#context.note(`${program.name} holds ${this.#show(claim)}`);
    if (node === null)
      this.#context.violate("a token is the zxid of a grant", `nothing of ${what} was made by token ${held.token}`);
    // Whoever excludes all others comes after all of them; those who share may be told in another order than they came in.
    const before = isShared ? tokenBefore : this.#highestToken;
    if (from === null && held.token <= before && !this.wasTakenAway(claim)) {
      this.#context.violate("tokens rise", `${program.name} has ${this.#show(claim)}, after ${before} was granted`);
    }
    if (held.token > this.#highestToken) this.#highestToken = held.token;
    if (!believes(claim)) return claim; // too late, and it knows
    this.#checkSeen(claim, listingsBefore);
    this.#checkExclusion(claim);
    this.#open.add(claim);
    return claim;
  }

  /** Its holder gives it up, or has been told that it is lost. */
  end(claim: Claim): void {
    claim.isOver = true;
    this.#open.delete(claim);
  }

  /** Those who believe to hold something now. */
  holders(): Claim[] {
    return [...this.#open].filter(believes);
  }

  #checkExclusion(claim: Claim): void {
    if (this.wasTakenAway(claim)) return;
    const others = this.holders().filter((other) => other !== claim.from && !this.wasTakenAway(other));
    const { what, limit = 1 } = this.#options;
    const out = others.reduce((sum, { count }) => sum + count, claim.count);
    const isAlone = (other: Claim) => !claim.isShared || !other.isShared;
    const breaks = limit > 1 ? out > limit : others.some(isAlone);
    if (!breaks) return;
    const beside = others.map((other) => `${other.program.name} (token ${other.held.token})`).join(", ");
    const invariant = limit > 1 ? "no more permits than there are" : "one holder at a time";
    this.#context.violate(
      invariant,
      `${claim.program.name} is granted ${this.#show(claim)} beside ${beside} of ${what}`,
    );
  }

  /** A grant rests on a listing: of those that its holder was shown, one has to show it, and that it is its turn. */
  #checkSeen(claim: Claim, listingsBefore: number): void {
    const { directory, isGranted } = this.#options;
    const { node, program } = claim;
    if (isGranted === undefined || node === null) return;
    const own = node.slice(directory.length + 1);
    const listings = program.listings.of(directory, listingsBefore);
    const seen = listings.map(({ zxid }) => this.#context.history.childrenAt(directory, zxid));
    if (seen.some((names) => names.includes(own) && isGranted(names, own, claim))) return;
    const shown = seen.map((names) => names.join(" ") || "nothing").join(" | ");
    this.#context.violate(
      "grants follow from listings",
      `${program.name} is granted ${this.#show(claim)} as ${own}, and was shown ${shown}`,
    );
  }

  /** Whose node was taken away is told of it, soon after it can be. */
  #checkTold(): void {
    const { history, now, sessionTimeoutMs } = this.#context;
    for (const claim of this.#open) {
      if (!believes(claim)) continue;
      const gone = claim.nodes.map(({ path, since }) => history.goneAt(path, since)).find((each) => each !== null);
      if (gone === undefined) continue;
      const since = Math.max(gone!.at, claim.program.pausedUntil);
      if (now - since < sessionTimeoutMs * TOLD_WITHIN_TIMEOUTS + TOLD_WITHIN_MS) continue;
      this.#context.violate(
        "losses are told",
        `${claim.program.name} believes to hold ${this.#show(claim)}, whose node went ${now - gone!.at} ms ago`,
      );
    }
  }

  /** Somebody took away what it stands on: others may hold it before its holder is told. */
  wasTakenAway({ nodes }: Claim): boolean {
    return nodes.some(({ path, since }) => this.#context.history.wasTakenAway(path, since));
  }

  #show({ held, count, isShared }: Claim): string {
    const { what, limit = 1 } = this.#options;
    const much = limit > 1 ? `${count} of ` : isShared ? "a share of " : "";
    return `${much}${what}, token ${held.token}`;
  }
}

/** Whoever does not reach the servers is told by its own deadline. */
const TOLD_WITHIN_TIMEOUTS = 2;
/** From the grant until a holder looks after its node, and a while for the answer. */
const TOLD_WITHIN_MS = 2000;

/** By its own clock, at this moment. Asks nothing that could change it. */
function believes({ program, held, isOver }: Claim): boolean {
  return !isOver && !program.isDead && held.expiresIn() > 0;
}

/** The nodes of what is held, where the engine tells. */
function grantedBy(held: Handle): readonly string[] | null {
  const { contender } = held as Partial<GrantHandle>;
  return contender !== undefined && "grantedBy" in contender ? (contender.grantedBy as readonly string[]) : null;
}

/** By the ten digits at the end of a name; a reader that a writer let in has the writer's, and stands behind it. */
export function inOrder(names: readonly string[]): string[] {
  const digits = (name: string) => Number(name.slice(-10));
  return names
    .filter((name) => /\d{10}$/.test(name))
    .sort((a, b) => digits(a) - digits(b) || Number(isReader(a)) - Number(isReader(b)) || (a < b ? -1 : 1));
}

export function isReader(name: string): boolean {
  return name.includes("__READ__");
}

export function isFirst(names: readonly string[], own: string): boolean {
  return inOrder(names)[0] === own;
}
