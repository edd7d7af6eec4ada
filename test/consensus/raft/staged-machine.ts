// One machine on a stage: its core, its disk and its unfinished writes.

import type { Input, MemberId, Message, Raft, RaftOptions } from "../../../src/consensus/index.ts";
import type { Disk } from "./disk.ts";

export const OPTIONS: Omit<RaftOptions, "id" | "incarnation"> = {
  electionTicks: 10,
  heartbeatTicks: 3,
  appendBytesMax: 64,
  inflightBytesMax: 1024,
  inflightAppendsMax: 4,
  uncommittedBytesMax: 4096,
  tailBytesMax: 65536,
  thoroughChecks: true,
  snapshotChunkBytes: 8,
};

export interface Machine {
  raft: Raft;
  disk: Disk;
  writes: { sequence: number | null; write: () => void; input: Input | null }[];
  isUp: boolean;
  /** What it has applied, as text: its whole state. */
  state: string;
  appliedIndex: number;
  staged: number[];
}

export interface Letter {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly message: Message;
}
