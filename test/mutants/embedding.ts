// Rules of members inside programs, of closing with the process, and of the clusters for tests.

import type { Mutant } from "./mutant.ts";

const OUTSIDE = "it is no part of an ensemble: the simulator opens members by itself";

export const EMBEDDING: readonly Mutant[] = [
  {
    name: "ready-before-the-ensemble-counts-it",
    rule: "A member is ready once the ensemble counts it.",
    file: "src/server/readiness.ts",
    find: `if (!this.#isNamed() || status.configuration.outgoing.length > 0) {`,
    replace: `if (this.#namedUpTo === -1) {`,
    caughtBy: ["server/embedding"],
    simulator: OUTSIDE,
  },
  {
    name: "a-member-closes-before-its-connections",
    rule: "A member that closes ends the sessions of its own process first.",
    file: "src/server/embedded-member.ts",
    find: "Promise.all([...this.#connections].map((each) => each.close()))",
    replace: "Promise.resolve()",
    caughtBy: ["server/embedding"],
    simulator: OUTSIDE,
  },
  {
    name: "an-embedded-member-opens-the-management-port",
    rule: "An embedded member opens no port that was not named.",
    file: "src/server/configuration/assemble.ts",
    find: `const isNamed = !isEmbedded ||`,
    replace: `const isNamed = isEmbedded ||`,
    caughtBy: ["server/settings-object"],
    simulator: OUTSIDE,
  },
  {
    name: "a-listener-for-once-is-not-counted",
    rule: "A program that listens to the signal itself is not ended.",
    file: "src/adapters/close-on-signals.ts",
    find: "process.prependListener(signal, onSignal);",
    replace: "process.on(signal, onSignal);",
    caughtBy: ["server/signals"],
    simulator: OUTSIDE,
  },
  {
    name: "what-was-closed-is-still-told-as-open",
    rule: "What was closed is struck off the list of what is open.",
    file: "src/adapters/open-resources.ts",
    find: "return () => void open.delete(opened);",
    replace: "return () => {};",
    caughtBy: ["testing/open-resources"],
    simulator: OUTSIDE,
  },
  {
    name: "virtual-time-passes-for-a-call-that-nobody-awaits",
    rule: "Virtual time passes only while a call of the cluster is awaited.",
    file: "src/testing/time-driver.ts",
    find: "    return tracked;\n",
    replace: "    tracked.onAwaited();\n    return tracked;\n",
    caughtBy: ["testing/virtual-cluster"],
    simulator: OUTSIDE,
  },
  {
    name: "a-killed-member-of-a-test-cluster-comes-back-blank",
    rule: "A member that is started again finds its data.",
    file: "src/testing/cluster.ts",
    find: "{ storage: { files, lock: async () => async () => {} } }",
    replace: "{ storage: { files: new MemoryFiles(), lock: async () => async () => {} } }",
    caughtBy: ["testing/cluster"],
    simulator: OUTSIDE,
  },
];
