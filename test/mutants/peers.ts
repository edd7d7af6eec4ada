// Rules of the connections between members.

import type { Mutant } from "./mutant.ts";

const OTHER_NETWORK = "its network carries frames, not bytes";

export const PEERS: readonly Mutant[] = [
  {
    name: "a-member-of-another-ensemble-is-welcome",
    rule: "A caller of another ensemble is closed.",
    file: "src/adapters/peers/peers.ts",
    find: "return cluster !== 0 && this.#cluster !== 0 && cluster !== this.#cluster;",
    replace: "return false;",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "a-member-of-another-version-is-welcome",
    rule: "A caller with no version in common is closed.",
    pitfall: 36,
    file: "src/adapters/peers/peers.ts",
    find: `if (hello.versionOldest > WIRE_VERSION || hello.version < WIRE_VERSION_OLDEST) return "version";`,
    replace: "",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "a-peer-that-fell-silent-is-never-given-up",
    rule: "A connection on which nothing is heard is given up.",
    pitfall: 11,
    file: "src/adapters/peers/peers.ts",
    find: "if (now - wire.heardAt > SILENCE_MS) wire.close(",
    replace: "if (now < wire.heardAt) wire.close(",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "a-peer-that-takes-nothing-fills-the-memory",
    rule: "A peer that takes nothing is dropped when too much waits for it.",
    pitfall: 30,
    file: "src/adapters/peers/wire.ts",
    find: "if (this.socket.writableLength + bytes > UNSENT_BYTES_MAX) {",
    replace: "if (this.socket.writableLength + bytes < 0) {",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "an-announced-length-is-believed",
    rule: "A frame beyond the limit is refused before a byte of it is waited for.",
    pitfall: 29,
    file: "src/adapters/peers/frames.ts",
    find: "if (length > bytesMax)",
    replace: "if (length > bytesMax * 2 ** 32)",
    caughtBy: ["peers/bytes"],
    simulator: OTHER_NETWORK,
  },
];
