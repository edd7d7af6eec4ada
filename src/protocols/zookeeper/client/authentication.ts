// Proofs of identity: a SASL exchange at the beginning of each connection, and credentials that are given again on each.

import { Call, ownCall } from "./call.ts";
import type { Connection } from "./connection.ts";
import type { ClientPorts } from "./ports.ts";
import { nothing } from "./request.ts";
import type { SaslCredentials } from "./sasl.ts";
import { SaslExchange } from "./sasl-exchange.ts";
import { auth, type Credential } from "./session-requests.ts";

export interface AuthenticationOptions {
  readonly credentials: readonly Credential[];
  readonly sasl: SaslCredentials | null;
}

export class Authentication {
  readonly #sasl: SaslCredentials | null;
  readonly #hashes: ClientPorts["hashes"];
  /** The options' credentials, and those that the servers have accepted since. */
  readonly #credentials: Credential[];

  constructor({ credentials, sasl }: AuthenticationOptions, hashes: ClientPorts["hashes"]) {
    this.#credentials = [...credentials];
    this.#sasl = sasl;
    this.#hashes = hashes;
  }

  /** The SASL exchange, where there is one. Calls nothing for a connection that ends meanwhile. */
  prove(connection: Connection, onProved: () => void, onFailed: (why: string) => void): void {
    if (this.#sasl === null) {
      onProved();
      return;
    }
    new SaslExchange(this.#sasl, this.#hashes, {
      send: (request, settle) => {
        const call = new Call(request, Number.POSITIVE_INFINITY, undefined, { ...settle, onAborted: nothing });
        connection.send([call]);
      },
      onProved,
      onFailed,
    }).begin();
  }

  /** A call for each credential, for a new connection. */
  *calls(onRefused: (credential: Credential) => void): Iterable<Call> {
    for (const credential of this.#credentials) yield ownCall(auth(credential), () => onRefused(credential));
  }

  /** The servers have accepted it: it is sent again on each later connection. */
  remember(credential: Credential): void {
    const isKnown = this.#credentials.some((one) => one.scheme === credential.scheme && one.auth === credential.auth);
    if (!isKnown) this.#credentials.push(credential);
  }
}
