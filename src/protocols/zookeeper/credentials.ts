// Who one client is, as far as it has proved it, and the two ways in which it proves more: `addauth`, and SASL.

import { type ByteReader, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { toByteString } from "../../base/text.ts";
import { encodeIdentities, type Policy } from "../../state/tree/commands.ts";
import type { Identity } from "../../state/types.ts";
import { type AuthOptions, certificateIdentities, type Hashes, identitiesOf, withIdentities } from "./auth.ts";
import { readAuth } from "./codec/requests.ts";
import { readBuffer, writeBuffer } from "./codec/wire.ts";
import { ERROR } from "./errors.ts";
import { IDENTITIES_BYTES_MAX, IDENTITIES_MAX } from "./limits.ts";
import { DigestMd5Server, type SaslOptions } from "./sasl.ts";

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
  | { readonly kind: "unreadable"; readonly failure: string };

export class Credentials {
  readonly #options: CredentialOptions;
  readonly #address: string;
  readonly #certificateName: string | null;
  #sasl: DigestMd5Server | null = null;
  identities: readonly Identity[];
  /** The same, as commands carry them. */
  encoded: Uint8Array;

  constructor(
    { address, certificateName }: { readonly address: string; readonly certificateName: string | null },
    options: CredentialOptions,
  ) {
    this.#options = options;
    this.#address = toByteString(address);
    this.#certificateName = certificateName;
    const certified = certificateName === null ? [] : certificateIdentities(certificateName, options.auth);
    this.identities = [{ scheme: "ip", id: this.#address }, ...certified];
    this.encoded = encodeIdentities(this.identities, options.policy);
  }

  hasAnyOf(schemes: ReadonlySet<string>): boolean {
    return this.identities.some(({ scheme }) => schemes.has(scheme));
  }

  onAuth(reader: ByteReader): ProofAnswer {
    return this.#guarded(() => {
      const { scheme, auth } = readAuth(reader);
      const connection = { address: this.#address, certificateName: this.#certificateName };
      const more = identitiesOf(scheme, auth, connection, this.#options.hashes, this.#options.auth);
      if (more !== null && this.#become(more)) return proved(null);
      const failure = more === null ? `scheme ${shortened(scheme)}` : TOO_MANY;
      return { kind: "reply", error: ERROR.authFailed, body: null, ends: true, failure };
    });
  }

  onSasl(reader: ByteReader): ProofAnswer {
    return this.#guarded(() => {
      const token = readBuffer(reader) ?? new Uint8Array(0);
      const { sasl, hashes, saslSuperUsers } = this.#options;
      if (sasl === null) return proved(bufferOf(null)); // ZooKeeper's answer where SASL was not set up
      this.#sasl ??= new DigestMd5Server(sasl, hashes);
      const step = this.#sasl.evaluate(token);
      if (step.kind === "failed") return this.#onSaslFailure(step.reason);
      if (step.kind === "complete") {
        const identity: Identity = { scheme: "sasl", id: step.authorizationId };
        const isSuper = saslSuperUsers.some((user) => toByteString(user) === step.authorizationId);
        const isTaken = this.#become(isSuper ? [identity, { scheme: "super", id: "" }] : [identity]);
        if (!isTaken) return this.#onSaslFailure(TOO_MANY);
      }
      return proved(bufferOf(step.token));
    });
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

/** For the log: what a stranger sent may be long. */
function shortened(scheme: string | null): string | null {
  return scheme !== null && scheme.length > 32 ? `${scheme.slice(0, 32)}…` : scheme;
}

function proved(body: Uint8Array | null): ProofAnswer {
  return { kind: "reply", error: ERROR.ok, body, ends: false, failure: null };
}

function bufferOf(token: Uint8Array | null): Uint8Array {
  const writer = new ByteWriter(4 + (token?.length ?? 0));
  writeBuffer(writer, token);
  return writer.view();
}
