// Outcomes that several models give.

export interface Done {
  readonly kind: "done";
}

/** A command was turned down, on every member alike. */
export interface Rejected<Code extends string> {
  readonly kind: "rejected";
  readonly code: Code;
}

export const DONE: Done = Object.freeze({ kind: "done" });

const REJECTED = new Map<string, Rejected<string>>();

/** One object a code: rejections are many where clients compete. */
export function rejected<Code extends string>(code: Code): Rejected<Code> {
  let outcome = REJECTED.get(code);
  if (outcome === undefined) {
    outcome = Object.freeze({ kind: "rejected", code });
    REJECTED.set(code, outcome);
  }
  return outcome as Rejected<Code>;
}
