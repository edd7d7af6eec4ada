// One client's session, as its connection knows it. A session outlives its connections: for all members it is a lease in the
// replicated state.

import { assert } from "../../base/assert.ts";
import type { ReplicaPort } from "../../replica/replica-port.ts";

/** Invariant: `id` is 0 until the handshake has succeeded, and is the same from then on. */
export class Session {
  id = 0;
  timeoutMs = 0;
  /** Served by a member without a quorum: reads alone. */
  isReadOnly = false;
  /** Only this read-only member knows it. */
  isLocal = false;
  #renewedInTick = -1;

  open(id: number, timeoutMs: number): void {
    assert(this.id === 0 && id > 0, "a connection serves one session");
    assert(!this.isLocal || this.isReadOnly, "a member's own session is for reads alone");
    this.id = id;
    this.timeoutMs = timeoutMs;
  }

  /** Its client was heard from: once a tick is often enough to tell the leader. */
  renew(member: ReplicaPort, tick: number): void {
    if (this.#renewedInTick === tick) return;
    this.#renewedInTick = tick;
    if (!this.isLocal) member.renew(this.id);
  }
}
