// A place in a line: a protected node, and those before it. Whoever waits watches exactly one of them, the last that it
// waits for; so one that leaves wakes one, and one that gives up in the middle lets nobody past.

import { CoordinationError } from "../../base/errors.ts";
import type { Stat } from "../../protocols/zookeeper/client/index.ts";
import type { Contender, OnRefused, Standing } from "../../recipes/engine.ts";
import { forgetWatch, type Place } from "./nodes.ts";
import { isRefusal, persistently } from "./persistently.ts";
import { ProtectedNode } from "./protected-node.ts";
import { type InLine, inOrder, type LineKind } from "./sequence.ts";
import type { ZooKeeperSession } from "./session.ts";

export interface LineOptions {
  /** The directory of the line. */
  readonly path: string;
  /** `lock-`, `latch-`, `__READ__`, `__WRIT__`. */
  readonly kind: string;
  readonly data: Uint8Array;
  /** `kind` ends with the digits that it is to have, instead of the server's next ones. */
  readonly isNumbered?: boolean;
  /** Whether it has to wait for this one, which stands before it; for all of them unless given. */
  readonly waitsFor?: (node: InLine) => boolean;
  /** Who lets it in: it goes on from that one, with its token, and only if that one is in the line still when this one is. */
  readonly goesOnFrom?: ProtectedNode;
}

export class LineContender implements Contender {
  readonly node: ProtectedNode;
  readonly session: ZooKeeperSession;
  protected readonly place: Place;
  readonly #options: LineOptions;
  readonly #kind: LineKind;
  /** Names that look like one of the line, and are none: nobody's session owns them, so nobody will ever leave. */
  readonly #strangers = new Set<string>();
  #isLeft = false;
  #forget: (() => void) | null = null;

  constructor(place: Place, session: ZooKeeperSession, options: LineOptions) {
    this.place = place;
    this.session = session;
    this.#options = options;
    const { path, kind, data, isNumbered = false } = options;
    this.#kind = kind === "latch-" ? "latch" : "exclusive";
    this.node = new ProtectedNode(place, path, kind, data, session, isNumbered ? "ephemeral" : "ephemeral-sequential");
  }

  async look(): Promise<Standing> {
    for (;;) {
      const names = await this.#line();
      const line = inOrder(names, this.#kind).filter(({ name }) => !this.#strangers.has(name));
      if (this.#isLeft) throw new CoordinationError("aborted", "not-applied", "it has left the line");
      const { waitsFor, goesOnFrom } = this.#options;
      // A name in a line is never given again: seen now, it was there when this one came.
      if (goesOnFrom !== undefined && !names.includes(goesOnFrom.name ?? "")) throw goneError();
      const at = line.findIndex(({ name }) => name === this.node.name);
      if (at === -1) return { kind: "gone" };
      const ahead = waitsFor === undefined ? line.slice(0, at) : line.slice(0, at).filter(waitsFor);
      const last = ahead.at(-1);
      if (last === undefined) return { kind: "granted", token: (goesOnFrom ?? this.node).token };
      const watched = await this.#watchOver(last.name);
      if (watched !== null) return { kind: "waiting", ahead: ahead.length, changed: watched.changed };
    }
  }

  /** The names in the line, read when this one was in it. */
  async #line(): Promise<readonly string[]> {
    if (this.node.name === null) {
      // Both leave together: the servers answer in order, so one round trip says who was before.
      const creating = this.node.create();
      const listing = this.#list().catch(() => []);
      await creating;
      const names = await listing;
      if (this.node.name !== null && names.includes(this.node.name)) return names;
    }
    return persistently(this.place, () => this.#list());
  }

  async #list(): Promise<readonly string[]> {
    try {
      return await this.place.client.getChildren(this.#options.path, { session: this.session.session });
    } catch (error) {
      if (isRefusal(error, "no-node")) return [];
      throw error;
    }
  }

  /** Null: it is not there any more, or stands in no line. */
  async #watchOver(name: string): Promise<{ readonly changed: Promise<void> } | null> {
    const { client } = this.place;
    const path = `${this.#options.path}/${name}`;
    let onChange = () => {};
    const changed = new Promise<void>((resolve) => {
      onChange = resolve;
    });
    const stop = this.session.onState((state) => {
      if (state.kind === "lost") onChange();
    });
    const watcher = () => {
      this.#forget = null;
      stop();
      onChange();
    };
    const forget = () => {
      stop();
      forgetWatch(client, path, "data", watcher);
    };
    try {
      // Not `exists`, which would leave a watch on a node that is gone.
      const { session } = this.session;
      const { stat } = await persistently(this.place, () => client.getData(path, { session, watch: watcher }));
      if (!isEphemeral(stat)) {
        this.#strangers.add(name);
        forget();
        return null;
      }
    } catch (error) {
      stop();
      if (isRefusal(error, "no-node")) return null;
      throw error;
    }
    if (this.#isLeft) forget();
    else this.#forget = forget;
    return { changed };
  }

  /** The nodes that it is granted by, under names that nobody else ever has. */
  get grantedBy(): readonly string[] {
    return this.node.name === null ? [] : [this.node.path];
  }

  guard(onGone: (cause: "deleted" | "revoked") => void): () => void {
    return this.node.guard(() => onGone("deleted"));
  }

  leave(onRefused?: OnRefused): Promise<void> {
    this.#isLeft = true;
    this.#forget?.();
    this.#forget = null;
    return this.node.remove(onRefused);
  }
}

/** ZooKeeper marks a container by an owner that no session has. */
const CONTAINER_OWNER = -(2n ** 63n);

export function isEphemeral({ ephemeralOwner }: Stat): boolean {
  return ephemeralOwner !== 0n && ephemeralOwner !== CONTAINER_OWNER;
}

function goneError(): CoordinationError {
  const why = "what it was to go on from is not there any more on the servers, and others may have come between";
  return new CoordinationError("rejected", "not-applied", why);
}
