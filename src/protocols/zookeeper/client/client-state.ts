// The state of a client's connection to the servers.

import { assert } from "../../../base/assert.ts";
import type { SessionLostError } from "./errors.ts";
import type { Session } from "./session.ts";

/**
 * `connecting`: it has no session yet. `connected`: it has one, attached to `server`. `unsure`: the connection is gone (`why`),
 * and the session may yet be saved, until `session.signal` aborts. `lost`: the session is over; a new one is begun at once
 * (`connecting` follows), unless the client was told to stop. `closed`: by its user.
 */
export type ClientState =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly session: Session; readonly server: string }
  | { readonly kind: "unsure"; readonly session: Session; readonly why: string }
  | { readonly kind: "lost"; readonly session: Session; readonly reason: SessionLostError }
  | { readonly kind: "closed" };

/** What each state may become. */
const FOLLOWS: Readonly<Record<ClientState["kind"], readonly ClientState["kind"][]>> = {
  connecting: ["connected", "lost", "closed"],
  connected: ["unsure", "lost", "closed"],
  unsure: ["connected", "lost", "closed"],
  lost: ["connecting", "closed"],
  closed: [],
};

export function assertFollows(before: ClientState, after: ClientState): void {
  const { [before.kind]: allowed } = FOLLOWS;
  assert(allowed.includes(after.kind), `a client's state goes from ${before.kind} to ${after.kind}`);
}
