// The notice to the operator when a member's file names what the log does not have.

import type { Logger } from "../base/logger.ts";
import type { MemberId, MemberRecord } from "../consensus/raft/types.ts";
import type { RaftView } from "./consensus-loop.ts";
import { serverLines, unknownMembers } from "./duties/membership.ts";

export class FileNotice {
  readonly #self: MemberId;
  readonly #raft: RaftView;
  readonly #listed: readonly MemberRecord[];
  readonly #logger: Logger;
  #toldLast = "";

  constructor(self: MemberId, raft: RaftView, listed: readonly MemberRecord[], logger: Logger) {
    this.#self = self;
    this.#raft = raft;
    this.#listed = listed;
    this.#logger = logger;
  }

  /** Compares file and log; to be called whenever the leader or the configuration changed. */
  compare(): void {
    const { configuration, leader } = this.#raft;
    if (leader === null || configuration.outgoing.length > 0) return;
    const unknown = unknownMembers(configuration, this.#listed);
    const isAddedByFile = leader === this.#self && configuration.isReconfigured !== true;
    if (unknown.length === 0 || isAddedByFile) return;
    const remedy =
      configuration.isReconfigured === true
        ? "its members were changed by reconfig, and that is how they change from now on"
        : `they join once member ${leader}, which leads, lists them in its file too and is started again, or by reconfig`;
    const warning = `this member's file lists ${serverLines(unknown)}, which the ensemble does not know: ${remedy}`;
    if (warning !== this.#toldLast) this.#logger.warn(warning);
    this.#toldLast = warning;
  }
}
