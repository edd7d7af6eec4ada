// All given values at once. For each setting the strongest one counts, and the source of every value is remembered. Problems
// are collected, so that all of them can be reported together.

import type { DoorSection } from "../../protocols/door-section.ts";
import type { Kind } from "../../protocols/setting-kinds.ts";
import { Complaint } from "../../protocols/setting-kinds.ts";
import { describeSource, type GivenSetting, type Source } from "./configuration.ts";
import {
  type NUMBERED,
  SETTINGS,
  type SettingKey,
  type SettingValue,
  settingNamed,
  withoutPrefix,
  yamlNameOf,
} from "./settings.ts";

/** One setting as somebody wrote it. */
export interface Given extends GivenSetting {
  /** The name as it was written: what an error must say. */
  readonly written: string;
  /** Whether a bare number says too little: in our own file and variables it does. */
  readonly unitRequired: boolean;
}

/** One door as somebody wrote it down. */
export interface GivenDoor {
  /** Null: another one of ZooKeeper's. */
  readonly section: DoorSection | null;
  readonly source: Source;
  /** Settings of listening, and for ZooKeeper all, under the keys of zoo.cfg. */
  readonly given: readonly Given[];
  /** Settings of the protocol's own, by their names in the section. */
  readonly own: readonly Given[];
}

/** How problems name what is not there, and so has no place: in the words of the file or the program that could have given it. */
export interface Wording {
  /** Put before a problem, such as "startMember: ". */
  readonly place: string;
  nameOf(key: SettingKey): string;
  /** One section of a list of them; a file's line tells which. */
  itemOf(section: string, position: number): string;
  /** The list of the members; one of them; the entry of one. */
  readonly members: string;
  nameOfMember(id: number): string;
  entryOfMember(id: number): string;
  /** This member's number. */
  readonly ownNumber: string;
  /** `path`: the file where it may stand instead. */
  missingNumber(path: string): string;
}

/** ZooKeeper's own names. */
const ZOO_CFG_NAMES: Wording = {
  place: "",
  nameOf: (key) => key,
  itemOf: (section) => section,
  members: "the server.N lines",
  nameOfMember: (id) => `server.${id}`,
  entryOfMember: (id) => `server.${id} line`,
  ownNumber: "myid",
  missingNumber: (path) => `${path} is missing: write this member's number into it, as in: echo 1 > ${path}`,
};

/** Those of cabildo.yaml, and of objects in programs. */
export const READABLE_NAMES: Wording = {
  place: "",
  nameOf: yamlNameOf,
  itemOf: (section) => section,
  members: "members",
  nameOfMember: (id) => `members.${id}`,
  entryOfMember: (id) => `members.${id}`,
  ownNumber: "id",
  missingNumber: (path) => `id is not set, and there is no file ${path} with this member's number`,
};

/** What one place gives: a file, the environment, the command line. */
export interface Layer {
  readonly given: readonly Given[];
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
  /** Doors beside ZooKeeper's first, whose settings are among `given`. */
  readonly doors?: readonly GivenDoor[];
  /** ZooKeeper's names, unless given. */
  readonly wording?: Wording;
}

export class Values {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly wording: Wording;
  readonly #given = new Map<string, Given>();

  /** Layers from the weakest to the strongest. */
  constructor(layers: readonly Layer[]) {
    this.wording = layers.findLast(({ wording }) => wording !== undefined)?.wording ?? ZOO_CFG_NAMES;
    for (const layer of layers) {
      this.problems.push(...layer.problems);
      this.warnings.push(...layer.warnings);
      this.#replaceFamilies(layer);
      for (const given of layer.given) this.#given.set(canonicalKey(given.key), given);
    }
  }

  get<Key extends SettingKey>(key: Key): SettingValue<Key> {
    const entry = SETTINGS[key] as { readonly kind: Kind<unknown>; readonly default: unknown };
    const given = this.#given.get(key);
    if (given === undefined) return entry.default as SettingValue<Key>;
    try {
      if (given.value === "") throw new Complaint("has no value");
      return entry.kind.parse(given.value, given.unitRequired) as SettingValue<Key>;
    } catch (error) {
      this.#complain(given, error);
      return entry.default as SettingValue<Key>;
    }
  }

  isGiven(key: SettingKey): boolean {
    return this.#given.has(key);
  }

  given(key: SettingKey): Given | null {
    return this.#given.get(key) ?? null;
  }

  /** All of a family, such as every `server.N`, with what stands behind the dot. */
  family(name: (typeof NUMBERED)[number]): readonly { readonly suffix: string; readonly given: Given }[] {
    const found = [];
    for (const [key, given] of this.#given) {
      if (key.startsWith(`${name}.`)) found.push({ suffix: key.slice(name.length + 1), given });
    }
    return found;
  }

  all(): readonly Given[] {
    return [...this.#given.values()];
  }

  /** Runs a parser on a given text; what it complains of becomes a problem, with the place. */
  parse<T>(given: Given, parser: (text: string) => T): T | null {
    try {
      return parser(given.value);
    } catch (error) {
      this.#complain(given, error);
      return null;
    }
  }

  /** `sentence` goes on from the setting's name: "must be …". */
  problem(key: SettingKey, sentence: string): void {
    this.problems.push(`${this.#subject(key)} ${sentence}`);
  }

  /** One that is about no single setting. */
  generalProblem(sentence: string): void {
    this.problems.push(`${this.wording.place}${sentence}`);
  }

  warning(key: SettingKey, sentence: string): void {
    this.warnings.push(`${this.#subject(key)} ${sentence}`);
  }

  /** The setting with its place, or as it would be called. */
  #subject(key: SettingKey): string {
    const given = this.#given.get(key);
    if (given !== undefined) return `${describeSource(given.source)}: ${given.written}`;
    return `${this.wording.place}${this.wording.nameOf(key)}`;
  }

  #complain(given: Given, error: unknown): void {
    if (!(error instanceof Complaint)) throw error;
    this.problems.push(`${describeSource(given.source)}: ${given.written} ${error.message}`);
  }

  /** A stronger place that lists members or users lists all of them: half of two lists would be nobody's intent. */
  #replaceFamilies(layer: Layer): void {
    for (const family of ["server", "saslUser"]) {
      const listed = layer.given.some(({ key }) => key.startsWith(`${family}.`));
      if (!listed) continue;
      for (const key of [...this.#given.keys()]) if (key.startsWith(`${family}.`)) this.#given.delete(key);
    }
  }
}

function canonicalKey(key: string): string {
  return settingNamed(key) ?? withoutPrefix(key);
}
