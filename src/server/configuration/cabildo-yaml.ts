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
// A door's section may be a list, for several doors of its kind. Strict: an unknown name is an error.

import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { bracketed } from "../../base/server-line.ts";
import { describeSource, type Source } from "./configuration.ts";
import { DOOR_SECTIONS, type DoorSection } from "./door-sections.ts";
import { isListenSetting } from "./doors.ts";
import { suggestion } from "./nearest.ts";
import { SETTINGS, type SettingKey } from "./settings.ts";
import type { Given, GivenDoor, Layer } from "./values.ts";

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

export function parseCabildoYaml(
  text: string,
  file: string,
  doorSections: readonly DoorSection[] = DOOR_SECTIONS,
): Layer {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const layer = new YamlLayer(file, lines, doorSections);
  for (const error of document.errors) {
    const line = lines.linePos(error.pos[0]).line;
    layer.problems.push(`${file} line ${line}: ${error.message.split("\n")[0]!.replace(/ at line .*$/, "")}`);
  }
  if (document.errors.length === 0 && document.contents !== null) layer.read(document.contents, "");
  return layer;
}

class YamlLayer implements Layer {
  readonly given: Given[] = [];
  readonly doors: GivenDoor[] = [];
  readonly warnings: string[] = [];
  readonly problems: string[] = [];
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #doorSections: readonly DoorSection[];
  /** Where what is read goes: the member's settings, or those of one more door. */
  #target: Given[] = this.given;
  /** The door's section that is being read; its settings of listening are ZooKeeper's under another name. */
  #section = ZOOKEEPER;

  constructor(file: string, lines: LineCounter, doorSections: readonly DoorSection[]) {
    this.#file = file;
    this.#lines = lines;
    this.#doorSections = doorSections;
  }

  read(node: unknown, path: string): void {
    const key = keyNamed.get(path);
    if (key !== undefined) this.#setting(key, path, node);
    else if (path === ZOOKEEPER && isSeq(node)) this.#zooKeeperDoors(node.items);
    else if (!isMap(node)) this.#problem(node, `${path || "the file"} must hold names and values`);
    else if (path === "members") this.#members(node);
    else if (path === "zookeeper.security.users") this.#family(node, path, "saslUser");
    else if (path === "zookeeper.security.superUsers") this.#family(node, path, "superUser");
    else if (path === "zookeeper.security.providers") this.#family(node, path, "authProvider");
    else this.#readSection(node, path);
  }

