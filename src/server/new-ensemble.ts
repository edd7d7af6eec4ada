// The data directory of a new ensemble's first member, written from a state of another ensemble: of a backup, or of a member
// whose ensemble has lost its majority. The other members start with empty directories and take everything from this one.

import { randomBytes } from "node:crypto";
import type { HeldDirectories } from "../adapters/storage/directory-locks.ts";
import { directoryFormatOf, writeIdentity } from "../adapters/storage/identity.ts";
import { systemFiles } from "../adapters/storage/system-files.ts";
import { openStorage } from "../adapters/storage/system-storage.ts";
import { markFinished, markUnfinished } from "../adapters/storage/unfinished.ts";
import { assert } from "../base/assert.ts";
import { CoordinationError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { SnapshotMeta } from "../consensus/raft/types.ts";
import type { OpenedStorage, StorageEvents } from "../replica/ports.ts";
import type { Machine } from "../state/machine.ts";
import { refound, SEQUENCE_MAX } from "../state/refounding.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";
import { initialEnsemble } from "./initial-ensemble.ts";
import { requireEmptyDirectories, setDataAside, unmarkIfUntouched } from "./member-directories.ts";

const SLICE_BYTES = 128 * 1024;
const SNAPSHOTS_RETAINED = 3;

export interface FoundedEnsemble {
  readonly cluster: number;
  readonly sequence: number;
  readonly index: number;
  /** Sessions and other leases that ended. */
  readonly leasesEnded: number;
}

/** An observer never leads: the participants would begin an empty ensemble without it. */
function requireParticipant({ id, members }: ServerConfiguration): void {
  if (members.some((member) => member.id === id && member.role === "participant")) return;
  throw unusable(
    `member ${id} is an observer in its settings, and a new ensemble begins from a participant: nothing was changed. Do this on ` +
      "the machine of a participant, or list this member as one in the settings of all members",
  );
}

export interface FoundingPlan {
  readonly configuration: ServerConfiguration;
  /** The locks on both directories, which the caller took before it looked at what is there. */
  readonly held: HeldDirectories;
  /** What the directories hold is moved into one of this name below each; null: they must be empty. */
  readonly aside: string | null;
  /** The state, which this changes; at the term that its last entry has. */
  readonly machine: Machine;
  readonly term: number;
  /** By so much the new ensemble's sequence begins above the state's: at least what the old one can have applied since. */
  readonly sequenceGap: number;
  /** What to do where this was cut short, for people. */
  readonly remedy: string;
  readonly logger: Logger;
}

/** Writes the directories; they are whole and durable when it completes, and until then no member starts from them. */
export async function beginEnsemble(plan: FoundingPlan): Promise<FoundedEnsemble> {
  const { configuration, machine } = plan;
  requireParticipant(configuration);
  const sequence = machine.sequence + plan.sequenceGap;
  if (sequence > SEQUENCE_MAX) {
    throw unusable(
      `the sequence would begin at ${sequence}, beyond ${SEQUENCE_MAX}: choose a smaller gap by --sequence-gap, ` +
        "at least the number of commands that the old ensemble applied since",
    );
  }
  const { dataDir } = configuration;
  if (plan.aside === null) await requireEmptyDirectories(configuration);
  try {
    await markUnfinished(systemFiles, dataDir, plan.remedy);
    if (plan.aside !== null) await setDataAside(configuration, plan.aside);
    const founded = await writeEnsemble(plan, sequence);
    await markFinished(systemFiles, dataDir);
    return founded;
  } catch (error) {
    await unmarkIfUntouched(configuration, plan.aside);
    throw error;
  }
}

async function writeEnsemble(plan: FoundingPlan, sequence: number): Promise<FoundedEnsemble> {
  const { configuration, machine } = plan;
  const { dataDir } = configuration;
  const disk = new DiskTrouble();
  const storage = await openStorage({
    member: configuration.id,
    dataDirectory: dataDir,
    logDirectory: configuration.logDir,
    initialConfiguration: { cluster: 0, members: [], outgoing: [] },
    retainSnapshots: SNAPSHOTS_RETAINED,
    segmentBytes: configuration.storage.segmentBytes,
    alone: true,
    isRestoring: true,
    lock: plan.held.lock,
    log: plan.logger,
    events: disk,
  });
  try {
    const founded = await disk.unless(writeState(plan, storage, sequence));
    await storage.log.close();
    const owner = { member: configuration.id, incarnation: storage.incarnation };
    await writeIdentity(systemFiles, dataDir, { owner, format: directoryFormatOf(machine.level) });
    return founded;
  } finally {
    await storage.log.close();
  }
}

async function writeState(
  { configuration, machine, term: oldTerm }: FoundingPlan,
  storage: OpenedStorage,
  sequence: number,
): Promise<FoundedEnsemble> {
  assert(storage.recovered.lastIndex === 0, "a new ensemble over the log of another");
  const term = oldTerm + 1;
  const cluster = newCluster();
  const listed = initialEnsemble(configuration).members.find(({ id }) => id === configuration.id);
  const description = listed?.description ?? "";
  const self = { id: configuration.id, role: "voter", incarnation: storage.incarnation, description } as const;
  const leasesEnded = refound(machine, { sequence, term, members: [self] });
  const meta: SnapshotMeta = {
    index: machine.appliedIndex,
    term,
    configuration: { cluster, members: [self], outgoing: [] },
  };
  // The term is durable before the snapshot: what carries it never stands beside a lower one.
  await new Promise<void>((done) => {
    const hardState = { term, votedFor: null, commitIndex: 0 };
    storage.log.write({ truncateFrom: null, entries: [], hardState }, done);
  });
  await writeSnapshot(machine, storage, meta);
  await storage.log.restart(meta);
  return { cluster, sequence: machine.sequence, index: meta.index, leasesEnded };
}

async function writeSnapshot(machine: Machine, { snapshots }: OpenedStorage, meta: SnapshotMeta): Promise<void> {
  const view = machine.beginSnapshot();
  const writer = snapshots.create(meta);
  try {
    for (let slice = view.next(SLICE_BYTES); slice !== null; slice = view.next(SLICE_BYTES)) await writer.write(slice);
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    view.end();
  }
}

/** 52 random bits, never 0: 0 means "none". */
function newCluster(): number {
  const bytes = randomBytes(8);
  return (bytes.readUInt32BE(0) % 2 ** 20) * 2 ** 32 + bytes.readUInt32BE(4) + 1;
}

/** A member waits for room, and ends when its disk fails; a command tells both at once. */
class DiskTrouble implements StorageEvents {
  #fail: (error: Error) => void = () => {};
  readonly #failed = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor() {
    this.#failed.catch(() => {});
  }

  onFull(full: boolean): void {
    if (full) this.onFailure(new CoordinationError("no-space", "not-applied", "the disk has no room for the data"));
  }

  onFailure(error: Error): void {
    this.#fail(error);
  }

  unless<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failed]);
  }
}

function unusable(message: string): CoordinationError {
  return new CoordinationError("configuration", "not-applied", message);
}
