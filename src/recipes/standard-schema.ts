// The interface that TypeScript validators share (https://standardschema.dev, version 1): Zod, Valibot, ArkType and others have
// it, so any of them can check values, and none is a dependency here.

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

/** `colours.0: expected a string`. */
export function showIssue({ message, path }: SchemaIssue): string {
  if (path === undefined || path.length === 0) return message;
  return `${path.map((part) => String(typeof part === "object" ? part.key : part)).join(".")}: ${message}`;
}
