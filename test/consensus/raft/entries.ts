// Entries of a log, from text.

import { type Configuration, type Entry, encodeConfiguration } from "../../../src/consensus/index.ts";

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function entryOf(index: number, term: number, text: string): Entry {
  return { index, term, kind: "commands", payload: bytesOf(text) };
}

export function configurationEntry(index: number, term: number, configuration: Configuration): Entry {
  return { index, term, kind: "configuration", payload: encodeConfiguration(configuration) };
}
