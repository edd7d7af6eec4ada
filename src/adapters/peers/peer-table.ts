// The table of the other members: the addresses of each, and its connection or the attempt to connect.

import { assert } from "../../base/assert.ts";
import type { MemberId } from "../../consensus/raft/types.ts";
import { showsCertificate } from "../clients/tls.ts";
import type { PeerAddress } from "./addresses.ts";
import type { PeerConnection } from "./connection.ts";

/** A connection that this member makes, until it is answered with a welcome or ends. */
export interface Call {
  readonly connection: PeerConnection;
  readonly cancelDeadline: () => void;
  isHelloSent: boolean;
  isAnswered: boolean;
}

/** Invariant: a peer that is connected is not being called. */
export interface Peer {
  readonly id: MemberId;
  /** Empty: it is not to be called, but may call. */
  addresses: readonly PeerAddress[];
  /** The configuration names it. */
  isListed: boolean;
  connection: PeerConnection | null;
  call: Call | null;
  cancelRedial: (() => void) | null;
  /** Calls that failed since it was last connected. */
  failures: number;
}

export class PeerTable {
  readonly #peers = new Map<MemberId, Peer>();

  get(id: MemberId): Peer | undefined {
    return this.#peers.get(id);
  }

  /** The peer of this number, known or new. */
  obtain(id: MemberId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = { id, addresses: [], isListed: false, connection: null, call: null, cancelRedial: null, failures: 0 };
      this.#peers.set(id, peer);
    }
    return peer;
  }

  /** A stranger that has gone may have any number, and the next one another. */
  forget({ id, isListed, connection, call }: Peer): void {
    assert(!isListed && connection === null && call === null, "a peer is forgotten once nothing is left of it");
    this.#peers.delete(id);
  }

  [Symbol.iterator](): Iterator<Peer> {
    return this.#peers.values();
  }

  /** Connections to members that the configuration does not name, and that have proved nothing. */
  get strangers(): number {
    let count = 0;
    for (const { isListed, connection } of this.#peers.values()) {
      if (!isListed && connection !== null && isStranger(connection)) count++;
    }
    return count;
  }
}

/** It has shown by nothing but its word that it is of the ensemble. */
export function isStranger(connection: PeerConnection): boolean {
  return !connection.isAuthenticated && !showsCertificate(connection.socket);
}
