// Configuration: a value that everybody reads and some write, checked by a schema and kept current. A value that does not pass
// the schema is reported and never replaces a good one. On the servers it is JSON.

import { CoordinationError } from "../base/errors.ts";
import { OPTION } from "../base/options.ts";
import { type AccessOptions, accessOf } from "./access.ts";
import { bytesOf, textOf } from "./bytes.ts";
import type { Engine, HasValues, ReadOptions, Value, Versioned } from "./engine.ts";
import { InvalidValueError } from "./errors.ts";
import { messageOf } from "./handle.ts";
import { OpenConfiguration, type OpenOptions } from "./open-configuration.ts";
import { checkOptions } from "./options.ts";
import {
  SCHEMA,
  type SchemaIssue,
  type StandardSchema,
  schemaOf,
  showIssues,
  type Validator,
} from "./standard-schema.ts";
import { readOnce } from "./subscription.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

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

const CHECKED = { schema: OPTION.required(SCHEMA) };

export class Configuration<Input, Output> {
  readonly name: string;
  readonly #engine: Engine;
  readonly #value: Value;
  readonly #schema: StandardSchema<unknown, Output>;
  readonly #what: string;

  constructor(
    engine: Engine & HasValues,
    name: string,
    schema: StandardSchema<Input, Output> | Validator<Output | PromiseLike<Output>>,
    options: AccessOptions = {},
  ) {
    this.name = name;
    this.#engine = engine;
    this.#what = `configuration ${JSON.stringify(name)}`;
    checkOptions(this.#what, { schema }, CHECKED);
    this.#value = engine.value("configuration", name, accessOf(this.#what, options));
    this.#schema = schemaOf<Output>(schema);
  }

  /**
   * Completes when it was read. From then on its value is kept current. Fails as waits do, and ("rejected") where there is no
   * good value and no `fallback`.
   */
  open(options: OpenOptions<Output> & WaitOptions = {}): Promise<OpenConfiguration<Input, Output>> {
    const source = {
      what: this.#what,
      read: (options: ReadOptions) => this.#value.read(options),
      understand: (read: Versioned | null) => this.#understand(read),
      configuration: this,
    };
    return OpenConfiguration.open(this.#engine, source, options);
  }

  /** The value on the servers now, good or not. */
  async read(options: WaitOptions = {}): Promise<Reading<Output>> {
    return this.#understand(await readOnce(this.#engine, this.#what, (how) => this.#value.read(how), options));
  }

  /**
   * Replaces the value, whatever it was. Fails with an InvalidValueError where the new value does not pass the schema, and as
   * writes do: the error's `outcome` says whether it was written. Where that is "unknown", setting it again does no harm.
   */
  async set(value: Input, options: WaitOptions = {}): Promise<void> {
    await this.#write(() => value, options, false);
  }

  /**
   * Replaces the value by what `change` returns for it (null: there is none), and returns the new value. When another writes in
   * between, `change` is called again with the newer value, so no update is lost. Fails as `set` does, with what `change`
   * throws, and ("rejected") where the value on the servers is bad: read it, and `set` a good one.
   */
  update(change: (value: Output | null) => Input | Promise<Input>, options: WaitOptions = {}): Promise<Output> {
    return this.#write(change, options, true);
  }

  async #write(
    change: (value: Output | null) => Input | Promise<Input>,
    options: WaitOptions,
    needsGood: boolean,
  ): Promise<Output> {
    using scope = new WaitScope(this.#engine.runtime, this.#what, options);
    scope.failed = "was not written";
    for (;;) {
      scope.outcome = "not-applied";
      if (scope.end !== null) throw scope.end;
      const read = await scope.until(this.#value.current(true));
      const { data, value } = await scope.until(this.#next(read, change, needsGood));
      scope.outcome = "unknown"; // from here on the write may have been sent
      const isDone = await scope.until(
        read === null ? this.#value.create(data) : this.#value.replace(read.version, data),
      );
      if (isDone) return value;
    }
  }

  async #next(
    read: Versioned | null,
    change: (value: Output | null) => Input | Promise<Input>,
    needsGood: boolean,
  ): Promise<{ readonly data: Uint8Array; readonly value: Output }> {
    const reading = needsGood ? await this.#understand(read) : null;
    if (reading?.kind === "bad" && read !== null) {
      const why = `the value on the servers is bad, and was not changed: ${reading.invalid.message}`;
      throw new CoordinationError("rejected", "not-applied", `${this.#what}: ${why}`);
    }
    const text = this.#textOf(await change(reading?.kind === "good" ? reading.value : null));
    const data = bytesOf(text);
    const next = await this.#understand({ data, revision: 0n, version: "" }); // as others will read it
    if (next.kind === "good") return { data, value: next.value };
    throw new InvalidValueError(`${this.#what}: ${next.invalid.message}`, next.invalid.issues);
  }

  #textOf(value: Input): string {
    let why = "it is no JSON";
    try {
      const text: string | undefined = JSON.stringify(value);
      if (text !== undefined) return text;
    } catch (error) {
      why = `it is no JSON: ${messageOf(error)}`;
    }
    throw new InvalidValueError(`${this.#what}: ${why}`, []);
  }

  async #understand(read: Versioned | null): Promise<Reading<Output>> {
    if (read === null) return bad("absent", "there is none", [], null);
    const { data, revision } = read;
    let json: unknown;
    try {
      json = JSON.parse(textOf(data));
    } catch (error) {
      return bad("syntax", `it is no JSON: ${messageOf(error)}`, [], revision);
    }
    try {
      const result = await this.#schema["~standard"].validate(json);
      if (result.issues === undefined) return { kind: "good", value: result.value, revision };
      return bad("schema", showIssues(result.issues), result.issues, revision);
    } catch (error) {
      return bad("schema", `the schema failed: ${messageOf(error)}`, [], revision);
    }
  }
}

function bad(
  reason: InvalidConfiguration["reason"],
  message: string,
  issues: readonly SchemaIssue[],
  revision: bigint | null,
): { readonly kind: "bad"; readonly invalid: InvalidConfiguration } {
  return { kind: "bad", invalid: { reason, message, issues, revision } };
}
