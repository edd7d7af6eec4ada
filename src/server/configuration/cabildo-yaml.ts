// Our own file, cabildo.yaml: the same settings under readable names, with units. For example
//
//   id: 1
//   data: /var/lib/cabildo
//   zookeeper:
//     port: 2181
//     session: { tick: 2s, timeoutMax: 1min }
//     security: { users: { bob: secret } }
//     words: [srvr, mntr, ruok]        # or: all
//   members:
//     1: zoo1:2888:3888
//     2: { host: zoo2, peerPort: 2888, electionPort: 3888, role: observer, clientPort: 2181 }
//
// A door's section may be a list, for several doors of its kind. Errors name the line.

import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import type { DoorSection } from "../../protocols/door-section.ts";
import type { Source } from "./configuration.ts";
import { DOOR_SECTIONS } from "./door-sections.ts";
import { readNamedSettings, type SettingsEntry, type SettingsNode } from "./named-settings.ts";
import { type Layer, READABLE_NAMES } from "./values.ts";

export function parseCabildoYaml(
  text: string,
  file: string,
  doorSections: readonly DoorSection[] = DOOR_SECTIONS,
): Layer {
  const lines = new LineCounter();
  const { errors, contents } = parseDocument(text, { lineCounter: lines });
  const problems = errors.map(({ pos, message }) => {
    const { line } = lines.linePos(pos[0]);
    return `${file} line ${line}: ${message.split("\n")[0]!.replace(/ at line .*$/, "")}`;
  });
  if (problems.length > 0 || contents === null) return { given: [], warnings: [], problems, wording: READABLE_NAMES };
  const nodes = new YamlNodes(file, lines);
  return readNamedSettings(nodes.nodeOf(contents, contents), "the file", READABLE_NAMES, doorSections);
}

class YamlNodes {
  readonly #file: string;
  readonly #lines: LineCounter;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  /** `place` tells the line where the value itself is missing. */
  nodeOf(value: unknown, place: unknown): SettingsNode {
    const source = this.#source(value ?? place);
    if (value === null || (isScalar(value) && value.value === null)) return { kind: "nothing", source };
    if (isSeq(value)) return { kind: "list", items: value.items.map((item) => this.nodeOf(item, value)), source };
    if (isMap(value)) return { kind: "section", entries: value.items.map((pair) => this.#entry(pair)), source };
    const text = scalarText(value);
    return text === null ? { kind: "other", source } : { kind: "text", text, source };
  }

  #entry({ key, value }: Pair): SettingsEntry {
    return { name: scalarText(key) ?? "", source: this.#source(key), value: this.nodeOf(value, key) };
  }

  #source(node: unknown): Source {
    const offset = (node as Node | null)?.range?.[0] ?? 0;
    return { kind: "file", file: this.#file, line: this.#lines.linePos(offset).line };
  }
}

/** A scalar as it was written, in quotes with its blanks; null for what is none. */
function scalarText(node: unknown): string | null {
  if (!isScalar(node)) return null;
  if (node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE") return String(node.value);
  return (typeof node.value === "string" ? node.value : (node.source ?? String(node.value))).trim();
}
