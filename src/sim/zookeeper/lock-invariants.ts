// The invariants of the shared lock: one holder at a time, by each holder's own deadline, and rising fencing tokens.

/** One client's time with the lock; its end is known later. */
export interface LockGrant {
  readonly client: number;
  /** The fencing token: the zxid that created the node. */
  readonly token: number;
  /** When its holder stopped to believe in it, or will stop unless it hears from the servers until then. */
  endsAt(): number;
}

export interface LockInvariantsOptions {
  readonly now: () => number;
  /** Sessions may be lost without a word in between: then two may believe to hold the lock. */
  readonly mayOverlap: boolean;
  readonly violate: (invariant: string, what: string) => void;
  readonly note: (what: string) => void;
}

export class LockInvariants {
  readonly #options: LockInvariantsOptions;
  readonly #grants: LockGrant[] = [];

  constructor(options: LockInvariantsOptions) {
    this.#options = options;
  }

  get granted(): number {
    return this.#grants.length;
  }

  onGranted(grant: LockGrant): void {
    const { now, mayOverlap, violate, note } = this.#options;
    const { client, token } = grant;
    if (grant.endsAt() <= now()) return; // too late: it does not believe it itself
    for (const other of this.#grants) {
      if (other.endsAt() > now() && !mayOverlap) {
        const holders = `clients ${other.client} (token ${other.token}) and ${client} (token ${token})`;
        violate("one holder at a time", `${holders} both hold the lock`);
      }
      if (token <= other.token) violate("tokens rise", `token ${token} of client ${client} comes after ${other.token}`);
    }
    this.#grants.push(grant);
    note(`client ${client} holds the lock, token ${token}`);
  }
}