  /** One door, or several: the first is the member's own, the others have settings of their own. */
  #zooKeeperDoors(items: readonly unknown[]): void {
    for (const [position, item] of items.entries()) {
      if (position === 0) this.read(item, ZOOKEEPER);
      else this.#door(item, null, () => this.read(item, ZOOKEEPER));
    }
  }

  #otherDoors(node: unknown, section: DoorSection): void {
    for (const item of isSeq(node) ? node.items : [node]) {
      if (!isMap(item)) this.#problem(item, `${section.name} must hold names and values`);
      else this.#door(item, section, (own) => this.#doorSection(item, section, own));
    }
  }

  #door(node: unknown, section: DoorSection | null, read: (own: Given[]) => void): void {
    const [given, own]: [Given[], Given[]] = [[], []];
    const outer = this.#target;
    this.#target = given;
    this.#section = section?.name ?? ZOOKEEPER;
    read(own);
    this.#target = outer;
    this.#section = ZOOKEEPER;
    this.doors.push({ section, source: this.#source(node), given, own });
  }

  #doorSection(
    node: { items: readonly { key: unknown; value: unknown }[] },
    { name: section, settings }: DoorSection,
    own: Given[],
  ): void {
    for (const { key, value } of node.items) {
      const name = scalarText(key) ?? "";
      const listening = [...keyNamed].filter(([yaml, setting]) => isListenSetting(setting) && isWithin(yaml, name));
      const text = scalarText(value);
      if (Object.hasOwn(settings, name)) {
        if (text === null) this.#problem(key, `${section}.${name} must be a plain value`);
        else own.push(this.#givenOf(name, `${section}.${name}`, text, value));
      } else if (listening.length > 0) this.read(value, `${ZOOKEEPER}.${name}`);
      else this.#problem(key, `${section}.${name} is not a setting.${suggestion(name, Object.keys(settings))}`);
    }
  }

  #readSection(node: { items: readonly { key: unknown; value: unknown }[] }, path: string): void {
    for (const { key, value } of node.items) {
      const name = scalarText(key) ?? "";
      const full = path === "" ? name : `${path}.${name}`;
      const door = path === "" ? this.#doorSections.find((section) => section.name === name) : undefined;
      if (door !== undefined) {
        this.#otherDoors(value, door);
        continue;
      }
      if (keyNamed.has(full) || sections.has(full) || (FAMILIES as readonly string[]).includes(full)) {
        if (value !== null && !(isScalar(value) && value.value === null)) this.read(value, full);
        else if (keyNamed.has(full)) this.#problem(key, `${full} has no value`);
        continue;
      }
      const known = [...keyNamed.keys(), ...sections, ...FAMILIES];
      const named = name in SETTINGS ? SETTINGS[name as SettingKey].yaml : movedName(full);
      const hint = named === null ? suggestion(full, known) : ` Here it is called "${named}".`;
      this.#problem(key, `${this.#shown(full)} is not a setting.${hint}`);
    }
  }

  #setting(key: SettingKey, path: string, node: unknown): void {
    const value = isSeq(node) ? node.items.map(scalarText) : [scalarText(node)];
    if (value.includes(null)) this.#problem(node, `${path} must be a plain value`);
    else if (key === "4lw.commands.whitelist" && value[0] === "all") this.#give(key, path, "*", node);
    else this.#give(key, path, value.join(","), node);
  }

  /** A mapping whose names are the user's own. */
  #family(node: { items: readonly { key: unknown; value: unknown }[] }, path: string, family: string): void {
    for (const { key, value } of node.items) {
      const name = scalarText(key);
      const entry = scalarText(value);
      if (name === null || entry === null) this.#problem(key, `${path} must hold names, each with a plain value`);
      else this.#give(`${family}.${name}`, `${path}.${name}`, entry, value);
    }
  }

  #members(node: { items: readonly { key: unknown; value: unknown }[] }): void {
    for (const { key, value } of node.items) {
      const id = scalarText(key) ?? "";
      const text = isMap(value) ? this.#memberText(value, `members.${id}`) : scalarText(value);
      if (text === null) this.#problem(key, `members.${id} must be host:peerPort:electionPort, or names and values`);
      else this.#give(`server.${id}`, `members.${id}`, text, key);
    }
  }

  #memberText(node: { items: readonly { key: unknown; value: unknown }[] }, path: string): string {
    const fields: Record<string, string> = {};
    for (const { key, value } of node.items) {
      const name = scalarText(key) ?? "";
      if (MEMBER_FIELDS.includes(name)) fields[name] = scalarText(value) ?? "";
      else this.#problem(key, `${path}.${name} is not a setting.${suggestion(name, MEMBER_FIELDS)}`);
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

  #give(key: string, written: string, value: string, node: unknown): void {
    this.#target.push(this.#givenOf(key, this.#shown(written), value, node));
  }

  #givenOf(key: string, written: string, value: string, node: unknown): Given {
    return { key, written, value, source: this.#source(node), unitRequired: true };
  }

  /** A name as it stands in the file: settings of listening are read under ZooKeeper's for every door. */
  #shown(path: string): string {
    return path.startsWith(`${ZOOKEEPER}.`) ? `${this.#section}${path.slice(ZOOKEEPER.length)}` : path;
  }

  #problem(node: unknown, sentence: string): void {
    this.problems.push(`${describeSource(this.#source(node))}: ${sentence}`);
  }

  #source(node: unknown): Source {
    const offset = (node as Node | null)?.range?.[0] ?? 0;
    return { kind: "file", file: this.#file, line: this.#lines.linePos(offset).line };
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

/** A scalar as it was written, in quotes with its blanks; null for what is none. */
function scalarText(node: unknown): string | null {
  if (!isScalar(node)) return null;
  if (node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE") return String(node.value);
  return (typeof node.value === "string" ? node.value : (node.source ?? String(node.value))).trim();
}
