// Which members may be sent the log. A member that the configuration names always may. Any other has to prove that it belongs
// to the ensemble. Without a secret and without TLS, only processes on this machine are trusted. Pure.

import { isLoopback } from "../clients/addresses.ts";

export interface Applicant {
  /** The configuration names it. */
  readonly isListed: boolean;
  /** It has shown by a secret or a certificate that it is of the ensemble. */
  readonly isProved: boolean;
  /** Where its connection comes from; undefined: it is closed already. */
  readonly remoteAddress: string | undefined;
}

/** `isProofAsked`: this member has a secret or TLS. */
export function mayFollow({ isListed, isProved, remoteAddress }: Applicant, isProofAsked: boolean): boolean {
  if (isListed || isProved) return true;
  return !isProofAsked && remoteAddress !== undefined && isLoopback(remoteAddress);
}

/** Why an applicant is refused, and what its operator can do. */
export function followRefusal(member: number, remote: string, isProofAsked: boolean): string {
  const why = isProofAsked
    ? "it has not proved that it is of this ensemble: give it the secret (peer.secretFile) or a certificate of the others"
    : "this peer port has neither a secret nor TLS: set peer.secretFile or sslQuorum on all members";
  return (
    `member ${member} at ${remote} asks for the log, and no configuration names it. It is refused, for ${why}, ` +
    "or add it by reconfig first"
  );
}
