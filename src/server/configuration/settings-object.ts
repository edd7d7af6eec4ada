// Settings as a program gives them, an object with the names and values of cabildo.yaml. Errors name the property's path.

import type { DoorSection } from "../../protocols/door-section.ts";
import { DOOR_SECTIONS } from "./door-sections.ts";
import { readNamedSettings, type SettingsNode } from "./named-settings.ts";
import { type Layer, READABLE_NAMES } from "./values.ts";

/** `call`: the function that the object was given to, for errors. */
export function readSettingsObject(
  settings: object,
  call: string,
  doorSections: readonly DoorSection[] = DOOR_SECTIONS,
): Layer {
  const source = { kind: "call", name: call } as const;
  const itemOf = (section: string, position: number): string => `${section}[${position}]`;
  const wording = { ...READABLE_NAMES, place: `${call}: `, itemOf };
  return readNamedSettings(nodeOf(settings, source), "what it is given", wording, doorSections);
}

function nodeOf(value: unknown, source: SettingsNode["source"]): SettingsNode {
  switch (typeof value) {
    case "string":
      return { kind: "text", text: value, source };
    case "number":
    case "boolean":
    case "bigint":
      return { kind: "text", text: String(value), source };
    case "object":
      break;
    default:
      return { kind: "other", source };
  }
  if (value === null) return { kind: "nothing", source };
  if (Array.isArray(value)) return { kind: "list", items: value.map((item) => nodeOf(item, source)), source };
  if (!isPlain(value)) return { kind: "other", source };
  const given = Object.entries(value).filter(([, each]) => each !== undefined);
  const entries = given.map(([name, each]) => ({ name, source, value: nodeOf(each, source) }));
  return { kind: "section", entries, source };
}

/** No class's: a `Map` or a `Date` has no settings among its properties. Another realm's object is plain as well. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
