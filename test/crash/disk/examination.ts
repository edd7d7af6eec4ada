// Starts on a directory as a member alone does, with the real storage and the real state machine, and says what it holds.
import { openStorage } from "../../../src/adapters/storage/storage.ts";
import { decodeConfiguration } from "../../../src/consensus/raft/configuration.ts";
import type { Configuration } from "../../../src/consensus/raft/types.ts";
import type { OpenedStorage } from "../../../src/replica/ports.ts";
import { Machine } from "../../../src/state/machine.ts";
import { descendants } from "../../../src/state/tree/tree.ts";
import type { View } from "./history.ts";
import { folder } from "./workload.ts";

const nobody: Configuration = {
  cluster: 0,
  members: [{ id: 1, role: "voter", incarnation: 0, address: "" }],
  outgoing: [],
};
const deaf = { onNode() {}, onLeaseEnded() {}, onLeaseMoved() {}, onReconfigured() {} };
const readBytes = 1024 * 1024;

export interface Remembered {
  readonly zxid: number;
  readonly view: View;
  hasSession(id: bigint): boolean;
}

/** Throws when the storage takes the directory for damaged. Goes on in it afterwards as a member does, and closes it. */
export async function remembered(dataDirectory: string, segmentBytes: number): Promise<Remembered> {
  const failures: Error[] = [];
  const storage = await openStorage({
    dataDirectory,
    member: 1,
    initialConfiguration: nobody,
    retainSnapshots: 3,
    alone: true,
    segmentBytes,
    events: { onFull() {}, onFailure: (error) => failures.push(error) },
  });
  let found: Remembered;
  try {
    const machine = await replayed(storage);
    const { hardState, lastIndex, snapshot, termStarts } = storage.recovered;
    const term = Math.max(hardState.term, snapshot.term, termStarts.at(-1)?.term ?? 0) + 1;
    const entry = { index: lastIndex + 1, term, kind: "noop", payload: new Uint8Array(0) } as const;
    await new Promise<void>((resolve) =>
      storage.log.write(
        { truncateFrom: null, entries: [entry], hardState: { term, votedFor: 1, commitIndex: lastIndex } },
        resolve,
      ),
    );
    found = {
      zxid: machine.revision,
      view: viewOf(machine),
      hasSession: (id) => machine.lease(Number(id)) !== undefined,
    };
  } finally {
    await storage.log.close();
  }
  if (failures.length > 0) throw failures[0]!;
  return found;
}

/** Alone, whatever is in the log is committed. */
async function replayed(storage: OpenedStorage): Promise<Machine> {
  const machine = new Machine(deaf);
  const { snapshot, lastIndex } = storage.recovered;
  if (snapshot.index > 0) {
    const restorer = machine.restore();
    for await (const chunk of storage.snapshots.stream(snapshot.index)) restorer.push(chunk);
    restorer.finish();
  }
  while (machine.appliedIndex < lastIndex) {
    for (const entry of await storage.log.read(machine.appliedIndex + 1, lastIndex, readBytes)) {
      if (entry.kind === "commands") machine.apply(entry.index, entry.payload, null);
      else if (entry.kind === "noop") machine.applyNothing(entry.index);
      else {
        const { members, outgoing } = decodeConfiguration(entry.payload);
        machine.applyConfiguration(entry.index, members, outgoing.length > 0);
      }
    }
  }
  return machine;
}

function viewOf({ tree }: Machine): View {
  const top = tree.node(folder);
  if (top === undefined) return new Map();
  return new Map(
    [top, ...descendants(top)].map(({ path, data, version, czxid, mzxid }) => [
      path,
      { data: data ?? "", version, czxid, mzxid },
    ]),
  );
}
