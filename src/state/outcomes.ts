// Outcomes that every model gives.

import type { Outcome, Rejection, Stat } from "./types.ts";

export const DONE: Outcome = Object.freeze({ kind: "done" });

const REJECTED = new Map<Rejection, Outcome>();

/** One object a code: rejections are many where clients compete. */
export function rejected(code: Rejection): Outcome {
  let outcome = REJECTED.get(code);
  if (outcome === undefined) {
    outcome = Object.freeze({ kind: "rejected", code });
    REJECTED.set(code, outcome);
  }
  return outcome;
}

/** An outcome that stays as it is: for a result within a multi, whose node later operations may change. */
export function detached(outcome: Outcome): Outcome {
  if (outcome.kind === "created") return { kind: "created", path: outcome.path, stat: copyOf(outcome.stat) };
  if (outcome.kind === "updated") return { kind: "updated", stat: copyOf(outcome.stat) };
  return outcome;
}

function copyOf(stat: Stat): Stat {
  return {
    czxid: stat.czxid,
    mzxid: stat.mzxid,
    ctime: stat.ctime,
    mtime: stat.mtime,
    version: stat.version,
    cversion: stat.cversion,
    aversion: stat.aversion,
    ephemeralOwner: stat.ephemeralOwner,
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
    pzxid: stat.pzxid,
  };
}
