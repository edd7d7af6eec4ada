// What a member does for its operators, by its replica and its storage: a backup, a transfer of leadership.

import { setTimeout as sleep } from "node:timers/promises";
import { backupStream } from "../adapters/backup/stream.ts";
import { CoordinationError } from "../base/errors.ts";
import { CABILDO_VERSION } from "../base/version.ts";
import type { MemberId } from "../consensus/raft/types.ts";
import type { Operations } from "../management/operator-pages.ts";
import type { OpenedStorage } from "../replica/ports.ts";
import type { Replica } from "../replica/replica.ts";
import type { MemberStatus } from "../replica/replica-port.ts";
import { changeMembers } from "./member-changes.ts";

const LOOK_AGAIN_MS = 20;
/** A leader gives a transfer up after an election timeout; by then another may be campaigning. */
const TRANSFER_TIMEOUTS = 2;

export interface OperationParts {
  readonly replica: Replica;
  readonly storage: OpenedStorage;
  readonly token: string;
  readonly isRemoteAllowed: boolean;
  readonly electionTimeoutMs: number;
}

export function operationsOf(parts: OperationParts): Operations {
  const { token, isRemoteAllowed } = parts;
  return {
    token,
    isRemoteAllowed,
    backup: () => backup(parts),
    changeMembers: (change) => changeMembers(parts.replica, change),
    transferLeadership: (to) => transferLeadership(parts, to),
  };
}

/** The state of this member once it has all that was acknowledged before the call. */
async function backup({ replica, storage: { snapshots } }: OperationParts) {
  await upToDate(replica);
  const { index, sequence } = await replica.takeSnapshotNow();
  const release = replica.holdSnapshot(index);
  const meta = snapshots.latest();
  const bytes = snapshots.sizeOf(index);
  if (meta?.index !== index || bytes === null) {
    release();
    const why = "a snapshot of the leader's took the place of this member's: try again";
    throw new CoordinationError("overloaded", "not-applied", why);
  }
  const { cluster } = meta.configuration;
  const { term } = meta;
  const from = { program: CABILDO_VERSION, takenAt: Date.now(), member: replica.id };
  const { size, chunks } = backupStream({ ...from, cluster, index, term, sequence, bytes }, snapshots.stream(index));
  return { size, chunks, close: release };
}

function upToDate(replica: Replica): Promise<void> {
  return new Promise((resolve, reject) => {
    replica.readBarrier((error) => {
      if (error === null) return resolve();
      const why = `${error.message}. A backup needs a quorum, so that it lacks nothing that was acknowledged`;
      reject(new CoordinationError(error.code, "not-applied", why, { cause: error }));
    });
  });
}

async function transferLeadership({ replica, electionTimeoutMs }: OperationParts, to: number | null) {
  const { role, leader } = replica.status;
  if (role !== "leader") {
    const who = leader === null ? "nobody leads" : `member ${leader} leads: ask that one`;
    throw new CoordinationError("rejected", "not-applied", `member ${replica.id} does not lead; ${who}`);
  }
  if (to === replica.id) return { leader: to };
  const successor = replica.transferLeadership(to);
  if (successor === null) {
    const who = to === null ? "no other voter is connected" : `member ${to} is no voter that is connected`;
    throw new CoordinationError("rejected", "not-applied", `${who}: \`cabildo status\` shows the members`);
  }
  const isDone = ({ role, leader }: Pick<MemberStatus, "role" | "leader">): boolean =>
    role !== "leader" && (to === null ? leader !== null && leader !== replica.id : leader === to);
  const deadline = performance.now() + TRANSFER_TIMEOUTS * electionTimeoutMs;
  while (!isDone(replica.status) && performance.now() < deadline) await sleep(LOOK_AGAIN_MS);
  const now = replica.status;
  if (isDone(now)) return { leader: now.leader! };
  throw notTransferred(replica, successor);
}

/** Why the successor does not lead at the deadline. */
function notTransferred({ id, status: { role, leader } }: Replica, successor: MemberId): CoordinationError {
  if (role === "leader") {
    const why = `member ${successor} did not take over in time, and member ${id} leads on: try again`;
    return new CoordinationError("deadline", "not-applied", why);
  }
  if (leader !== null && leader !== id) {
    const why = `member ${leader} leads now, and not member ${successor}: another election came first`;
    return new CoordinationError("rejected", "not-applied", why);
  }
  const why = "this member leads no more, and it has not heard yet who does: `cabildo status` tells";
  return new CoordinationError("deadline", "unknown", why);
}
