// Settings under their readable names, as cabildo.yaml and `startMember` take them. Where they come from is told by a tree of
// `SettingsNode`s, so that a file and an object of a program are read and checked by the same code. Strict: an unknown name is an error.

import { bracketed } from "../../base/endpoint.ts";
import type { DoorSection } from "../../protocols/door-section.ts";
import { describeSource, type Source } from "./configuration.ts";
import { isListenSetting } from "./doors.ts";
import { suggestion } from "./nearest.ts";
import { SETTINGS, type SettingKey } from "./settings.ts";
import type { Given, GivenDoor, Layer, Wording } from "./values.ts";

/** What somebody gave at one place: a text, a list, or names and values. */
export type SettingsNode =
  | { readonly kind: "text"; readonly text: string; readonly source: Source }
  | { readonly kind: "list"; readonly items: readonly SettingsNode[]; readonly source: Source }
  | { readonly kind: "section"; readonly entries: readonly SettingsEntry[]; readonly source: Source }
  /** A name without a value. */
  | { readonly kind: "nothing"; readonly source: Source }
  /** What no setting can be, such as a function. */
  | { readonly kind: "other"; readonly source: Source };

export interface SettingsEntry {
  readonly name: string;
  /** Of the name. */
  readonly source: Source;
  readonly value: SettingsNode;
}

type Section = SettingsNode & { readonly kind: "section" };

const keyNamed = new Map(
  (Object.entries(SETTINGS) as [SettingKey, { yaml: string }][]).map(([key, entry]) => [entry.yaml, key]),
);
/** Names that hold a mapping of the user's own keys. */
const FAMILIES = [
  "members",
  "zookeeper.security.users",
  "zookeeper.security.superUsers",
  "zookeeper.security.providers",
] as const;
const ZOOKEEPER = "zookeeper";
const MEMBER_FIELDS = [
  "host",
  "peerPort",
  "electionPort",
  "role",
  "clientAddress",
  "clientPort",
  "secureAddress",
  "securePort",
];

const sections = new Set<string>();
for (const name of [...keyNamed.keys(), ...FAMILIES]) {
  const parts = name.split(".");
  for (let i = 1; i < parts.length; i++) sections.add(parts.slice(0, i).join("."));
}

/** The settings of a tree. `whole`: what errors call the tree itself, such as "the file". */
export function readNamedSettings(
  root: SettingsNode,
  whole: string,
  wording: Wording,
  doorSections: readonly DoorSection[],
): Layer {
  const layer = new NamedSettings(whole, wording, doorSections);
  layer.read(root, "");
  return layer;
}

class NamedSettings implements Layer {
  readonly given: Given[] = [];
  readonly doors: GivenDoor[] = [];
  readonly warnings: string[] = [];
  readonly problems: string[] = [];
  readonly wording: Wording;
  readonly #whole: string;
  readonly #doorSections: readonly DoorSection[];
  /** Where what is read goes: the member's settings, or those of one more door. */
  #target: Given[] = this.given;
  /** The door's section that is being read; its settings of listening are ZooKeeper's under another name. */
  #section = ZOOKEEPER;

  constructor(whole: string, wording: Wording, doorSections: readonly DoorSection[]) {
    this.#whole = whole;
    this.wording = wording;
    this.#doorSections = doorSections;
  }

  read(node: SettingsNode, path: string): void {
    const key = keyNamed.get(path);
    if (key !== undefined) this.#setting(key, path, node);
    else if (path === ZOOKEEPER && node.kind === "list") this.#zooKeeperDoors(node.items);
    else if (node.kind !== "section") this.#problem(node.source, `${path || this.#whole} must hold names and values`);
    else if (path === "members") this.#members(node);
    else if (path === "zookeeper.security.users") this.#family(node, path, "saslUser");
    else if (path === "zookeeper.security.superUsers") this.#family(node, path, "superUser");
    else if (path === "zookeeper.security.providers") this.#family(node, path, "authProvider");
    else this.#readSection(node, path);
  }

