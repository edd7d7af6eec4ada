// The facts of this member that its doors may tell operators.

import { descriptorLimit, openDescriptors } from "../management/process-metrics.ts";
import type { AboutMember, StorageFacts } from "../protocols/about-member.ts";
import type { OpenedStorage } from "../replica/ports.ts";
import type { Replica } from "../replica/replica.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

export function aboutMember(configuration: ServerConfiguration, replica: Replica, storage: OpenedStorage): AboutMember {
  return {
    configuration,
    storage: storageFacts(replica, storage),
    descriptors: { open: openDescriptors, limit: descriptorLimit },
  };
}

function storageFacts(replica: Replica, { log, snapshots }: OpenedStorage): StorageFacts {
  return {
    get snapshotBytes() {
      return snapshots.size;
    },
    get logBytes() {
      return log.size;
    },
    get lastSnapshot() {
      const last = replica.lastSnapshot;
      return last === null ? null : { sequence: last.zxid, time: last.time };
    },
    takeSnapshot: async () => {
      const { index, sequence } = await replica.takeSnapshotNow();
      const size = snapshots.sizeOf(index) ?? 0;
      return { sequence, size, chunks: heldStream(replica, snapshots, index) };
    },
    syncDurations: log.syncDurations,
  };
}

/** The snapshot stays on the disk from the first chunk that is asked for until the last, or until nobody asks for more. */
async function* heldStream(
  replica: Replica,
  snapshots: OpenedStorage["snapshots"],
  index: number,
): AsyncIterable<Uint8Array> {
  const release = replica.holdSnapshot(index);
  try {
    yield* snapshots.stream(index);
  } finally {
    release();
  }
}
