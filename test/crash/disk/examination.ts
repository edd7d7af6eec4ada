// Starts on a directory as a member alone does, with the real storage and the real state machine, and says what it holds.

import { openStorage } from "../../../src/adapters/storage/system-storage.ts";
import { decodeConfiguration } from "../../../src/consensus/raft/configuration.ts";
import type { Configuration, LogPosition } from "../../../src/consensus/raft/types.ts";
import type { OpenedStorage } from "../../../src/replica/ports.ts";
import { Leases } from "../../../src/state/leases/leases.ts";
import { Machine } from "../../../src/state/machine.ts";
import { coordinationModels } from "../../../src/state/models.ts";
import { TreeModel } from "../../../src/state/tree/model.ts";
import { descendants } from "../../../src/state/tree/tree.ts";
import type { View } from "./history.ts";
import { folder } from "./workload.ts";

const nobody: Configuration = {
  cluster: 0,
  members: [{ id: 1, role: "voter", incarnation: 0, description: "" }],
  outgoing: [],
};
const readBytes = 1024 * 1024;

export interface Remembered {
  readonly zxid: number;
  readonly view: View;
  hasSession(id: bigint): boolean;
}

export interface Place {
  readonly dataDirectory: string;
  readonly member: number;
  readonly segmentBytes: number;
}

/**
 * What a member alone holds: whatever is in its log is committed. Throws when the storage takes the directory for damaged.
 * Goes on in it afterwards as a member does, and closes it.
 */
export function remembered(place: Place): Promise<Remembered> {
  return opened(place, async (storage) => {
    const found = rememberedBy(await replayed(storage, Number.POSITIVE_INFINITY));
    const { lastIndex, hardState } = storage.recovered;
    const term = Math.max(hardState.term, lastOf(storage).term) + 1;
    const entry = { index: lastIndex + 1, term, kind: "noop", payload: new Uint8Array(0) } as const;
    const state = { term, votedFor: place.member, commitIndex: lastIndex };
    await new Promise<void>((resolve) =>
      storage.log.write({ truncateFrom: null, entries: [entry], hardState: state }, resolve),
    );
    return found;
  });
}

/** How far the log of a member of several reaches: who has the later one may lead, and then makes it everybody's. */
export function reach(place: Place): Promise<LogPosition> {
  return opened(place, async (storage) => lastOf(storage));
}

/** What a member holds by the change of this number, or by the end of its log if that comes first; all of it is applied. */
export function rememberedAt(place: Place, zxid: number): Promise<Remembered> {
  return opened(place, async (storage) => {
    const machine = await replayed(storage, zxid);
    const found = rememberedBy(machine);
    await replay(machine, storage, Number.POSITIVE_INFINITY);
    return found;
  });
}

/** Opens it as a member alone does, to which damage is the end; fails with what the disk fails with. */
async function opened<T>(place: Place, use: (storage: OpenedStorage) => Promise<T>): Promise<T> {
  let fail: (error: Error) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {}); // it may come when nobody waits any more
  const storage = await openStorage({
    ...place,
    initialConfiguration: nobody,
    retainSnapshots: 3,
    alone: true,
    events: { onFull() {}, onFailure: fail },
  });
  try {
    return await Promise.race([use(storage), failure]);
  } finally {
    await storage.log.close();
  }
}

function lastOf({ recovered }: OpenedStorage): LogPosition {
  return { index: recovered.lastIndex, term: recovered.termStarts.at(-1)?.term ?? recovered.snapshot.term };
}

function rememberedBy(machine: Machine): Remembered {
  const leases = new Set([...machine.model(Leases)].map(({ id }) => BigInt(id)));
  return { zxid: machine.sequence, view: viewOf(machine), hasSession: (id) => leases.has(id) };
}

async function replayed(storage: OpenedStorage, zxid: number): Promise<Machine> {
  const machine = new Machine(coordinationModels());
  const { snapshot } = storage.recovered;
  if (snapshot.index > 0) {
    const restorer = machine.restore();
    for await (const chunk of storage.snapshots.stream(snapshot.index)) restorer.push(chunk);
    restorer.finish();
  }
  await replay(machine, storage, zxid);
  return machine;
}

/** Applies the log until the change of this number is in. */
async function replay(machine: Machine, storage: OpenedStorage, zxid: number): Promise<void> {
  const { lastIndex } = storage.recovered;
  while (machine.appliedIndex < lastIndex && machine.sequence < zxid) {
    for (const entry of await storage.log.read(machine.appliedIndex + 1, lastIndex, readBytes)) {
      if (machine.sequence >= zxid) break;
      if (entry.kind === "commands") machine.apply(entry.index, entry.payload, null);
      else if (entry.kind === "noop") machine.applyNothing(entry.index);
      else {
        const { members, outgoing } = decodeConfiguration(entry.payload);
        machine.applyConfiguration(entry.index, members, outgoing.length > 0);
      }
    }
  }
}

function viewOf(machine: Machine): View {
  const { tree } = machine.model(TreeModel);
  const top = tree.node(folder);
  if (top === undefined) return new Map();
  return new Map(
    [top, ...descendants(top)].map(({ path, data, version, czxid, mzxid }) => [
      path,
      { data: data ?? "", version, czxid, mzxid },
    ]),
  );
}
