// The floors of the house, checked: who may import whom, and that the pure floors are pure.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "..", "src");

/** A room is a folder whose files are strangers to the other rooms of their floor. The longest match counts. */
const ROOMS: readonly { readonly folder: string; readonly floor: number; readonly isPure?: boolean }[] = [
  { folder: "base", floor: 0, isPure: true },
  { folder: "consensus", floor: 1, isPure: true },
  { folder: "state", floor: 1, isPure: true },
  { folder: "checkers", floor: 1, isPure: true },
  { folder: "recipes", floor: 1, isPure: true },
  { folder: "replica", floor: 2, isPure: true },
  { folder: "transport", floor: 2, isPure: true },
  { folder: "protocols", floor: 3, isPure: true },
  { folder: "adapters", floor: 4 },
  ...foldersOf("protocols").map((folder) => ({ folder, floor: 4 })),
  { folder: "engines", floor: 5 },
  { folder: "sim", floor: 5 },
  { folder: "management", floor: 5 },
  { folder: "server", floor: 6 },
  { folder: "testing", floor: 7 },
  { folder: "opentelemetry", floor: 6 },
  { folder: "cli", floor: 7 },
  { folder: "dashboard", floor: 7 },
  { folder: "index.ts", floor: 8 },
];

/** Models of the state are strangers to each other, as are algorithms of consensus. `state/memory` is shared by models. */
const STRANGERS: readonly string[] = [...foldersOf("state"), ...foldersOf("consensus")].filter(
  (folder) => folder !== "state/memory",
);

