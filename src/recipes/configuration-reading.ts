// What a read of a configuration found: a value that passed the schema, or why there is none.

import type { SchemaIssue } from "./standard-schema.ts";

/** The value on the servers, after the schema's check. */
export type Reading<Output> =
  | { readonly kind: "good"; readonly value: Output; readonly revision: bigint }
  | { readonly kind: "bad"; readonly invalid: InvalidConfiguration };

/** Why the value on the servers was not taken. */
export interface InvalidConfiguration {
  /** `absent`: there is none. `syntax`: it is not JSON. `schema`: it does not pass the schema. */
  readonly reason: "absent" | "syntax" | "schema";
  readonly message: string;
  /** The schema's. */
  readonly issues: readonly SchemaIssue[];
  /** The revision of the bad value; null: there is none. */
  readonly revision: bigint | null;
}
