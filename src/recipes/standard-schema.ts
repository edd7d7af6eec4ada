// The interface that TypeScript validators share (https://standardschema.dev, version 1): Zod, Valibot, ArkType and others have
// it, so any of them can check values, and none is a dependency here.

import { isThenable } from "../base/callback.ts";
import type { OptionRule } from "../base/options.ts";

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * A small validator instead of a schema: returns the value, typed, or throws with the reason. One that returns a promise answers
 * later, which configurations wait for, and queues and services refuse.
 */
export interface Validator<T> {
  (value: unknown): T;
  /** A function that has it is a schema. */
  readonly "~standard"?: undefined;
}

/** What checks values of type `T`: any Standard Schema (Zod, Valibot, ArkType, …), or a function. */
export type ValueSchema<T> = StandardSchema<unknown, T> | Validator<T>;

/** Options with a Standard Schema. A parameter of its own: of a schema that is a function as well TypeScript would infer both results. */
export type WithSchema<Options, T> = Omit<Options, "schema"> & { readonly schema: StandardSchema<unknown, T> };

/** As a schema, whichever it is. A function that returns a promise answers later. */
export function schemaOf<T>(
  schema: StandardSchema<unknown, T> | Validator<T | PromiseLike<T>>,
): StandardSchema<unknown, T> {
  if (schema["~standard"] !== undefined) return schema; // ArkType's schemas are functions as well
  const validate = (value: unknown): SchemaResult<T> | Promise<SchemaResult<T>> => {
    try {
      const answer = schema(value);
      if (!isThenable(answer)) return { value: answer };
      return Promise.resolve(answer).then((value) => ({ value }), turnedDown);
    } catch (error) {
      return turnedDown(error);
    }
  };
  return { "~standard": { version: 1, vendor: "function", validate } };
}

function turnedDown(error: unknown): { readonly issues: readonly SchemaIssue[] } {
  return { issues: [{ message: error instanceof Error ? error.message : String(error) }] };
}

/** The rule of an option that is a schema. */
export const SCHEMA: OptionRule = {
  is: "a Standard Schema (Zod, Valibot, ArkType), or a function that returns the value or throws",
  fits: (value) => typeof value === "function" || (typeof value === "object" && value !== null && "~standard" in value),
};

/** The schema's verdict, at once. Throws where the schema answers later, or fails. */
export function validated<T>(schema: StandardSchema<unknown, T>, value: unknown): SchemaResult<T> {
  const result = schema["~standard"].validate(value);
  if (isThenable(result)) {
    Promise.resolve(result).catch(() => {}); // nobody waits for it
    throw new TypeError("the schema answers later (it is asynchronous), and here the answer is needed at once");
  }
  return result;
}

export function showIssues(issues: readonly SchemaIssue[]): string {
  return issues.map(showIssue).join("; ") || "the schema turns it down";
}

/** `colours.0: expected a string`. */
function showIssue({ message, path }: SchemaIssue): string {
  if (path === undefined || path.length === 0) return message;
  return `${path.map((part) => String(typeof part === "object" ? part.key : part)).join(".")}: ${message}`;
}
