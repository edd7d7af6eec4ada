// An election: a line in which everybody may see who stands where, by the data of their nodes.

import type { Stat } from "../../protocols/zookeeper/client/index.ts";
import type { Candidate, CandidateView, EngineSession, Glance, Office } from "../../recipes/engine.ts";
import { glanceNodes } from "./glances.ts";
import { isEphemeral, LineContender } from "./line.ts";
import type { Place } from "./nodes.ts";
import { isRefusal, persistently } from "./persistently.ts";
import { inOrder, type LineKind } from "./sequence.ts";
import type { ZooKeeperSession } from "./session.ts";

export class NodeOffice implements Office {
  readonly #place: Place;
  readonly #path: string;
  /** `latch-` or `lock-`. */
  readonly #kind: string;
  readonly #sessionOf: (session: unknown) => ZooKeeperSession;

  constructor(place: Place, path: string, kind: string, sessionOf: (session: unknown) => ZooKeeperSession) {
    this.#place = place;
    this.#path = path;
    this.#kind = kind;
    this.#sessionOf = sessionOf;
  }

  get #line(): LineKind {
    return this.#kind === "latch-" ? "latch" : "exclusive";
  }

  contend(session: EngineSession, data: Uint8Array): Candidate {
    const options = { path: this.#path, kind: this.#kind, data };
    return new NodeCandidate(this.#place, this.#sessionOf(session), options);
  }

  candidates(): Promise<Glance<readonly CandidateView[]>> {
    const inLine = (names: readonly string[]) => inOrder(names, this.#line).map(({ name }) => name);
    const show = (_: string, data: Uint8Array, stat: Stat): CandidateView | null => {
      return isEphemeral(stat) ? { token: stat.czxid, data } : null; // of no session: it will never lead
    };
    return glanceNodes(this.#place, this.#path, inLine, show);
  }

  async describe(token: bigint, change: (data: Uint8Array) => Uint8Array): Promise<boolean> {
    const { client } = this.#place;
    try {
      const names = await persistently(this.#place, () => client.getChildren(this.#path));
      for (const { name } of inOrder(names, this.#line)) {
        const path = `${this.#path}/${name}`;
        const stat = await persistently(this.#place, () => client.exists(path));
        // A name in a line is never given again, so this stays the same node.
        if (stat?.czxid === token) return await this.#change(path, change);
      }
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
    return false;
  }

  /** Of what it is at that moment: when another was faster, it is read again. */
  async #change(path: string, change: (data: Uint8Array) => Uint8Array): Promise<boolean> {
    const { client } = this.#place;
    for (;;) {
      const { data, stat } = await persistently(this.#place, () => client.getData(path));
      const changed = change(data ?? new Uint8Array(0));
      try {
        await persistently(this.#place, () => client.setData(path, changed, { version: stat.version }));
        return true;
      } catch (error) {
        if (!isRefusal(error, "bad-version")) throw error;
      }
    }
  }
}

class NodeCandidate extends LineContender implements Candidate {
  /** The last one that was asked for: they are written in their order, also where one has to be tried again. */
  #publishing: Promise<unknown> = Promise.resolve();

  publish(data: Uint8Array): Promise<void> {
    const publishing = this.#publishing.then(() => this.#publish(data));
    this.#publishing = publishing.catch(() => {}); // whoever asked for it is told
    return publishing;
  }

  async #publish(data: Uint8Array): Promise<void> {
    const { session } = this.session;
    await persistently(this.place, () => this.place.client.setData(this.node.path, data, { session }));
  }
}
