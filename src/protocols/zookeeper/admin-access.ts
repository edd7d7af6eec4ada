// Who may use the guarded commands of the admin server. Callers prove who they are as clients do, and guess no faster.

import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hashes } from "../../base/hashes.ts";
import type { Logger } from "../../base/logger.ts";
import { equalsSecretly } from "../../base/text.ts";
import { PERMISSION } from "../../state/tree/acl.ts";
import type { Acl, Identity } from "../../state/tree/types.ts";
import type { PageRequest } from "../../transport/door.ts";
import type { AdminAnswer } from "./admin-commands.ts";
import type { AdminContext } from "./admin-context.ts";
import { identitiesOf } from "./auth.ts";
import { Guesses } from "./guesses.ts";
import { FAILED_PROOF_LINES_PER_TICK_MAX, GUESS_WAIT_MS_MAX } from "./limits.ts";

/** Whoever calls: which user he names does not matter, for all open the same commands. */
const CALLER = "admin";
const LINES_AGAIN_AFTER_MS = 1000;

/** Milliseconds that never go back, and waiting for some to pass. */
export interface AccessTime {
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

const REAL_TIME: AccessTime = { now: () => performance.now(), sleep };

type Caller = Pick<PageRequest, "authorization" | "address">;

export class AdminAccess {
  readonly #context: AdminContext;
  readonly #log: Logger;
  readonly #time: AccessTime;
  readonly #guesses = new Guesses();
  #lines = 0;
  #linesSince = 0;

  constructor(context: AdminContext, log: Logger, time: AccessTime = REAL_TIME) {
    this.#context = context;
    this.#log = log;
    this.#time = time;
  }

  /** `Authorization: digest user:password`, or `ip`: a client's ways to prove who it is. Null: it may. */
  async refusal({ authorization: given, address }: Caller): Promise<AdminAnswer | null> {
    if (given === undefined) return { status: 401, error: "Auth info is missing for the command" };
    const deadline = this.#time.now() + GUESS_WAIT_MS_MAX;
    for (let waitMs = this.#waitMs(address); waitMs > 0; waitMs = this.#waitMs(address)) {
      if (this.#time.now() + waitMs > deadline) {
        this.#tell(`${address}: not looked at: too many wrong passwords came from this address`);
        return { status: 429, error: "Too many wrong passwords came from this address: try again later" };
      }
      await this.#time.sleep(waitMs);
    }
    // From here on nothing waits: whoever else had his turn would not know of a wrong password yet.
    const identities = this.#identitiesOf(given, address);
    if (identities !== null && mayDoEverything(this.#context.tree.rootAcl(), identities)) return null;
    const wrong = this.#guesses.noteWrong({ address, user: CALLER }, this.#time.now());
    this.#tell(`${address}: authentication failed, ${wrong} from this address lately`);
    return identities === null ? { status: 401, error: "Not authenticated" } : { status: 403, error: "Not authorized" };
  }

  #waitMs(address: string): number {
    return this.#guesses.waitMs({ address, user: CALLER }, this.#time.now());
  }

  #identitiesOf(given: string, address: string): readonly Identity[] | null {
    const [, scheme = "", auth = null] = /^(\S+)(?: (\S+))?$/.exec(given) ?? [];
    const bytes = auth === null ? null : Buffer.from(auth, "latin1");
    const { auth: options } = this.#context.settings;
    return identitiesOf(scheme, bytes, { address, certificateName: null }, hashes, options);
  }

  /** A few lines in a while: guessing must not fill the disk. */
  #tell(line: string): void {
    const now = this.#time.now();
    if (now - this.#linesSince > LINES_AGAIN_AFTER_MS) {
      this.#linesSince = now;
      this.#lines = 0;
    }
    if (++this.#lines <= FAILED_PROOF_LINES_PER_TICK_MAX) this.#log.warn(`admin server: ${line}`);
  }
}

/**
 * These commands reach all data at once, past the access list of each node. ZooKeeper asks for every permission on `/`;
 * that `/` is open to anyone, as it is at first, is not enough here: it must be granted to the caller by name.
 */
function mayDoEverything(rootAcl: readonly Acl[], identities: readonly Identity[]): boolean {
  if (identities.some(({ scheme }) => scheme === "super")) return true;
  let granted = 0;
  for (const { perms, scheme, id } of rootAcl) {
    if (identities.some((identity) => identity.scheme === scheme && equalsSecretly(id, identity.id))) granted |= perms;
  }
  return (granted & PERMISSION.all) === PERMISSION.all;
}

const hashes: Hashes = {
  sha1: (bytes) => createHash("sha1").update(bytes).digest(),
  md5: (bytes) => createHash("md5").update(bytes).digest(),
  randomBytes,
};
