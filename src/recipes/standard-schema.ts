// The interface that TypeScript validators share (https://standardschema.dev, version 1): Zod, Valibot, ArkType and others have
// it, so any of them can check values, and none is a dependency here.

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

/** A small validator instead of a schema: returns the value, typed, or throws with the reason. */
export type Validator<T> = (value: unknown) => T;

/** What checks values of type `T`: any Standard Schema (Zod, Valibot, ArkType, …), or a function. */
export type ValueSchema<T> = StandardSchema<unknown, T> | Validator<T>;

/** As a schema, whichever it is. */
export function schemaOf<T>(schema: ValueSchema<T>): StandardSchema<unknown, T> {
  if ("~standard" in schema) return schema; // ArkType's schemas are functions as well
  const validate = (value: unknown): SchemaResult<T> => {
    try {
      return { value: schema(value) };
    } catch (error) {
      return { issues: [{ message: error instanceof Error ? error.message : String(error) }] };
    }
  };
  return { "~standard": { version: 1, vendor: "function", validate } };
}

/** The rule of an option that is a schema. */
export const SCHEMA: OptionRule = {
  is: "a Standard Schema (Zod, Valibot, ArkType), or a function that returns the value or throws",
  fits: (value) => typeof value === "function" || (typeof value === "object" && value !== null && "~standard" in value),
};

/** The schema's verdict, at once. Throws where the schema answers later, or fails. */
export function validated<T>(schema: StandardSchema<unknown, T>, value: unknown): SchemaResult<T> {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    result.catch(() => {}); // nobody waits for it
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
