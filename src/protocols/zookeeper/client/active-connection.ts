// The one connection that a client has at a time: the attempt with its time limit, then the heartbeat, and the search for a
// quorum where the server has none.

import { assert } from "../../../base/assert.ts";
import type { Call } from "./call.ts";
import { Connection, type ConnectionOptions, type ConnectionOwner } from "./connection.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { ClientPorts, Target } from "./ports.ts";
import { QuorumFinder } from "./quorum-finder.ts";
import type { ConnectRequest } from "./records.ts";
import { nothing } from "./request.ts";
import { nameOf, type Server } from "./server-selector.ts";
import type { ManagedSession } from "./session.ts";
import type { StallDetector } from "./stall-detector.ts";

interface ActiveConnectionOptions extends ConnectionOptions {
  readonly servers: readonly Server[];
}

/** Invariants: at most one connection; a heartbeat and a search for a quorum only while that one takes requests. */
export class ActiveConnection {
  readonly #options: ActiveConnectionOptions;
  readonly #ports: ClientPorts;
  readonly #owner: ConnectionOwner;
  readonly #stallDetector: StallDetector;
  readonly #quorumFinder: QuorumFinder;
  /** Where the search found a quorum. */
  #found: Target | null = null;
  /** The connection that is open, or being tried. */
  #connection: Connection | null = null;
  #isReady = false;
  #stopAttemptTimer: () => void = nothing;
  #heartbeat: Heartbeat | null = null;

  constructor(
    options: ActiveConnectionOptions,
    ports: ClientPorts,
    owner: ConnectionOwner,
    stallDetector: StallDetector,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#owner = owner;
    this.#stallDetector = stallDetector;
    this.#quorumFinder = new QuorumFinder(options.servers, ports, (target) => this.#onQuorum(target));
  }

  get current(): Connection | null {
    return this.#connection;
  }

  /** The connection, once it takes requests; null before that. */
  get ready(): Connection | null {
    return this.#isReady ? this.#connection : null;
  }

  /** Tries this target, which must give a session within `milliseconds`. */
  open(target: Target, request: ConnectRequest, milliseconds: number): void {
    assert(this.#connection === null, "one connection at a time");
    this.#stopAttemptTimer();
    const connection = new Connection(target, request, this.#owner, this.#ports, this.#options);
    this.#connection = connection;
    this.#stopAttemptTimer = this.#ports.clock.after(milliseconds, () => {
      connection.end(`did not give a session within ${Math.round(milliseconds)} ms`);
    });
  }

  becomeReady(): void {
    assert(this.#connection !== null && !this.#isReady, "a connection becomes ready once");
    this.#stopAttemptTimer();
    this.#isReady = true;
  }

  keepAlive(connection: Connection, session: ManagedSession): void {
    this.#heartbeat = new Heartbeat(connection, session.timeoutMs, this.#ports.clock, this.#stallDetector);
    if (session.isReadOnly) this.#quorumFinder.start();
  }

  /** Cuts the connection. Returns the calls without an answer; `done` is called when nothing of it is left. */
  drop(done: () => void = nothing): Call[] {
    const connection = this.#connection;
    this.#connection = null;
    this.#isReady = false;
    this.#stopAttemptTimer();
    this.#heartbeat?.stop();
    this.#heartbeat = null;
    this.#quorumFinder.stop();
    return connection === null ? [] : connection.destroy(done);
  }

  /** The target with a quorum that ended the last connection; returned once. */
  takeFound(): Target | null {
    const found = this.#found;
    this.#found = null;
    return found;
  }

  #onQuorum(target: Target): void {
    this.#found = target;
    this.#connection?.end(`has no quorum, and ${nameOf(target)} has`);
  }
}