function foldersOf(folder: string): string[] {
  const entries = readdirSync(join(SOURCE, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`);
}

/** What gives a program time, chance or the outside world without an import. */
const IMPURE =
  /(?<![.#$\w])(Date\.now|new Date\b|performance\.|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|crypto\.|fetch\(|require\()/;

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replaceAll("\\", "/"));

function roomOf(file: string): (typeof ROOMS)[number] {
  const room = ROOMS.filter(({ folder }) => file === folder || file.startsWith(`${folder}/`)).sort(
    (a, b) => b.folder.length - a.folder.length,
  )[0];
  assert.ok(room, `src/${file} stands in no room: give its folder a floor in test/architecture.test.ts`);
  return room;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(SOURCE, file), "utf8").replace(/^\/\*\*[\s\S]*?\*\//, ""); // a module's example is no import
  return [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function codeOf(file: string): string {
  const text = readFileSync(join(SOURCE, file), "utf8");
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

test("a file imports from its own room and from lower floors", () => {
  assert.ok(files.length > 10, "the sources were not found");
  const trespasses: string[] = [];
  for (const file of files) {
    const room = roomOf(file);
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith(".")) continue;
      const target = relative(SOURCE, resolve(SOURCE, dirname(file), specifier)).replaceAll("\\", "/");
      const other = roomOf(target);
      if (other !== room && other.floor >= room.floor) trespasses.push(`src/${file} imports src/${target}`);
    }
  }
  assert.deepEqual(trespasses, []);
});

/** Files of the wiring that name a protocol: the table of doors, and what reads zoo.cfg. */
const NAME_A_PROTOCOL: readonly string[] = [
  "server/doors.ts",
  "server/configuration/door-sections.ts",
  "server/configuration/doors.ts",
  "server/configuration/security.ts",
];

test("adding a door edits the tables of doors, models and settings: nothing else of a member names a protocol", () => {
  const doors = foldersOf("protocols");
  assert.ok(doors.includes("protocols/zookeeper"));
  const wiring = files.filter((file) => /^(server|management|adapters|replica|transport)\//.test(file));
  const naming = wiring.filter((file) =>
    targetsOf(file).some((target) => doors.some((door) => target.startsWith(`${door}/`))),
  );
  assert.deepEqual(
    naming.filter((file) => !NAME_A_PROTOCOL.includes(file)),
    [],
  );
});

test("models of the state, and algorithms of consensus, are strangers to each other", () => {
  const trespasses: string[] = [];
  for (const file of files) {
    const own = STRANGERS.find((folder) => file.startsWith(`${folder}/`));
    if (own === undefined) continue;
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith(".")) continue;
      const target = relative(SOURCE, resolve(SOURCE, dirname(file), specifier)).replaceAll("\\", "/");
      const other = STRANGERS.find((folder) => target.startsWith(`${folder}/`));
      if (other !== undefined && other !== own) trespasses.push(`src/${file} imports src/${target}`);
    }
  }
  assert.deepEqual(trespasses, []);
});

/** Rooms whose files still need each other here and there, so that they can only be read together. Strike out what is cut. */
const ROOMS_WITH_CIRCLES: readonly string[] = ["consensus/raft/", "recipes/", "state/tree/"];

test("no circles between files, imports of types included", () => {
  const graph = new Map(files.map((file) => [file, targetsOf(file)]));
  assert.deepEqual(
    circlesIn(
      new Map([
        ["a", ["b"]],
        ["b", ["c", "d"]],
        ["c", ["a"]],
        ["d", []],
      ]),
    ),
    ["a b c"],
  );
  const isLeft = (circle: string): boolean =>
    ROOMS_WITH_CIRCLES.some((room) => circle.split(" ").every((file) => file.startsWith(room)));
  assert.deepEqual(
    circlesIn(graph).filter((circle) => !isLeft(circle)),
    [],
  );
});

function targetsOf(file: string): string[] {
  return importsOf(file)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => relative(SOURCE, resolve(SOURCE, dirname(file), specifier)).replaceAll("\\", "/"));
}

/** Groups of files of which each leads to every other (Tarjan's strongly connected components), in alphabetical order. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!order.has(target)) visit(target);
      if (path.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = path.splice(path.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort().join(" "));
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles.sort();
}

test("the pure floors know no clock, no chance and no outside world", () => {
  const impurities: string[] = [];
  for (const file of files.filter((name) => roomOf(name).isPure)) {
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith(".")) impurities.push(`src/${file} imports ${specifier}`);
    }
    const match = IMPURE.exec(codeOf(file));
    if (match) impurities.push(`src/${file} uses ${match[0]}`);
  }
  assert.deepEqual(impurities, []);
});

/** Who may know ZooKeeper's text of a member: its protocol, its tree, its files, what operators type, and the form of descriptions that was it. */
const KNOW_SERVER_LINES: readonly string[] = [
  "base/server-line.ts",
  "protocols/zookeeper/",
  "server/configuration/",
  "server/initial-ensemble.ts",
  "server/member-changes.ts",
  "sim/zookeeper/",
  "state/membership/description.ts",
  "state/tree/",
];

test("only ZooKeeper's side, and who reads old descriptions, knows `server.N=` lines", () => {
  const isAllowed = (file: string): boolean => KNOW_SERVER_LINES.some((place) => file.startsWith(place));
  const trespassers = files.filter((file) => targetsOf(file).includes("base/server-line.ts") && !isAllowed(file));
  assert.deepEqual(trespassers, []);
  for (const place of KNOW_SERVER_LINES)
    assert.ok(
      files.some((file) => file.startsWith(place)),
      place,
    );
});

/** A literal where an expression begins, the constructor, and the methods that make one of what they are given. */
const REGULAR_EXPRESSION = /(?:[(,=:[!&|?;>]|\breturn)\s*\/(?![/*])|\bRegExp\b|\.(?:match|matchAll|search)\(/;

/** These files, and all that they import. */
function withImports(names: readonly string[]): readonly string[] {
  const all = new Set(names);
  for (const name of all) {
    for (const specifier of importsOf(name)) {
      all.add(relative(SOURCE, resolve(SOURCE, dirname(name), specifier)).replaceAll("\\", "/"));
    }
  }
  return [...all];
}

test("the state and all it imports use no regular expressions: they scan strangers' texts, on every member", () => {
  assert.match('if (/^a+a+$/.test("a")) return;', REGULAR_EXPRESSION);
  const each = new RegExp(REGULAR_EXPRESSION, "g");
  const applied = withImports(files.filter((name) => name.startsWith("state/")));
  assert.ok(applied.includes("base/server-line.ts"));
  const found = applied.flatMap((name) => [...codeOf(name).matchAll(each)].map(([text]) => `src/${name}: ${text}`));
  assert.deepEqual(found, []);
});
