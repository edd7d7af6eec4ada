// An election: a wait queue whose order and data everybody may see.

import type { Stat } from "../../protocols/zookeeper/client/index.ts";
import type {
  Candidate,
  CandidateView,
  EngineElection,
  EngineSession,
  ReadOptions,
  WatchedRead,
} from "../../recipes/engine.ts";
import type { NodeContext } from "./nodes.ts";
import { isRefusal, retry } from "./retry.ts";
import { showSessionId, type ZooKeeperSession } from "./session.ts";
import { isEphemeral, WaitQueueContender } from "./wait-queue.ts";
import { inQueueOrder, type WaitQueueKind } from "./wait-queue-names.ts";
import { watchedNodes } from "./watched-read.ts";

export class NodeElection implements EngineElection {
  readonly #context: NodeContext;
  readonly #path: string;
  /** `latch-` or `lock-`. */
  readonly #kind: string;
  readonly #sessionOf: (session: unknown) => ZooKeeperSession;

  constructor(context: NodeContext, path: string, kind: string, sessionOf: (session: unknown) => ZooKeeperSession) {
    this.#context = context;
    this.#path = path;
    this.#kind = kind;
    this.#sessionOf = sessionOf;
  }

  get #line(): WaitQueueKind {
    return this.#kind === "latch-" ? "latch" : "exclusive";
  }

  contend(session: EngineSession, data: Uint8Array): Candidate {
    const options = { path: this.#path, kind: this.#kind, data };
    return new NodeCandidate(this.#context, this.#sessionOf(session), options);
  }

  candidates(options: ReadOptions = {}): Promise<WatchedRead<readonly CandidateView[]>> {
    const inLine = (names: readonly string[]) => inQueueOrder(names, this.#line).map(({ name }) => name);
    const show = (_: string, data: Uint8Array, stat: Stat): CandidateView | null => {
      if (!isEphemeral(stat)) return null; // a node of no session never leads
      return { token: stat.czxid, data, session: showSessionId(stat.ephemeralOwner), enteredAt: Number(stat.ctime) };
    };
    return watchedNodes(this.#context, this.#path, inLine, show, options);
  }

  async describe(token: bigint, change: (data: Uint8Array) => Uint8Array): Promise<boolean> {
    const { client } = this.#context;
    try {
      const names = await retry(this.#context, () => client.getChildren(this.#path));
      for (const { name } of inQueueOrder(names, this.#line)) {
        const path = `${this.#path}/${name}`;
        const stat = await retry(this.#context, () => client.exists(path));
        // A name in the queue is never given again, so this is still the same node.
        if (stat?.czxid === token) return await this.#change(path, change);
      }
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
    return false;
  }

  /** Changes the data as it is now; when another was faster, it is read again. */
  async #change(path: string, change: (data: Uint8Array) => Uint8Array): Promise<boolean> {
    const { client } = this.#context;
    for (;;) {
      const { data, stat } = await retry(this.#context, () => client.getData(path));
      const changed = change(data ?? new Uint8Array(0));
      try {
        await retry(this.#context, () => client.setData(path, changed, { version: stat.version }));
        return true;
      } catch (error) {
        if (!isRefusal(error, "bad-version")) throw error;
      }
    }
  }
}

class NodeCandidate extends WaitQueueContender implements Candidate {
  /** The last `publish`: they are written in their order, also when one is retried. */
  #publishing: Promise<unknown> = Promise.resolve();

  publish(data: Uint8Array): Promise<void> {
    const publishing = this.#publishing.then(() => this.#publish(data));
    this.#publishing = publishing.catch(() => {}); // who asked for it is told
    return publishing;
  }

  async #publish(data: Uint8Array): Promise<void> {
    const { session } = this.session;
    await retry(this.context, () => this.context.client.setData(this.node.path, data, { session }));
  }
}
