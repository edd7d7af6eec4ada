// The replica's end of the connections to other members. It encodes outgoing messages, and checks incoming ones. A connection
// that brings an invalid message is closed, and nothing has changed.

import { MalformedError } from "../base/bytes.ts";
import type { MemberId, MemberRecord, Message } from "../consensus/raft/types.ts";
import type { Lifecycle } from "./lifecycle.ts";
import {
  decodePeerMessage,
  encodeLeaseAnswer,
  encodeLeaseQuestion,
  encodePropose,
  encodeRaft,
  encodeRenew,
  type LeaseAnswer,
  type PeerMessage,
} from "./peer-messages.ts";
import type { Peers } from "./ports.ts";

/** Who takes what other members say. */
export interface PeerMessageHandlers {
  onRaft(from: MemberId, message: Message): void;
  /** A batch of another member's, for the leader's log. */
  onProposal(from: MemberId, batch: Uint8Array): void;
  /** Another member heard from the clients of these leases. */
  onRenewals(from: MemberId, leases: readonly number[]): void;
  onLeaseQuestion(from: MemberId, context: number, lease: number): void;
  onLeaseAnswer(from: MemberId, context: number, answer: LeaseAnswer): void;
}

export class PeerLink {
  readonly #lifecycle: Lifecycle;
  readonly #handlers: PeerMessageHandlers;
  /** Null until the replica takes part: what is sent before is dropped, as without a connection. */
  #peers: Peers | null = null;
  /** The ensemble's number as the peers were last told. */
  #cluster = 0;
  #lastMessage: Message | null = null;
  #lastFrame: Uint8Array = new Uint8Array(0);

  constructor(lifecycle: Lifecycle, handlers: PeerMessageHandlers) {
    this.#lifecycle = lifecycle;
    this.#handlers = handlers;
  }

  get isOpen(): boolean {
    return this.#peers !== null;
  }

  open(peers: Peers): void {
    this.#peers = peers;
  }

  async close(): Promise<void> {
    await this.#peers?.close();
  }

  // --------------------------------------------------------------------------------------------------------- outbound

  sendRaft(to: MemberId, message: Message): void {
    this.#peers?.send(to, this.#frameOf(message));
  }

  sendProposal(to: MemberId, batch: Uint8Array): void {
    this.#peers?.send(to, encodePropose(batch));
  }

  sendRenewals(to: MemberId, leases: Iterable<number>): void {
    this.#peers?.send(to, encodeRenew(leases));
  }

  sendLeaseQuestion(to: MemberId, context: number, lease: number): void {
    this.#peers?.send(to, encodeLeaseQuestion(context, lease));
  }

  sendLeaseAnswer(to: MemberId, context: number, answer: LeaseAnswer): void {
    this.#peers?.send(to, encodeLeaseAnswer(context, answer));
  }

  /** Followers at the same point are sent the same message: it is encoded once. */
  #frameOf(message: Message): Uint8Array {
    if (message !== this.#lastMessage) {
      this.#lastMessage = message;
      this.#lastFrame = encodeRaft(message);
    }
    return this.#lastFrame;
  }

  /** Bytes sent to a member that have not left this machine. */
  unsentBytes(to: MemberId): number {
    return this.#peers?.unsentBytes(to) ?? 0;
  }

  /** The newest wire version of the program that a member runs; null while it is not connected. */
  versionOf(member: MemberId): number | null {
    return this.#peers?.versionOf(member) ?? null;
  }

  /** Members that speak no version from this one on are refused from now on. */
  requireVersion(oldest: number): void {
    this.#peers?.requireVersion(oldest);
  }

  hangUp(on: MemberId, why: string): void {
    this.#peers?.hangUp(on, why);
  }

  /** Tells the peers whom to be connected to. */
  reconcile({ cluster, contacts }: { readonly cluster: number; readonly contacts: readonly MemberRecord[] }): void {
    this.#peers?.reconcile(cluster, contacts);
    this.#cluster = cluster;
  }

  /** Whether the peers were told the ensemble's number as it is now. */
  knowsCluster(cluster: number): boolean {
    return cluster === this.#cluster;
  }

  // ---------------------------------------------------------------------------------------------------------- inbound

  receive(from: MemberId, frame: Uint8Array): void {
    const message = this.#decode(from, frame);
    if (message === null) return;
    switch (message.kind) {
      case "raft":
        if (message.message.kind === "follow-request" && this.#peers?.mayFollow(from) !== true) break;
        this.#handlers.onRaft(from, message.message);
        break;
      case "propose":
        this.#handlers.onProposal(from, message.batch);
        break;
      case "renew":
        this.#handlers.onRenewals(from, message.leases);
        break;
      case "lease-question":
        this.#handlers.onLeaseQuestion(from, message.context, message.lease);
        break;
      case "lease-answer":
        this.#handlers.onLeaseAnswer(from, message.context, message.answer);
        break;
    }
  }

  #decode(from: MemberId, frame: Uint8Array): PeerMessage | null {
    try {
      return decodePeerMessage(frame);
    } catch (error) {
      if (error instanceof MalformedError) this.hangUp(from, `it sent what cannot be read: ${error.message}`);
      else this.#lifecycle.fail(error);
      return null;
    }
  }
}
