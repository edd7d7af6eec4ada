// An operator with a client of their own who removes nodes that recipes rely on, and ends sessions.

import { parseConnectString, ZooKeeperClient } from "../../protocols/zookeeper/client/index.ts";
import type { VirtualPorts } from "../virtual-ports.ts";
import type { SimulatedProgram } from "./program.ts";
import type { StateHistory } from "./state-history.ts";

export class Operator {
  readonly #history: StateHistory;
  readonly #ports: VirtualPorts;
  readonly #servers: string;
  readonly #sessionTimeoutMs: number;
  readonly #client: ZooKeeperClient;
  /** What it has begun, and not ended. */
  pending = 0;

  constructor(history: StateHistory, ports: VirtualPorts, servers: string, sessionTimeoutMs: number) {
    this.#history = history;
    this.#ports = ports;
    this.#servers = servers;
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#client = new ZooKeeperClient(parseConnectString(servers), { sessionTimeoutMs }, ports);
  }

  remove(path: string): void {
    this.#history.noteRemoval(path);
    this.#begin(this.#client.delete(path));
  }

  /** Attaches to it by its password, and closes it; unless its owner is faster. */
  endSessionOf({ client }: SimulatedProgram): void {
    const { session } = client;
    if (session === null) return;
    this.#history.noteEndedSession(session.id);
    const options = { resume: session, sessionTimeoutMs: this.#sessionTimeoutMs, onLoss: "stop" } as const;
    const other = new ZooKeeperClient(parseConnectString(this.#servers), options, this.#ports);
    const attached = other.connected({ timeoutMs: this.#sessionTimeoutMs }).catch(() => {});
    this.#begin(attached.then(() => other.close()));
  }

  #begin(work: Promise<unknown>): void {
    this.pending += 1;
    const end = () => {
      this.pending -= 1;
    };
    work.then(end, end); // it may be gone, or the servers away
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
