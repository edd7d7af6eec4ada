// An election: a line in which everybody may see who stands where, by the data of their nodes.

import type { Candidate, CandidateView, EngineSession, Glance, Office } from "../../recipes/engine.ts";
import { glanceNodes } from "./glances.ts";
import { LineContender } from "./line.ts";
import type { Place } from "./nodes.ts";
import { isRefusal, persistently } from "./persistently.ts";
import { inOrder } from "./sequence.ts";
import type { ZooKeeperSession } from "./session.ts";

export class NodeOffice implements Office {
  readonly #place: Place;
  readonly #path: string;
  readonly #kind: string;
  readonly #sessionOf: (session: unknown) => ZooKeeperSession;

  constructor(place: Place, path: string, kind: string, sessionOf: (session: unknown) => ZooKeeperSession) {
    this.#place = place;
    this.#path = path;
    this.#kind = kind;
    this.#sessionOf = sessionOf;
  }

  contend(session: EngineSession, data: Uint8Array): Candidate {
    const options = { path: this.#path, kind: this.#kind, data };
    return new NodeCandidate(this.#place, this.#sessionOf(session), options);
  }

  candidates(): Promise<Glance<readonly CandidateView[]>> {
    const inLine = (names: readonly string[]) => inOrder(names).map(({ name }) => name);
    return glanceNodes(this.#place.client, this.#path, inLine, (_, data, token): CandidateView => ({ token, data }));
  }

  async describe(token: bigint, data: Uint8Array): Promise<boolean> {
    const { client } = this.#place;
    try {
      const names = await persistently(() => client.getChildren(this.#path));
      for (const { name } of inOrder(names)) {
        const path = `${this.#path}/${name}`;
        const stat = await persistently(() => client.exists(path));
        if (stat?.czxid !== token) continue;
        // A name in a line is never given again, so this is the same node.
        await persistently(() => client.setData(path, data));
        return true;
      }
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
    return false;
  }
}

class NodeCandidate extends LineContender implements Candidate {
  async publish(data: Uint8Array): Promise<void> {
    const { session } = this.session;
    await persistently(() => this.place.client.setData(this.node.path, data, { session }));
  }
}
