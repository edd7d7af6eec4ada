// The description of damage in a data directory: the place, and what the operator can do.

import { CoordinationError } from "../../base/errors.ts";

/** Bytes on disk are not what was written there. */
export class DamageError extends Error {
  override readonly name = "DamageError";
  readonly file: string;
  readonly offset: number;

  constructor(file: string, offset: number, what: string) {
    super(`${file}: at offset ${offset}: ${what}`);
    this.file = file;
    this.offset = offset;
  }
}

/** What stands in the directory is not this member's, or not this version's: nothing is touched. */
export function foreignError(file: string, offset: number, what: string, remedy: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", `${file}: at offset ${offset}: ${what}. ${remedy}`);
}

/** Damage that nobody else can make good. */
export function refusal(damage: DamageError): CoordinationError {
  const remedy =
    "This member is alone, so nobody else has what is missing, and it does not start: nothing was changed. " +
    "Restore its data directory from a backup; or, to give up what it held, move the directory away and start empty";
  return new CoordinationError("damaged", "not-applied", `${damage.message}. ${remedy}`, { cause: damage });
}
