// Rules of the connections between members.

import type { Mutant } from "./mutant.ts";

const OTHER_NETWORK = "its network carries frames, not bytes";

export const PEERS: readonly Mutant[] = [
  {
    name: "a-member-of-another-ensemble-is-welcome",
    rule: "A connection from a member of another ensemble is closed.",
    file: "src/adapters/peers/local-member.ts",
    find: "return cluster !== 0 && this.cluster !== 0 && cluster !== this.cluster;",
    replace: "return false;",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "a-member-of-another-version-is-welcome",
    rule: "A connection from a member without a common version is closed.",
    pitfall: 36,
    file: "src/adapters/peers/hello.ts",
    find: "return common >= versionOldest && common >= oldest ? common : null;",
    replace: "return common;",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "a-peer-that-fell-silent-is-never-given-up",
    rule: "A connection to a silent peer is closed.",
    pitfall: 11,
    file: "src/adapters/peers/peers.ts",
    find: "if (now - connection.heardAt > SILENCE_MS) connection.close(",
    replace: "if (now < connection.heardAt) connection.close(",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "a-peer-that-takes-nothing-fills-the-memory",
    rule: "A connection to a peer that reads nothing is closed when too much waits for it.",
    pitfall: 30,
    file: "src/adapters/peers/connection.ts",
    find: "if (this.socket.writableLength + bytes > UNSENT_BYTES_MAX) {",
    replace: "if (this.socket.writableLength + bytes < 0) {",
    caughtBy: ["peers"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "an-announced-length-is-believed",
    rule: "A frame beyond the limit is refused before its bytes are waited for.",
    pitfall: 29,
    file: "src/transport/frame-reader.ts",
    find: "return length >= this.#bytesMin && length <= this.bytesMax;",
    replace: "return length >= this.#bytesMin;",
    caughtBy: ["peers/bytes", "transport/frames"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "an-old-member-is-sent-channels",
    rule: "A member of wire version 2 is sent frames without a channel number.",
    file: "src/adapters/peers/framing.ts",
    find: "return wireVersion >= 3 ? WITH_CHANNEL : WITHOUT_CHANNEL;",
    replace: "return wireVersion >= 2 ? WITH_CHANNEL : WITHOUT_CHANNEL;",
    caughtBy: ["peers/channels"],
    simulator: OTHER_NETWORK,
  },
  {
    name: "a-stranger-is-heard-on-every-channel",
    rule: "Only known members may use other channels than the log's.",
    file: "src/adapters/peers/peers.ts",
    find: "else if (peer.isListed || !isStranger(connection)) this.#channels",
    replace: "else this.#channels",
    caughtBy: ["peers/channels"],
    simulator: OTHER_NETWORK,
  },
];
