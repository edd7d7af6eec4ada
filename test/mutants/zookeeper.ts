// Rules of the protocol that clients speak: order, sessions, watches.

import type { Mutant } from "./mutant.ts";

export const ZOOKEEPER: readonly Mutant[] = [
  // ---------------------------------------------------------------------------------------------------------- order
  {
    name: "a-read-does-not-see-its-sessions-write",
    rule: "A read waits for the writes of its own session before it.",
    file: "src/protocols/zookeeper/request-pipeline.ts",
    find: "if (this.#queue.head === null) {",
    replace: "if (this.#queue.count >= 0) {",
    caughtBy: ["zookeeper/order"],
    simulator: true,
  },
  {
    name: "a-reply-overtakes-the-one-before-it",
    rule: "Replies are sent in the order of their requests.",
    file: "src/protocols/zookeeper/request-pipeline.ts",
    find: "if (this.#queue.head === request) this.advance();",
    replace:
      "this.#flow.output.writer.raw(request.held);\n    request.held = new Uint8Array(0);\n    if (this.#queue.head === request) this.advance();",
    caughtBy: ["zookeeper/order"],
    simulator: "its clients send nothing that is answered with an error at once",
  },
  {
    name: "a-sync-asks-nobody",
    rule: "A sync is answered only when a read would see everything acknowledged before it.",
    pitfall: 6,
    file: "src/protocols/zookeeper/request-pipeline.ts",
    find: `    connection.member.readBarrier(
      (error) => this.#onBarrierPassed(request, operation, error),
      renews ? connection.sessionId : null,
    );`,
    replace: "    this.#onBarrierPassed(request, operation, null);",
    caughtBy: ["zookeeper/order"],
    simulator: true,
  },
  {
    name: "what-nobody-can-know-is-told-as-done",
    rule: "A write whose outcome is unknown gets no answer: its connection is closed.",
    pitfall: 27,
    file: "src/protocols/zookeeper/request-pipeline.ts",
    find: `if (code === null || error.outcome !== "not-applied") {
      this.#dropWith(request, error.message);
      return;
    }`,
    replace: "",
    caughtBy: ["zookeeper/order"],
    simulator: "whenever that happens there, the connection ends for another reason too",
  },
  {
    name: "a-client-goes-back-in-time",
    rule: "A client that has seen a later state than this member's is refused.",
    pitfall: 37,
    file: "src/protocols/zookeeper/handshake.ts",
    find: "if (lastZxidSeen > member.machine.sequence) {",
    replace: "if (lastZxidSeen < 0) {",
    caughtBy: ["zookeeper/handshake"],
    simulator:
      "attaching a session goes through the log, so the state is late enough; it matters only without a quorum",
  },

  // ------------------------------------------------------------------------------------------------------- sessions
  {
    name: "a-client-that-is-heard-is-not-renewed",
    rule: "Every request of a client renews its session.",
    file: "src/protocols/zookeeper/session.ts",
    find: "if (!this.isLocal) member.renew(this.id);",
    replace: "",
    caughtBy: ["zookeeper/handshake"],
    simulator: true,
  },
  {
    name: "a-moved-session-keeps-its-old-connection",
    rule: "The old connection of a session that moved to another member is closed.",
    file: "src/protocols/zookeeper/service.ts",
    find: `this.#bySession.get(id)?.drop("its session was attached again");`,
    replace: "",
    caughtBy: ["zookeeper/handshake"],
    simulator: "its clients leave a connection before they come back on another",
  },
  {
    name: "an-expired-session-keeps-its-connection",
    rule: "The connection of a session that has ended is closed.",
    file: "src/protocols/zookeeper/connection.ts",
    find: "if (!this.#pipeline.isClosing) this.end();",
    replace: "",
    caughtBy: ["zookeeper/handshake"],
    simulator: true,
  },
  {
    name: "clients-stay-when-the-state-is-replaced",
    rule: "When a leader's snapshot replaces the state, clients are disconnected, so that their watches are compared.",
    file: "src/protocols/zookeeper/service.ts",
    find: `this.#closeAll("the state was replaced by a leader's");`,
    replace: "",
    caughtBy: ["zookeeper/handshake"],
    simulator: true,
  },

  // -------------------------------------------------------------------------------------------------------- watches
  {
    name: "a-watch-is-told-after-the-reply",
    rule: "A notification is sent before any reply that shows the change.",
    file: "src/protocols/zookeeper/service.ts",
    find: "this.watches.onNode(event, path, revision, acl);",
    replace: "this.options.clock.defer(() => this.watches.onNode(event, path, revision, acl));",
    caughtBy: ["zookeeper/order"],
    simulator: true,
  },
  {
    name: "a-watch-for-once-is-told-again",
    rule: "A one-shot watch is told once.",
    file: "src/protocols/zookeeper/watches.ts",
    find: "if ((modes & WATCH.once) !== 0) this.#keep(path, watcher, paths, modes, modes & ~WATCH.once);",
    replace: "",
    caughtBy: ["zookeeper/watches"],
    simulator: true,
  },
  {
    name: "setting-watches-again-forgets-them",
    rule: "A client that reconnects keeps the watches whose nodes have not changed.",
    file: "src/protocols/zookeeper/operations/watching.ts",
    find: `tell(client, EVENT_TYPE["data-changed"], path);
    else watches.data.add(path, client, WATCH.once);`,
    replace: `tell(client, EVENT_TYPE["data-changed"], path);`,
    caughtBy: ["zookeeper/watches"],
    simulator: true,
  },
  {
    name: "setting-watches-again-does-not-compare",
    rule: "A client that reconnects is told of the watched nodes that have changed.",
    file: "src/protocols/zookeeper/operations/watching.ts",
    find: `else if (node.mzxid > relativeZxid && client.mayRead(node.acl)) tell(client, EVENT_TYPE["data-changed"], path);`,
    replace: "",
    caughtBy: ["zookeeper/watches"],
    simulator: true,
  },
  {
    name: "children-that-changed-meanwhile-are-not-told",
    rule: "A client that reconnects is told of watched children that have changed.",
    file: "src/protocols/zookeeper/operations/watching.ts",
    find: `else if (node.pzxid > relativeZxid && client.mayRead(node.acl)) tell(client, EVENT_TYPE["children-changed"], path);`,
    replace: "",
    caughtBy: ["zookeeper/watches"],
    simulator: true,
  },
  {
    name: "who-may-not-read-a-node-hears-of-it",
    rule: "A watcher hears only of nodes that it may read.",
    file: "src/protocols/zookeeper/watches.ts",
    find: "if (!watcher.mayRead(this.#acl)) return;",
    replace: "",
    caughtBy: ["zookeeper/watches"],
    simulator: "its clients may read everything",
  },
  {
    name: "one-event-is-told-twice",
    rule: "A watcher hears each event once, however many of its watches match.",
    file: "src/protocols/zookeeper/watches.ts",
    find: "if (watcher.lastEvent === this.#event) return;",
    replace: "",
    caughtBy: ["zookeeper/watches"],
    simulator: true,
  },
  {
    name: "the-watches-of-a-closed-connection-stay",
    rule: "Watches end with their connection.",
    file: "src/protocols/zookeeper/connection.ts",
    find: "this.watches.removeWatcher(this);",
    replace: "",
    caughtBy: ["zookeeper/watches", "zookeeper/order"],
    simulator: "no client notices it: it only fills the memory",
  },
];
