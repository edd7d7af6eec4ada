// An outcome as a copy that stays unchanged, whatever happens to its node later.

import type { Stat, TreeOutcome } from "./types.ts";

/** For a result within a multi, whose node later operations may change. */
export function detached(outcome: TreeOutcome): TreeOutcome {
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
