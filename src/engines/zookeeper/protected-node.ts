// A protected node: its creation survives a lost reply, and it can be removed at any moment.

import { assert } from "../../base/assert.ts";
import type { OnRefused } from "../../recipes/engine.ts";
import { createWithAncestors } from "./ancestors.ts";
import { guardNode, type NodeContext, uuid } from "./nodes.ts";
import { RetriedRemoval } from "./retried-removal.ts";
import { isOver, isOverloaded, isPassing, isRefusal, isUnknown, notApplied, RetryDelays, retry } from "./retry.ts";
import type { ZooKeeperSession } from "./session.ts";

/**
 * One ephemeral node, sequential unless its name has its digits already. It is protected as Curator's nodes are: its name begins
 * with a UUID (`_c_<uuid>-`). After a lost reply it is searched for, and created again if it is missing.
 *
 * Why the search decides: the client sends requests in order and never twice; a server that takes over the session ends what was
 * under way from the old one; and the search is behind a `sync`, so a server that lags does not report an existing node as
 * missing. Invariant: `name` and `token` are set together, once, when the node is known to exist.
 */
export class ProtectedNode {
  /** Set once the node is known to exist; it stays set after its removal. */
  name: string | null = null;
  /** Its czxid. */
  token = 0n;
  readonly #context: NodeContext;
  readonly #parent: string;
  readonly #prefix: string;
  readonly #data: Uint8Array;
  readonly #session: ZooKeeperSession;
  readonly #mode: "ephemeral" | "ephemeral-sequential";
  #creating: Promise<void> | null = null;
  /** Its creation was sent, and its result is not known. */
  #mayBeThere = false;
  /** Made at the removal. */
  #removal: RetriedRemoval | null = null;

  /** `kind`: the text between the UUID and the digits: `lock-`. */
  constructor(
    context: NodeContext,
    parent: string,
    kind: string,
    data: Uint8Array,
    session: ZooKeeperSession,
    mode: "ephemeral" | "ephemeral-sequential" = "ephemeral-sequential",
  ) {
    this.#mode = mode;
    this.#context = context;
    this.#parent = parent;
    this.#prefix = `_c_${uuid(context)}-${kind}`;
    this.#data = data;
    this.#session = session;
  }

  get path(): string {
    return `${this.#parent}/${this.name}`;
  }

  /** It exists, or may exist: its creation got no answer. */
  get mayBeThere(): boolean {
    return this.name !== null || this.#mayBeThere;
  }

  /** Its creation was asked for. */
  get isAskedFor(): boolean {
    return this.#creating !== null;
  }

  /** Completes when it exists. Does nothing once it is being removed. After a failure it may exist all the same. */
  create(): Promise<void> {
    this.#creating ??= this.#create();
    return this.#creating;
  }

  async #create(): Promise<void> {
    let delays: RetryDelays | null = null;
    const path = `${this.#parent}/${this.#prefix}`;
    const options = { mode: this.#mode, session: this.#session.session };
    while (this.#removal === null) {
      this.#mayBeThere = true;
      try {
        const made = await createWithAncestors(this.#context, path, this.#data, options);
        if (made.stat === null && !(await this.#find())) continue; // somebody has removed it already
        this.name ??= made.path.slice(made.path.lastIndexOf("/") + 1);
        this.token = made.stat?.czxid ?? this.token;
        assert(
          this.token > 0n && this.name.startsWith(this.#prefix),
          "a node that is there has its name and its token",
        );
        return;
      } catch (error) {
        this.#mayBeThere = isUnknown(error);
        if (this.#mayBeThere && !isOver(error) && (await this.#find())) return;
        if (!isPassing(error)) throw this.#mayBeThere ? error : notApplied(error);
        if (isRefusal(error, "throttled") || isOverloaded(error)) {
          delays ??= new RetryDelays(this.#context);
          await delays.next();
        }
      }
    }
  }

  async #find(): Promise<boolean> {
    const { client } = this.#context;
    const session = this.#session.session;
    const isFound = await retry(this.#context, async () => {
      try {
        await client.sync(this.#parent, { session });
        const names = await client.getChildren(this.#parent, { session });
        const name = names.find((each) => each.startsWith(this.#prefix));
        if (name === undefined) return false;
        const stat = await client.exists(`${this.#parent}/${name}`, { session });
        if (stat === null) return false;
        this.name = name;
        this.token = stat.czxid;
        return true;
      } catch (error) {
        if (isRefusal(error, "no-node")) return false;
        throw error;
      }
    });
    this.#mayBeThere = isFound;
    return isFound;
  }

  /** Completes when it is known not to exist, or the session is over. Another call tries at once. */
  remove(onRefused?: OnRefused): Promise<void> {
    this.#removal ??= new RetriedRemoval(
      this.#context,
      () => (this.name === null ? `${this.#parent}/${this.#prefix}` : this.path),
      () => this.#removeOnce(),
    );
    return this.#removal.run(onRefused);
  }

  async #removeOnce(): Promise<void> {
    if (this.#creating === null) return;
    // While its creation is under way its name is not known. Only then is it waited for: otherwise the deletion goes first.
    if (this.name === null) await this.#creating.catch(() => {}); // who asked for it has been told
    if (this.name === null && this.#mayBeThere) await this.#find();
    if (this.name === null) return;
    const session = this.#session.session;
    try {
      await retry(this.#context, () => this.#context.client.delete(this.path, { session }));
    } catch (error) {
      if (!isRefusal(error, "no-node")) throw error;
    }
  }

  /** Calls once if somebody else removes it while the session lives. Returns a function that stops that. */
  guard(onGone: () => void): () => void {
    return guardNode(this.#context, this.#session, this.path, () => true, onGone);
  }
}
