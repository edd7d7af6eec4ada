// What the planted bugs are hunted with: single files of tests, and the simulator of whole ensembles.

export interface Suite {
  /** What node is to run, in the tree that holds the bug. */
  readonly command: readonly string[];
  /** Well above what it takes on a busy machine: a suite that hangs has noticed something too. */
  readonly deadlineMs: number;
  readonly find: (output: string) => Finding;
  /** Where it stood when its time was over. */
  readonly findLate: (output: string) => string;
}

/** What a suite that failed had to say. */
export interface Finding {
  /** The title of the test that failed, or the simulator's invariant. */
  readonly by: string;
  /** How many seeds it took, where there are any. */
  readonly seeds: number | null;
}

const FILES = {
  "raft/alone": "test/consensus/raft/alone.test.ts",
  "raft/configuration": "test/consensus/raft/configuration.test.ts",
  "raft/invariants": "test/consensus/raft/invariants.test.ts",
  "raft/log": "test/consensus/raft/log.test.ts",
  "raft/paper": ["test/consensus/raft/paper.test.ts", "test/consensus/raft/paper-members-and-snapshots.test.ts"],
  "raft/pitfalls": "test/consensus/raft/pitfalls.test.ts",
  "raft/rules": "test/consensus/raft/rules.test.ts",
  "raft/scripts": "test/consensus/raft/scripts.test.ts",
  "raft/simulation": "test/consensus/raft/simulation.test.ts",
  "formats/peer-messages": "test/formats/peer-messages.test.ts",
  "formats/state": "test/formats/state.test.ts",
  "replica/feature-level": "test/replica/feature-level.test.ts",
  "replica/founding": "test/replica/founding.test.ts",
  "recipes/queue-nodes": "test/recipes/queue-nodes.test.ts",
  "recipes/removed-nodes": "test/recipes/removed-nodes.test.ts",
  "recipes/swarm": "test/recipes/swarm.test.ts",
  "recipes/virtual": "test/recipes/virtual.test.ts",
  "replica/lease-questions": "test/replica/lease-questions.test.ts",
  "replica/lease-time": "test/replica/lease-time.test.ts",
  "replica/expiry-queue": "test/replica/expiry-queue.test.ts",
  "replica/log-growth": "test/replica/log-growth.test.ts",
  "replica/membership": "test/replica/membership.test.ts",
  "replica/membership-changes": "test/replica/membership-changes.test.ts",
  "replica/outstanding-batches": "test/replica/outstanding-batches.test.ts",
  "replica/proposal-queue": "test/replica/proposal-queue.test.ts",
  "replica/read-barriers": "test/replica/read-barriers.test.ts",
  "replica/reads": "test/replica/reads.test.ts",
  "replica/rounds": "test/replica/rounds.test.ts",
  "replica/rules": "test/replica/rules.test.ts",
  "replica/scenarios": "test/replica/scenarios.test.ts",
  "replica/sending-again": "test/replica/sending-again.test.ts",
  "replica/session-time": "test/replica/session-time.test.ts",
  "replica/snapshot-transfers": "test/replica/snapshot-transfers.test.ts",
  "replica/snapshots": "test/replica/snapshots.test.ts",
  "server/embedding": "test/server/embedding/member.test.ts",
  "server/settings-object": "test/server/configuration/settings-object.test.ts",
  "server/signals": "test/server/embedding/signals.test.ts",
  "testing/cluster": "test/testing/cluster.test.ts",
  "testing/open-resources": "test/testing/open-resources.test.ts",
  "testing/virtual-cluster": "test/testing/virtual-cluster.test.ts",
  "state/machine": "test/state/machine.test.ts",
  "state/membership": "test/state/membership.test.ts",
  "state/model": "test/state/model.test.ts",
  "state/quotas": "test/state/quotas.test.ts",
  "state/reconfiguration": "test/state/reconfiguration.test.ts",
  "state/refounding": "test/state/refounding.test.ts",
  "state/seam": "test/state/seam.test.ts",
  "state/snapshot": "test/state/snapshot.test.ts",
  "state/tree": ["test/state/tree.test.ts", "test/state/tree-events.test.ts", "test/state/tree-multi.test.ts"],
  "storage/crash": "test/adapters/storage-crash.test.ts",
  "storage/damage": "test/adapters/storage-damage.test.ts",
  "storage/full-disk": "test/adapters/storage-full-disk.test.ts",
  "storage/files": "test/adapters/storage-files.test.ts",
  "storage/log": "test/adapters/storage-log.test.ts",
  "storage/snapshots": "test/adapters/storage-snapshots.test.ts",
  "peers/bytes": "test/adapters/peers-bytes.test.ts",
  "peers/channels": "test/adapters/peers-channels.test.ts",
  peers: "test/adapters/peers.test.ts",
  "transport/frames": "test/transport/frame-reader.test.ts",
  "zookeeper-client/watches": "test/protocols/zookeeper-client/watches.test.ts",
  "zookeeper/handshake": "test/protocols/zookeeper/handshake.test.ts",
  "zookeeper/order": "test/protocols/zookeeper/order.test.ts",
  "zookeeper/pressure": "test/protocols/zookeeper/pressure.test.ts",
  "zookeeper/watches": "test/protocols/zookeeper/watches.test.ts",
  architecture: "test/architecture.test.ts",
} as const;

export type SuiteName = keyof typeof FILES;

const TESTS_DEADLINE_MS = 240_000;
const HISTORY_DEADLINE_MS = 60_000;

export function suite(name: SuiteName): Suite {
  return {
    command: ["--import", "tsx", "--test", "--test-reporter=tap", ...[FILES[name]].flat()],
    deadlineMs: TESTS_DEADLINE_MS,
    find: (output) => ({
      by: nameIn(LAW_OF_A_SEED.exec(output)) ?? nameIn(FAILED.exec(output)) ?? "it ended without a word",
      seeds: numberIn(SEED.exec(output)),
    }),
    findLate: (output) => `it hangs after "${nameIn([...output.matchAll(PASSED)].at(-1) ?? null) ?? "nothing"}"`,
  };
}

const PASSED = /^\s*ok \d+ - (.*)$/gm;
const FAILED = /^\s*not ok \d+ - (.*)$/m;
/** How Raft's own simulation says which promise was broken, and in which seed. */
const LAW_OF_A_SEED = /\bseed \d+, at \d+: (?:\w+: )?(.*)$/m;
const SEED = /\bseed (\d+), at \d+/;

/** Histories of whole ensembles, from seed 1 on, up to the first that breaks an invariant, for so long. */
export function simulator(seeds: number, minutes: number): Suite {
  const limits = ["--seeds", String(seeds), "--minutes", String(minutes)];
  return {
    command: ["--import", "tsx", "scripts/sim.ts", "--from", "1", "--stop", ...limits],
    deadlineMs: minutes * 60_000 + HISTORY_DEADLINE_MS,
    find: (output) => ({
      by: nameIn(/^violation: ([^:]*)/m.exec(output)) ?? "it ended without a word",
      seeds: numberIn(/^seed (\d+)/m.exec(output)),
    }),
    findLate: () => "a history does not end",
  };
}

function nameIn(match: RegExpMatchArray | null): string | null {
  return match?.[1]?.replaceAll("\\", "") ?? null;
}

function numberIn(match: RegExpExecArray | null): number | null {
  return match === null ? null : Number(match[1]);
}
