// Checks of options that a program gives. A misspelt name or an impossible value is an error that names the nearest right name.
// TypeScript finds these earlier; plain JavaScript and options from files rely on this check.

export interface OptionRule {
  /** What it is, as in "timeoutMs is a number from 0". */
  readonly is: string;
  fits(value: unknown): boolean;
  readonly isRequired?: boolean;
  /** What was given is not repeated in the error. */
  readonly isSecret?: boolean;
}

/** A rule for each option: one that is forgotten here does not compile. */
export type OptionRules<Options> = { readonly [Name in keyof Required<Options>]: OptionRule };

function rule(is: string, fits: (value: unknown) => boolean): OptionRule {
  return { is, fits };
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  return names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function");
}

export const OPTION = {
  /** Checked elsewhere, or whatever the caller likes. */
  any: rule("anything", () => true),
  duration: rule("a number from 0", (value) => typeof value === "number" && value >= 0),
  number: rule("a number", (value) => typeof value === "number"),
  text: rule("text", (value) => typeof value === "string"),
  flag: rule("true or false", (value) => typeof value === "boolean"),
  callback: rule("a function", (value) => typeof value === "function"),
  list: rule("a list", Array.isArray),
  object: rule("an object", (value) => typeof value === "object" && value !== null),
  // By what it can do: another realm's is one as well.
  signal: rule("an AbortSignal", (value) => hasMethods(value, ["addEventListener"]) && "aborted" in (value as object)),
  logger: rule("an object with info, warn and error", (value) => hasMethods(value, ["info", "warn", "error"])),
  oneOf: (...values: readonly string[]): OptionRule =>
    rule(`one of ${values.map((value) => JSON.stringify(value)).join(", ")}`, (value) =>
      values.includes(value as string),
    ),
  objectWith: (is: string, fits: (value: Readonly<Record<string, unknown>>) => boolean): OptionRule =>
    rule(
      is,
      (value) => typeof value === "object" && value !== null && fits(value as Readonly<Record<string, unknown>>),
    ),
  required: (one: OptionRule): OptionRule => ({ ...one, isRequired: true }),
  secret: (one: OptionRule): OptionRule => ({ ...one, isSecret: true }),
} as const;

/** What is wrong with them, for people; null: nothing is. */
export function problemOf(options: unknown, rules: Readonly<Record<string, OptionRule>>): string | null {
  if (typeof options !== "object" || options === null) {
    return `options are an object (${Object.keys(rules).join(", ")}), not ${shown(options)}`;
  }
  // Every call of every client comes by here, most of them with one option or none.
  const given = options as Readonly<Record<string, unknown>>;
  for (const name in given) {
    const value = given[name];
    if (value === undefined) continue;
    if (!Object.hasOwn(rules, name)) return unknownOption(name, Object.keys(rules));
    const one = rules[name]!;
    if (!one.fits(value)) return wrongValue(name, one, value);
  }
  for (const name of requiredOf(rules)) if (given[name] === undefined) return wrongValue(name, rules[name]!, undefined);
  return null;
}

const required = new WeakMap<object, readonly string[]>();

function requiredOf(rules: Readonly<Record<string, OptionRule>>): readonly string[] {
  const known = required.get(rules);
  if (known !== undefined) return known;
  const names = Object.keys(rules).filter((name) => rules[name]!.isRequired === true);
  required.set(rules, names);
  return names;
}

function wrongValue(name: string, { is, isSecret = false }: OptionRule, value: unknown): string {
  return `${name} is ${is}, not ${isSecret ? kindOf(value) : shown(value)}`;
}

function unknownOption(name: string, known: readonly string[]): string {
  const [nearest] = known
    .map((one) => ({ one, distance: distanceOf(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= Math.max(2, one.length / 3))
    .sort((a, b) => a.distance - b.distance);
  const help = nearest === undefined ? `there are ${known.join(", ")}` : `did you mean ${nearest.one}?`;
  return `there is no option ${JSON.stringify(name.slice(0, NAME_SHOWN_MAX))}: ${help}`;
}

const NAME_SHOWN_MAX = 40;
const VALUE_SHOWN_MAX = 40;

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, VALUE_SHOWN_MAX));
  return typeof value === "object" || typeof value === "function" || typeof value === "symbol"
    ? kindOf(value)
    : String(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** How many letters have to be changed, added or taken away (Levenshtein's distance). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= Math.min(a.length, NAME_SHOWN_MAX); i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]! + Math.max(0, a.length - NAME_SHOWN_MAX);
}
