// What this member tells the others about itself, and requires of them: its numbers, the ensemble, secrets and TLS.

import type { MemberId } from "../../consensus/raft/types.ts";
import { encodeHello, type HelloReply, type Proof, WIRE_VERSION, WIRE_VERSION_OLDEST } from "./hello.ts";
import { type PeerTls, type PreparedTls, prepareTls } from "./peer-tls.ts";
import { freshNonce } from "./shared-secret.ts";

export interface LocalMemberOptions {
  readonly id: MemberId;
  readonly incarnation: number;
  readonly secrets: readonly Uint8Array[];
  readonly isSecretRequired: boolean;
  readonly tls: PeerTls | undefined;
}

export class LocalMember {
  readonly id: MemberId;
  readonly incarnation: number;
  /** The first is the one that calls are proved by. */
  readonly secrets: readonly Uint8Array[];
  /** What this member asks of the others: it cannot ask for what it cannot give. */
  readonly proof: Proof;
  /** The ensemble's number; 0: not known yet. */
  cluster = 0;
  /** The oldest version of the wire that it still speaks: the feature level of the log may ask for more than the program. */
  versionOldest = WIRE_VERSION_OLDEST;
  tls: PreparedTls | null;

  constructor({ id, incarnation, secrets, isSecretRequired, tls }: LocalMemberOptions) {
    this.id = id;
    this.incarnation = incarnation;
    this.secrets = secrets;
    this.proof = secrets.length === 0 ? "none" : isSecretRequired ? "demanded" : "offered";
    this.tls = tls === undefined ? null : prepareTls(tls);
  }

  /** Whether it asks the others to show by more than their word that they are of the ensemble. */
  get asksForProof(): boolean {
    return this.proof !== "none" || this.tls !== null;
  }

  /** Whether a side that speaks for `cluster` is of another ensemble, as far as both know theirs. */
  isOfAnother(cluster: number): boolean {
    return cluster !== 0 && this.cluster !== 0 && cluster !== this.cluster;
  }

  /** `proof`: what is asked for. Where that is anything, what is not for strangers is told once they have proved themselves. */
  hello(to: MemberId, reply: HelloReply, proof: Proof): Uint8Array {
    const isOpen = proof === "none";
    return encodeHello({
      version: WIRE_VERSION,
      versionOldest: this.versionOldest,
      reply,
      proof,
      from: this.id,
      to,
      cluster: isOpen ? this.cluster : 0,
      incarnation: isOpen ? this.incarnation : 0,
      nonce: freshNonce(),
    });
  }
}
