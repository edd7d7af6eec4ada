// The parsers of option values. Commander reports an impossible value with the option's name.

import { InvalidArgumentError } from "commander";

export type Parser<T> = (text: string) => T;

/** A parser that also says what there is to choose from, for the shells' completion. */
export type ChoiceParser = Parser<string> & { readonly choices: readonly string[] };

export function wholeNumber(min: number, max: number): Parser<number> {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Gives milliseconds. */
export function seconds(min: number, max: number): Parser<number> {
  return (text) => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a number of seconds from ${min} to ${max}.`);
    }
    return value * 1000;
  };
}

export function oneOf(...names: readonly string[]): ChoiceParser {
  const parse = (text: string) => {
    if (!names.includes(text)) throw new InvalidArgumentError(`It must be ${names.join(" or ")}.`);
    return text;
  };
  return Object.assign(parse, { choices: names });
}

export function keyAndValue(pair: string, before: readonly string[] = []): readonly string[] {
  if (pair.indexOf("=") < 1) throw new InvalidArgumentError("It must have the form key=value.");
  return [...before, pair];
}
