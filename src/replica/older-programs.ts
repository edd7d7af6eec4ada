// From the log's feature level on, older programs cannot read what they would be sent, or find on the disk: they are refused.

import type { Machine } from "../state/machine.ts";
import { wireVersionOfLevel } from "./feature-levels.ts";
import type { PeerLink } from "./peer-link.ts";
import type { OpenedStorage } from "./ports.ts";

export class OlderPrograms {
  readonly #machine: Machine;
  readonly #link: PeerLink;
  readonly #storage: Pick<OpenedStorage, "requireLevel">;

  constructor(machine: Machine, link: PeerLink, storage: Pick<OpenedStorage, "requireLevel">) {
    this.#machine = machine;
    this.#link = link;
    this.#storage = storage;
  }

  /** As of the level that the state has now. Not in the middle of a command: to hang up on a member is an input of the core. */
  refuse(): void {
    const { level } = this.#machine;
    this.#link.requireVersion(wireVersionOfLevel(level));
    this.#storage.requireLevel(level);
  }
}
