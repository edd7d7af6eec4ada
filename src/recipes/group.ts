// Group membership: who is there, and what each says of itself. A member is seen as long as its session lives, and is entered
// again by itself after a loss. On ZooKeeper it is Curator's GroupMember.

import { OPTION, type OptionRules } from "../base/options.ts";
import { type AccessOptions, accessOf } from "./access.ts";
import { dataOf, textOf } from "./bytes.ts";
import type { Directory, Engine, EntryView, HasDirectories } from "./engine.ts";
import { freshId } from "./fresh-id.ts";
import { checkPlainName } from "./names.ts";
import { checkOptions } from "./options.ts";
import { Registration, RegistrationHandle, type RegistrationState } from "./registration.ts";
import { readOnce, type SubscribeOptions, subscribe } from "./subscription.ts";
import { WAIT, type WaitOptions } from "./wait-scope.ts";

export interface JoinOptions extends WaitOptions {
  /** Under which others see it; one of chance unless given. Of two with one id the second waits until the first is gone. */
  readonly id?: string | undefined;
  /** What others should know of it, such as its address; nothing unless given. */
  readonly data?: Uint8Array | string | undefined;
}

/** A member as others see it. */
export interface GroupMember {
  readonly id: string;
  readonly data: Uint8Array;
  /** The data as text. */
  readonly text: string;
  /** Another for every time that it entered, and larger than before. */
  readonly token: bigint;
}

/** One's own membership, until it is left. */
export interface Membership extends AsyncDisposable {
  readonly id: string;
  readonly state: RegistrationState;
  /** What the servers refused at the last try to enter again; null when all is well. It is tried again by and by. */
  readonly trouble: Error | null;
  /**
   * Changes what others see. Completes when the servers have it, or something newer. Where the wait ends before, the data is
   * not taken back: it is what the member will enter with (outcome "unknown").
   */
  update(data: Uint8Array | string, options?: WaitOptions): Promise<void>;
  /** Leaves, for good. Completes when nobody sees it any more, or its session is over. Fails only when the servers refuse. */
  leave(): Promise<void>;
}

const JOIN: OptionRules<JoinOptions> = { id: OPTION.any, data: OPTION.any, ...WAIT };

export class Group {
  readonly name: string;
  readonly #engine: Engine;
  readonly #directory: Directory;
  readonly #what: string;

  constructor(engine: Engine & HasDirectories, name: string, options: AccessOptions = {}) {
    this.name = name;
    this.#engine = engine;
    this.#what = `group ${JSON.stringify(name)}`;
    this.#directory = engine.directory("membership", name, accessOf(this.#what, options));
  }

  /**
   * Completes when others see it. From then on it stays until it leaves, or the connection is closed: a lost session is
   * no end, it enters again with the next one, with the newest data. Fails as waits do ("aborted", "deadline", "closed",
   * "rejected"), and then nothing is left of it.
   */
  async join(options: JoinOptions = {}): Promise<Membership> {
    checkOptions(this.#what, options, JOIN);
    const { id, data = "", ...wait } = options;
    const name = id ?? freshId(this.#engine.runtime.random);
    checkPlainName("member", name);
    const what = `member ${JSON.stringify(name)} of ${this.#what}`;
    return new GroupMembership(
      await Registration.enter(this.#engine, this.#directory, { what, name, data: dataOf(data) }, wait),
    );
  }

  /** Who is there now, by their ids. */
  async members(options: WaitOptions = {}): Promise<readonly GroupMember[]> {
    const views = await readOnce(this.#engine, this.#what, (look) => this.#directory.list(look), options);
    return views.map(memberOf);
  }

  /** Who is there, now and after every change. Goes on over lost sessions; ends with the signal. */
  async *watch(options: SubscribeOptions = {}): AsyncGenerator<readonly GroupMember[], void, void> {
    for await (const views of subscribe(this.#engine, this.#what, (look) => this.#directory.list(look), options)) {
      yield views.map(memberOf);
    }
  }
}

class GroupMembership extends RegistrationHandle implements Membership {
  update(data: Uint8Array | string, options: WaitOptions = {}): Promise<void> {
    return this.put(dataOf(data), options);
  }
}

function memberOf({ name, data, token }: EntryView): GroupMember {
  return { id: name, data, text: textOf(data), token };
}
