// The lanes of the tests: which files run together, how many at a time, and how long they may take. Each test file belongs to exactly
// one lane, the one with the longest matching place; `test/lanes.test.ts` checks it.

import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const TREE = join(dirname(fileURLToPath(import.meta.url)), "..");

export interface Lane {
  readonly name: string;
  /** What it tests, in a few words. */
  readonly about: string;
  /** `quick`: in `npm test`. `all`: in `npm run test:all` and CI as well. `asked`: only when it is named. */
  readonly when: "quick" | "all" | "asked";
  /** Folders of `test/`, and files in them without `.test.ts`. The longest match counts. */
  readonly places: readonly string[];
  /** Those among them that take longest: they begin first, so that no core is idle at the end. */
  readonly first?: readonly string[];
  /** Whether its files run one at a time, because they measure time or start processes that do. The others run one on each core. */
  readonly isAlone: boolean;
  /** After this time a file has failed, and is ended. */
  readonly fileMinutes: number;
  /** After this time the lane has failed, and is ended. */
  readonly minutes: number;
  /** Instead of test files: a program of `scripts/` with its arguments. */
  readonly script?: readonly string[];
  /** It draws new inputs at each run: what it finds may be older than the change. CI reports that, and does not count it. */
  readonly drawsInputs?: boolean;
  /** Environment variables of its processes, unless the user has set them. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** In the order in which they run. */
export const LANES: readonly Lane[] = [
  {
    name: "pure",
    about:
      "what needs no socket and no clock: consensus, state, replica, recipes on virtual time, configuration, formats",
    when: "quick",
    places: [
      "api",
      "architecture",
      "base",
      "checkers",
      "consensus",
      "docs",
      "file-sizes",
      "formats",
      "lanes",
      "limits",
      "management",
      "mutants",
      "pitfalls",
      "recipes",
      "replica",
      "server/configuration",
      "sim",
      "state",
      "transport",
    ],
    first: ["recipes/virtual", "consensus/raft/simulation"],
    isAlone: false,
    fileMinutes: 5,
    minutes: 20,
  },
  {
    name: "doors",
    about: "the protocols: golden bytes, sessions, watches, limits, admin commands, and the client",
    when: "quick",
    places: ["doors", "protocols"],
    first: ["protocols/zookeeper/watches", "protocols/zookeeper/bad-input"],
    isAlone: false,
    fileMinutes: 5,
    minutes: 20,
  },
  {
    name: "cluster",
    about: "three real members under load, whose leader is killed three times",
    when: "quick",
    places: ["failover/leader-loss"],
    isAlone: true,
    fileMinutes: 10,
    minutes: 15,
    environment: { CABILDO_KILLS: "3" },
  },
  {
    name: "seeds",
    about: "the simulator plays fresh seeds for 20 seconds",
    when: "quick",
    places: [],
    isAlone: true,
    fileMinutes: 2,
    minutes: 2,
    drawsInputs: true,
    script: ["scripts/sim.ts", "--minutes", String(20 / 60), "--jobs", String(availableParallelism())],
  },
  {
    name: "long",
    about: "pure tests that take long: many seeds, large inputs",
    when: "all",
    places: [
      "protocols/zookeeper-admin/admin-connections",
      "protocols/zookeeper-client/faults",
      "recipes/nothing-left",
      "recipes/slow-network",
      "recipes/swarm",
      "replica/founding",
      "replica/snapshot-transfers",
      "runner",
      "sim/simulation",
      "state/hostile-text",
    ],
    first: ["recipes/swarm", "state/hostile-text"],
    isAlone: false,
    fileMinutes: 5,
    minutes: 15,
  },
  {
    name: "real-time",
    about: "the client and the recipes on real members; they wait more than they compute",
    when: "all",
    places: [
      "engines",
      "protocols/zookeeper-client/ensemble",
      "recipes/access-credentials",
      "recipes/cluster",
      "recipes/embedded",
      "recipes/leftovers",
      "testing",
    ],
    first: ["recipes/embedded", "recipes/cluster"],
    isAlone: false,
    fileMinutes: 10,
    minutes: 20,
  },
  {
    name: "adapters",
    about: "storage on real files, connections between members",
    when: "all",
    places: ["adapters"],
    isAlone: true,
    fileMinutes: 5,
    minutes: 15,
  },
  {
    name: "members",
    about: "members as processes: restarts, growing, TLS, full disks; the commands; the examples; the quick start",
    when: "all",
    places: ["cli", "docs/quickstart", "doors/echo-server", "examples", "server"],
    isAlone: true,
    fileMinutes: 5,
    minutes: 20,
  },
  {
    name: "upgrade",
    about:
      "members of the previous build and of this tree's in one ensemble; builds the previous one from the repository's history",
    when: "all",
    places: ["upgrade"],
    isAlone: true,
    fileMinutes: 5,
    minutes: 10,
  },
  {
    name: "failover",
    about: "a leader that stands still, and the judges of the failover tests",
    when: "all",
    places: ["failover"],
    isAlone: true,
    fileMinutes: 10,
    minutes: 15,
  },
  {
    name: "bad-input",
    about: "hostile clients and peers of real members",
    when: "all",
    places: ["bad-input"],
    isAlone: true,
    fileMinutes: 8,
    minutes: 25,
  },
  {
    name: "crash",
    about: "the crash lab, each attack for a short time: kills, power loss, damage, disk errors",
    when: "all",
    places: ["crash"],
    isAlone: true,
    fileMinutes: 10,
    minutes: 30,
  },
  {
    name: "package",
    about:
      "the packed package under test runners, bundlers, compilers and releases of Node; installs them from the registry",
    when: "all",
    places: ["package"],
    isAlone: true,
    fileMinutes: 15,
    minutes: 15,
  },
  {
    name: "deploy",
    about:
      "the files of deploy/: the image's commands, manifests, the unit, alerts; needs the registry, systemd-analyze and Prometheus, or skips",
    when: "all",
    places: ["deploy"],
    isAlone: true,
    fileMinutes: 8,
    minutes: 12,
  },
  {
    name: "node-22",
    about: "the pure lane on Node 22",
    when: "all",
    places: [],
    isAlone: true,
    fileMinutes: 20,
    minutes: 20,
    script: ["scripts/node.ts", "22", "--lane", "pure"],
  },
  {
    name: "node-24",
    about: "the pure lane on Node 24",
    when: "all",
    places: [],
    isAlone: true,
    fileMinutes: 20,
    minutes: 20,
    script: ["scripts/node.ts", "24", "--lane", "pure"],
  },
  {
    name: "more-seeds",
    about: "the simulator plays fresh seeds for two minutes",
    when: "all",
    places: [],
    isAlone: true,
    fileMinutes: 5,
    minutes: 5,
    drawsInputs: true,
    script: ["scripts/sim.ts", "--minutes", "2", "--jobs", String(availableParallelism())],
  },
  {
    name: "interop",
    about: "clients of other languages; needs Java, Maven, Python, Go and a C compiler",
    when: "all",
    places: ["interop"],
    isAlone: true,
    fileMinutes: 20,
    minutes: 40,
  },
  {
    name: "suites",
    about: "the foreign clients' own test suites, installed from their registries",
    when: "asked",
    places: ["suites"],
    isAlone: true,
    fileMinutes: 60,
    minutes: 240,
  },
];

export function concurrencyOf(lane: Lane): number {
  return lane.isAlone ? 1 : availableParallelism();
}

/** Every test file of the tree, as `test/…`, in order. */
export function testFiles(): readonly string[] {
  return filesBelow(join(TREE, "test")).sort();
}

/** The lane of a file given as `test/…`; null for a file in no lane. */
export function laneOf(file: string): Lane | null {
  let found: Lane | null = null;
  let longest = -1;
  for (const lane of LANES) {
    for (const place of lane.places) {
      if (place.length > longest && isWithin(file, place)) {
        found = lane;
        longest = place.length;
      }
    }
  }
  return found;
}

/** The lane's files in the order in which they begin. */
export function inOrder(lane: Lane, files: readonly string[]): readonly string[] {
  const { first = [] } = lane;
  const isFirst = (file: string) => first.some((place) => isWithin(file, place));
  return [...files.filter(isFirst), ...files.filter((file) => !isFirst(file))];
}

export function isWithin(file: string, place: string): boolean {
  return file === `test/${place}.test.ts` || file.startsWith(`test/${place}/`);
}

/** The test files at a path given by the user, relative to the working directory: one file, or all below a folder. */
export function filesAt(path: string): readonly string[] {
  if (statSync(path).isDirectory()) return filesBelow(path).sort();
  return [fromTree(path)];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => fromTree(join(folder, name)));
}

/** A path as it is from the top of the tree, with slashes. */
function fromTree(path: string): string {
  return relative(TREE, resolve(path)).replaceAll("\\", "/");
}