  /** One door, or several: the first is the member's own, the others have settings of their own. */
  #zooKeeperDoors(items: readonly SettingsNode[]): void {
    for (const [position, item] of items.entries()) {
      if (position === 0) this.read(item, ZOOKEEPER);
      else this.#door(item.source, null, this.wording.itemOf(ZOOKEEPER, position), () => this.read(item, ZOOKEEPER));
    }
  }

  #otherDoors(node: SettingsNode, section: DoorSection): void {
    const items = node.kind === "list" ? node.items : [node];
    for (const [position, item] of items.entries()) {
      const shown = node.kind === "list" ? this.wording.itemOf(section.name, position) : section.name;
      if (item.kind !== "section") this.#problem(item.source, `${section.name} must hold names and values`);
      else this.#door(item.source, section, shown, (own) => this.#doorSection(item, section, own));
    }
  }

  #door(source: Source, section: DoorSection | null, shown: string, read: (own: Given[]) => void): void {
    const [given, own]: [Given[], Given[]] = [[], []];
    const outer = this.#target;
    this.#target = given;
    this.#section = shown;
    read(own);
    this.#target = outer;
    this.#section = ZOOKEEPER;
    this.doors.push({ section, source, given, own });
  }

  #doorSection(node: Section, { settings }: DoorSection, own: Given[]): void {
    const section = this.#section;
    for (const { name, source, value } of node.entries) {
      const listening = [...keyNamed].filter(([yaml, setting]) => isListenSetting(setting) && isWithin(yaml, name));
      if (Object.hasOwn(settings, name)) {
        if (value.kind !== "text") this.#problem(source, `${section}.${name} must be a plain value`);
        else own.push(this.#givenOf(name, `${section}.${name}`, value.text, value.source));
      } else if (listening.length > 0) this.read(value, `${ZOOKEEPER}.${name}`);
      else this.#problem(source, `${section}.${name} is not a setting.${suggestion(name, Object.keys(settings))}`);
    }
  }

  #readSection(node: Section, path: string): void {
    for (const { name, source, value } of node.entries) {
      const full = path === "" ? name : `${path}.${name}`;
      const door = path === "" ? this.#doorSections.find((section) => section.name === name) : undefined;
      if (door !== undefined) {
        this.#otherDoors(value, door);
        continue;
      }
      if (keyNamed.has(full) || sections.has(full) || (FAMILIES as readonly string[]).includes(full)) {
        if (value.kind !== "nothing") this.read(value, full);
        else if (keyNamed.has(full)) this.#problem(source, `${this.#shown(full)} has no value`);
        continue;
      }
      const known = [...keyNamed.keys(), ...sections, ...FAMILIES];
      const named = name in SETTINGS ? SETTINGS[name as SettingKey].yaml : movedName(full);
      const hint = named === null ? suggestion(full, known) : ` Here it is called "${named}".`;
      this.#problem(source, `${this.#shown(full)} is not a setting.${hint}`);
    }
  }

  #setting(key: SettingKey, path: string, node: SettingsNode): void {
    const values = node.kind === "list" ? node.items : [node];
    const texts = values.flatMap((value) => (value.kind === "text" ? value.text : []));
    if (texts.length < values.length) this.#problem(node.source, `${this.#shown(path)} must be a plain value`);
    else if (key === "4lw.commands.whitelist" && texts[0] === "all") this.#give(key, path, "*", node.source);
    else this.#give(key, path, texts.join(","), node.source);
  }

  /** A mapping whose names are the user's own. */
  #family(node: Section, path: string, family: string): void {
    for (const { name, source, value } of node.entries) {
      if (value.kind === "text") this.#give(`${family}.${name}`, `${path}.${name}`, value.text, value.source);
      else this.#problem(source, `${this.#shown(path)} must hold names, each with a plain value`);
    }
  }

  #members(node: Section): void {
    for (const { name: id, source, value } of node.entries) {
      if (value.kind === "section") this.#give(`server.${id}`, `members.${id}`, this.#memberText(value, id), source);
      else if (value.kind === "text") this.#give(`server.${id}`, `members.${id}`, value.text, source);
      else this.#problem(source, `members.${id} must be host:peerPort:electionPort, or names and values`);
    }
  }

  #memberText(node: Section, id: string): string {
    const fields: Record<string, string> = {};
    for (const { name, source, value } of node.entries) {
      const path = `members.${id}.${name}`;
      if (!MEMBER_FIELDS.includes(name)) {
        this.#problem(source, `${path} is not a setting.${suggestion(name, MEMBER_FIELDS)}`);
      } else if (value.kind === "text") fields[name] = value.text;
      else this.#problem(source, `${path} must be a plain value`);
    }
    const role = fields["role"] ? `:${fields["role"]}` : "";
    const { host = "", peerPort = "2888", electionPort = "3888", clientPort, securePort } = fields;
    let text = `${bracketed(host)}:${peerPort}:${electionPort}${role}`;
    const endpoint = (address: string | undefined, port: string | undefined): string =>
      port === undefined ? "" : address === undefined ? port : `${bracketed(address)}:${port}`;
    const client = endpoint(fields["clientAddress"], clientPort);
    const secure = endpoint(fields["secureAddress"], securePort);
    if (client !== "" || secure !== "") text += `;${client}`;
    if (secure !== "") text += `;${secure}`;
    return text;
  }

  #give(key: string, written: string, value: string, source: Source): void {
    this.#target.push(this.#givenOf(key, this.#shown(written), value, source));
  }

  #givenOf(key: string, written: string, value: string, source: Source): Given {
    return { key, written, value, source, unitRequired: true };
  }

  /** A name as it was written: settings of listening are read under ZooKeeper's for every door. */
  #shown(path: string): string {
    return path.startsWith(`${ZOOKEEPER}.`) ? `${this.#section}${path.slice(ZOOKEEPER.length)}` : path;
  }

  #problem(source: Source, sentence: string): void {
    this.problems.push(`${describeSource(source)}: ${sentence}`);
  }
}

function isWithin(yaml: string, name: string): boolean {
  const own = `${ZOOKEEPER}.${name}`;
  return yaml === own || yaml.startsWith(`${own}.`);
}

/** Where a setting of ZooKeeper's door stands since doors have sections; null: it is no such setting. */
function movedName(full: string): string | null {
  const moved = `${ZOOKEEPER}.${full.replace(/^(client|ensemble)(\.|$)/, "")}`.replace(/\.$/, "");
  if (full === "client") return ZOOKEEPER;
  const isKnown = keyNamed.has(moved) || sections.has(moved) || (FAMILIES as readonly string[]).includes(moved);
  return isKnown ? moved : null;
}
