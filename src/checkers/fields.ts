// Strict reading of JSON. Every field is read by its name and must have the right type, and none may be left over. Errors name
// the place.

import { listed, shortened } from "./formatting.ts";

/** What a part of a history cannot be; says where. */
export class FieldError extends Error {
  override readonly name = "FieldError";
}

export class Fields {
  readonly #place: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #unasked: Set<string>;

  constructor(value: unknown, place: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new FieldError(`${place || "it"} must be an object, not ${shown(value)}`);
    }
    this.#place = place;
    this.#values = new Map(Object.entries(value));
    this.#unasked = new Set(this.#values.keys());
  }

  /** Any of these words. */
  word<Word extends string>(name: string, words: readonly Word[]): Word {
    const value = this.#take(name);
    const word = words.find((one) => one === value);
    return word ?? this.#refuse(name, listed(words.map((one) => `"${one}"`)), value);
  }

  text(name: string): string {
    const value = this.#take(name);
    return typeof value === "string" ? value : this.#refuse(name, "text", value);
  }

  textOrNull(name: string): string | null {
    const value = this.#take(name);
    return typeof value === "string" || value === null ? value : this.#refuse(name, "text or null", value);
  }

  textOrNumber(name: string): string | number {
    const value = this.#take(name);
    return typeof value === "string" || typeof value === "number"
      ? value
      : this.#refuse(name, "text or a number", value);
  }

  number(name: string): number {
    const value = this.#take(name);
    return typeof value === "number" ? value : this.#refuse(name, "a number", value);
  }

  wholeNumber(name: string, min: number): number {
    const value = this.#take(name);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    return this.#refuse(name, `a whole number from ${min} on`, value);
  }

  wholeNumberOrNull(name: string, min: number): number | null {
    if (this.has(name)) return this.wholeNumber(name, min);
    this.#take(name);
    return null;
  }

  /** Text, a number, true, false or null. */
  scalar(name: string): string | number | boolean | null {
    const value = this.#take(name);
    if (value === null) return null;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
    return this.#refuse(name, "text, a number, true, false or null", value);
  }

  list(name: string): readonly unknown[] {
    const value = this.#take(name);
    return Array.isArray(value) ? value : this.#refuse(name, "a list", value);
  }

  fields(name: string): Fields {
    return new Fields(this.#take(name), this.#placeOf(name));
  }

  /** Whether a field is there and is not null. */
  has(name: string): boolean {
    return (this.#values.get(name) ?? null) !== null;
  }

  /** A field that may be there or not, and is of no interest. */
  skip(name: string): void {
    this.#unasked.delete(name);
  }

  /** After all fields have been asked for: none may be left. */
  end(): void {
    const [left] = this.#unasked;
    if (left !== undefined) throw new FieldError(`${this.#placeOf(left)} is no field that belongs here`);
  }

  #take(name: string): unknown {
    this.#unasked.delete(name);
    if (!this.#values.has(name)) throw new FieldError(`${this.#placeOf(name)} is missing`);
    return this.#values.get(name);
  }

  #refuse(name: string, what: string, value: unknown): never {
    throw new FieldError(`${this.#placeOf(name)} must be ${what}, not ${shown(value)}`);
  }

  #placeOf(name: string): string {
    return this.#place === "" ? name : `${this.#place}.${name}`;
  }
}

const SHOWN_LENGTH_MAX = 40;

function shown(value: unknown): string {
  return shortened(JSON.stringify(value), SHOWN_LENGTH_MAX);
}
