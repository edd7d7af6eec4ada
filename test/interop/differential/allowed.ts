// Where ours may answer differently from the reference, each with its reason. A difference that is not listed here is a
// fault of ours; an entry that no longer matches anything is a fault of this list, and fails as well.

export interface AllowedDifference {
  /** The script in which it shows. */
  readonly script: RegExp;
  /** The line as the reference leaves it, and as ours does. */
  readonly reference: RegExp;
  readonly ours: RegExp;
  readonly reason: string;
}

export const allowedDifferences: readonly AllowedDifference[] = [];
