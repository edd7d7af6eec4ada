// Group membership: the members that are there, with their data. A member is seen as long as its session lives, and enters
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
  /** Names it for others; random unless given. Of two members with one id the second waits until the first is gone. */
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
  /** Changes, and grows, each time that it enters. */
  readonly token: bigint;
}

/** This program's membership, until it leaves. */
export interface Membership extends AsyncDisposable {
  readonly id: string;
  readonly state: RegistrationState;
  /** The servers' refusal at the last try to enter again; null when there is none. It is retried. */
  readonly trouble: Error | null;
  /**
   * Changes what others see. Completes when the servers have this data, or newer. When the wait ends before, the data stays:
   * it is written when the servers are reached (outcome "unknown").
   */
  update(data: Uint8Array | string, options?: WaitOptions): Promise<void>;
  /** Leaves for good. Completes when nobody sees it any more, or its session is over. Fails only when the servers refuse. */
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
   * Completes when others see it. It stays until it leaves or the connection is closed. After a lost session it enters again
   * by itself, with the newest data. Fails as waits do ("aborted", "deadline", "closed", "rejected"), and then leaves nothing.
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

  /** The members now, sorted by id. */
  async members(options: WaitOptions = {}): Promise<readonly GroupMember[]> {
    const views = await readOnce(this.#engine, this.#what, (how) => this.#directory.list(how), options);
    return views.map(memberOf);
  }

  /** The members, now and after every change. Goes on over lost sessions; ends with the signal. */
  async *watch(options: SubscribeOptions = {}): AsyncGenerator<readonly GroupMember[], void, void> {
    for await (const views of subscribe(this.#engine, this.#what, (how) => this.#directory.list(how), options)) {
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
