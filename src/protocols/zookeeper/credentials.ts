// The identities that one client has proved, and the two ways to prove more: `addauth` and SASL. Passwords of privileged users
// are checked only as fast as `guesses.ts` allows.

import { type ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import type { Hashes } from "../../base/hashes.ts";
import { toByteString } from "../../base/text.ts";
import { encodeIdentities, type Policy } from "../../state/tree/commands.ts";
import type { Identity } from "../../state/tree/types.ts";
import { type AuthOptions, certificateIdentities, identitiesOf, namesSuperUser, withIdentities } from "./auth.ts";
import { readBuffer, writeBuffer } from "./codec/jute.ts";
import { readAuth } from "./codec/requests.ts";
import { ERROR } from "./errors.ts";
import type { Guesses } from "./guesses.ts";
import {
  GUESS_WAIT_MS_MAX,
  IDENTITIES_BYTES_MAX,
  IDENTITIES_MAX,
  WRONG_PASSWORDS_PER_CONNECTION_MAX,
} from "./limits.ts";
import { DigestMd5Server, type SaslOptions, shortened } from "./sasl.ts";

/** Whose password a wrong one is counted for; SASL's users have another name each. */
const SUPER = "super";

export interface CredentialOptions {
  readonly hashes: Hashes;
  readonly policy: Policy;
  readonly auth: AuthOptions;
  /** Null: SASL is not set up. */
  readonly sasl: SaslOptions | null;
  /** Users of SASL who may do everything (`zookeeper.superUser`). */
  readonly saslSuperUsers: readonly string[];
  /** `zookeeper.allowSaslFailedClients`. */
  readonly allowSaslFailedClients: boolean;
  /** `enforce.auth.schemes`, or "sasl" for `sessionRequireClientSASLAuth`: who proves none of them is turned away. */
  readonly enforceAuthSchemes: readonly string[];
}

/** `failure`: why it proved nothing, for the log. */
export type ProofAnswer =
  | {
      readonly kind: "reply";
      readonly error: number;
      readonly body: Uint8Array | null;
      readonly ends: boolean;
      readonly failure: string | null;
    }
  | { readonly kind: "unreadable"; readonly failure: string }
  /** The same request may be tried again after this time. */
  | { readonly kind: "wait"; readonly milliseconds: number; readonly failure: null };

export class Credentials {
  readonly #options: CredentialOptions;
  readonly #address: string;
  readonly #certificateName: string | null;
  readonly #guesses: Guesses;
  #sasl: DigestMd5Server | null = null;
  #wrongPasswords = 0;
  /** Since when the next password waits for its turn; null: none does. */
  #waitingSince: number | null = null;
  identities: readonly Identity[];
  /** The same, as commands carry them. */
  encoded: Uint8Array;

  constructor(
    { address, certificateName }: { readonly address: string; readonly certificateName: string | null },
    options: CredentialOptions,
    guesses: Guesses,
  ) {
    this.#options = options;
    this.#guesses = guesses;
    this.#address = toByteString(address);
    this.#certificateName = certificateName;
    const certified = certificateName === null ? [] : certificateIdentities(certificateName, options.auth);
    this.identities = [{ scheme: "ip", id: this.#address }, ...certified];
    this.encoded = encodeIdentities(this.identities, options.policy);
  }

  hasAnyOf(schemes: ReadonlySet<string>): boolean {
    return this.identities.some(({ scheme }) => schemes.has(scheme));
  }

  onAuth(reader: ByteReader, now: number): ProofAnswer {
    return this.#guarded(() => {
      const { scheme, auth } = readAuth(reader);
      const { hashes, auth: options } = this.#options;
      const isSuper = namesSuperUser(scheme, auth, options);
      const delay = isSuper ? this.#delay(SUPER, now) : null;
      if (delay !== null) return delay;
      const connection = { address: this.#address, certificateName: this.#certificateName };
      const more = identitiesOf(scheme, auth, connection, hashes, options);
      if (isSuper && more !== null && !more.some((identity) => identity.scheme === "super")) {
        return this.#onWrongSuper(more, now);
      }
      if (more !== null && this.#become(more)) return proved(null);
      return refused(more === null ? `scheme ${shortened(scheme)}` : TOO_MANY);
    });
  }

  /** As in ZooKeeper, a client with a wrong password for the super user becomes an ordinary user of that name. */
  #onWrongSuper(more: readonly Identity[], now: number): ProofAnswer {
    const failure = `wrong password for the super user, ${this.#noteWrong(SUPER, now)}`;
    this.#wrongPasswords += 1;
    const isEnough = this.#wrongPasswords >= WRONG_PASSWORDS_PER_CONNECTION_MAX;
    return isEnough || !this.#become(more) ? refused(failure) : { ...proved(null), failure };
  }

  onSasl(reader: ByteReader, now: number): ProofAnswer {
    return this.#guarded(() => {
      const token = readBuffer(reader) ?? new Uint8Array(0);
      const { sasl, hashes, saslSuperUsers } = this.#options;
      if (sasl === null) return proved(bufferOf(null)); // ZooKeeper's answer where SASL was not set up
      this.#sasl ??= new DigestMd5Server(sasl, hashes);
      const user = this.#sasl.isChallenged ? `sasl ${this.#sasl.claimedUser(token)}` : null;
      const delay = user === null ? null : this.#delay(user, now);
      if (delay?.kind === "wait") return delay;
      if (delay !== null) return this.#onSaslFailure(delay.failure ?? "");
      const step = this.#sasl.evaluate(token);
      if (step.kind === "failed") {
        const isGuess = user !== null && step.isGuess === true;
        return this.#onSaslFailure(isGuess ? `${step.reason}, ${this.#noteWrong(user, now)}` : step.reason);
      }
      if (step.kind === "complete") {
        const identity: Identity = { scheme: "sasl", id: step.authorizationId };
        const isSuper = saslSuperUsers.some((user) => toByteString(user) === step.authorizationId);
        const isTaken = this.#become(isSuper ? [identity, { scheme: "super", id: "" }] : [identity]);
        if (!isTaken) return this.#onSaslFailure(TOO_MANY);
      }
      return proved(bufferOf(step.token));
    });
  }

  /** Null: the password may be looked at now. */
  #delay(user: string, now: number): ProofAnswer | null {
    const milliseconds = this.#guesses.waitMs({ address: this.#address, user }, now);
    if (milliseconds === 0) {
      this.#waitingSince = null;
      return null;
    }
    this.#waitingSince ??= now;
    if (now - this.#waitingSince + milliseconds <= GUESS_WAIT_MS_MAX)
      return { kind: "wait", milliseconds, failure: null };
    return refused("too many wrong passwords came from this address: this one was not looked at");
  }

  #noteWrong(user: string, now: number): string {
    const wrong = this.#guesses.noteWrong({ address: this.#address, user }, now);
    return wrong === 1 ? "the first from this address lately" : `${wrong} from this address lately`;
  }

  #onSaslFailure(failure: string): ProofAnswer {
    const { allowSaslFailedClients, enforceAuthSchemes } = this.#options;
    const isRequired = enforceAuthSchemes.includes("sasl");
    const body = bufferOf(null);
    if (allowSaslFailedClients && !isRequired) return { kind: "reply", error: ERROR.ok, body, ends: false, failure };
    const error = isRequired ? ERROR.sessionClosedRequireSaslAuth : ERROR.authFailed;
    return { kind: "reply", error, body, ends: true, failure };
  }

  /** Adds identities; what is proposed from here on carries them. */
  #become(more: readonly Identity[]): boolean {
    const all = withIdentities(this.identities, more);
    if (all === null) return false;
    this.identities = all;
    this.encoded = encodeIdentities(all, this.#options.policy);
    return true;
  }

  #guarded(answer: () => ProofAnswer): ProofAnswer {
    try {
      return answer();
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      return { kind: "unreadable", failure: error.message };
    }
  }
}

const TOO_MANY = `more than ${IDENTITIES_MAX} identities, or than ${IDENTITIES_BYTES_MAX} bytes of them`;

function proved(body: Uint8Array | null): ProofAnswer & { kind: "reply" } {
  return { kind: "reply", error: ERROR.ok, body, ends: false, failure: null };
}

function refused(failure: string): ProofAnswer {
  return { kind: "reply", error: ERROR.authFailed, body: null, ends: true, failure };
}

function bufferOf(token: Uint8Array | null): Uint8Array {
  const writer = new ByteWriter(4 + (token?.length ?? 0));
  writeBuffer(writer, token);
  return writer.view();
}
