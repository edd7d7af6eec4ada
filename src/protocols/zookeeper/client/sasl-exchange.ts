// A SASL exchange at the beginning of a connection: nothing else is asked before both sides have proved themselves.

import { MalformedError } from "../../../base/bytes.ts";
import { CoordinationError } from "../../../base/errors.ts";
import type { ClientPorts } from "./ports.ts";
import type { Request } from "./request.ts";
import { DigestMd5Client, type SaslCredentials } from "./sasl.ts";
import { sasl } from "./session-requests.ts";

type Token = Uint8Array | null;

interface SaslExchangeOwner {
  send(request: Request<Token>, settle: { resolve: (token: unknown) => void; reject: (error: Error) => void }): void;
  onProved(): void;
  /** Not called for a connection that ended in the middle. */
  onFailed(why: string): void;
}

export class SaslExchange {
  readonly #client: DigestMd5Client;
  readonly #owner: SaslExchangeOwner;

  constructor(credentials: SaslCredentials, hashes: ClientPorts["hashes"], owner: SaslExchangeOwner) {
    this.#client = new DigestMd5Client(credentials, hashes);
    this.#owner = owner;
  }

  begin(): void {
    this.#ask(new Uint8Array(0), (challenge) => {
      this.#ask(this.#client.respond(challenge), (proof) => {
        if (this.#client.accepts(proof)) this.#owner.onProved();
        else this.#owner.onFailed("the server does not know the password");
      });
    });
  }

  #ask(token: Uint8Array, onAnswer: (token: Uint8Array) => void): void {
    this.#owner.send(sasl(token), {
      resolve: (answer) => {
        if (!(answer instanceof Uint8Array)) return this.#owner.onFailed("the server has no SASL set up");
        try {
          onAnswer(answer);
        } catch (error) {
          if (!(error instanceof MalformedError)) throw error;
          this.#owner.onFailed(error.message);
        }
      },
      reject: (error) => {
        if (error instanceof CoordinationError && error.code === "rejected") this.#owner.onFailed(error.message);
      },
    });
  }
}
