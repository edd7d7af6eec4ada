// The transaction: changes of several places as one; also only while a lock is held.

import { CoordinationError } from "../base/errors.ts";
import { type AccessOptions, accessOf } from "./access.ts";
import { bytesOf } from "./bytes.ts";
import type { Engine, HasTransactions, PlaceOptions, StepResult, TransactionStep } from "./engine.ts";
import { GrantHandle, type Handle } from "./handle.ts";
import { checkName } from "./names.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

const WHAT = "transaction";

/**
 * Gathers steps, which `commit` carries out as one, once. Places are exact: `"/app/row"`. Versions are those of a value as the
 * engine reads it (`c.engine.value("value", "/app/row").current(true)`); without one, any version will do.
 */
export class Transaction {
  readonly #engine: Engine & HasTransactions;
  readonly #steps: TransactionStep[] = [];
  readonly #guards: Handle[] = [];
  readonly #access: PlaceOptions;
  #isCommitted = false;

  /** `acl`: the access list of everything that it creates. */
  constructor(engine: Engine & HasTransactions, options: AccessOptions = {}) {
    this.#engine = engine;
    this.#access = accessOf(WHAT, options);
  }

  /** Only if the place exists, in this version. */
  check(place: string, version?: string): this {
    return this.#add({ kind: "check", place: placeOf(place), version: versionOf(version) });
  }

  /** Only if the place does not exist. Missing parents are created with it. */
  create(place: string, data: Uint8Array | string = ""): this {
    return this.#add({ kind: "create", place: placeOf(place), data: dataOf(data) });
  }

  set(place: string, data: Uint8Array | string, version?: string): this {
    return this.#add({ kind: "set", place: placeOf(place), data: dataOf(data), version: versionOf(version) });
  }

  /** Only if the place exists, in this version, with nothing below it. */
  delete(place: string, version?: string): this {
    return this.#add({ kind: "delete", place: placeOf(place), version: versionOf(version) });
  }

  /**
   * Only while this handle's lock, permits, leadership or locks are held, as the servers see it. After a loss nothing is written,
   * however late this process learns of it. Throws when the handle is not held now.
   */
  guard(held: Handle): this {
    held.assertHeld();
    const all = "all" in held && held.all instanceof Map ? [...held.all.values()] : [held];
    for (const each of all) {
      if (!(each instanceof GrantHandle)) throw rejected("guard: this is nothing that is held by a recipe");
      this.#add({ kind: "guard", what: each.name, contender: each.contender });
    }
    this.#guards.push(held);
    return this;
  }

  /**
   * Carries out all steps, or none; returns each step's result. Fails with a `TransactionError` that says which step could not be
   * done and why, with the reason of a guard's loss, and otherwise as other writes do: where the `outcome` is "unknown", all
   * steps may have been done.
   */
  async commit(options: WaitOptions = {}): Promise<readonly StepResult[]> {
    using scope = new WaitScope(this.#engine.runtime, WHAT, options, "was not committed");
    if (scope.end !== null) throw scope.end;
    if (this.#steps.length === 0) throw rejected("it has no steps");
    if (this.#isCommitted) throw rejected("it was committed before: begin another");
    for (const held of this.#guards) held.assertHeld();
    this.#isCommitted = true;
    return await this.#engine.transact(this.#steps, scope.limits(), this.#access);
  }

  #add(step: TransactionStep): this {
    if (this.#isCommitted) throw rejected("it was committed before: begin another");
    this.#steps.push(step);
    return this;
  }
}

function placeOf(place: string): string {
  checkName(WHAT, place);
  if (place.startsWith("/")) return place;
  throw rejected(`${JSON.stringify(place)} is no place: one begins with a slash, as "/app/row"`);
}

function dataOf(data: Uint8Array | string): Uint8Array {
  if (typeof data === "string") return bytesOf(data);
  if (data instanceof Uint8Array) return data;
  throw rejected(`data are bytes or text, not ${data === null ? "null" : typeof data}`);
}

function versionOf(version: string | undefined): string | null {
  if (version === undefined || typeof version === "string") return version ?? null;
  throw rejected(`a version is text, as a value's is read with it, not ${typeof version}`);
}

function rejected(why: string): CoordinationError {
  return new CoordinationError("rejected", "not-applied", `${WHAT}: ${why}`);
}
