// What an entry point of the package exports, flattened from the declarations that the compiler emits: every exported name with its
// declaration, then the types that these name and that are not exported themselves. Of classes among the latter only the name is told,
// since nobody can make one. Equal declarations give equal text, whichever file they stand in.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A name and the file that declares it. */
interface Place {
  readonly file: string;
  readonly name: string;
}

interface Declarations {
  /** By local name; an overloaded function has several. */
  readonly declared: ReadonlyMap<string, readonly string[]>;
  /** By local name: where an import comes from. */
  readonly imported: ReadonlyMap<string, Place>;
  /** By exported name; a name that is exported from elsewhere has the place there. */
  readonly exported: ReadonlyMap<string, Place>;
  /** The files whose exports are all exported again. */
  readonly exportedWhole: readonly string[];
}

const NAMED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|enum|function|const|let|namespace) ([\w$]+)/;
const LIST_FROM = /^(import|export)(?: type)?(?: [\w$]+,)? \{([^}]*)\}(?: from "([^"]+)")?;/;
const CLASS = /^(?:abstract )?class /;
const WHOLE_FROM = /^export (?:type )?\* from "([^"]+)";/;

/** The text of `test/api/*.txt` for the declaration file of an entry point. */
export function flatten(entry: string): string {
  const surface = new Surface();
  const exported = [...surface.exportsOf(entry)].sort(byName);
  const texts = exported.map(([name, place]) => {
    const text = surface.textOf(place) ?? `${place.name} of another package`;
    return place.name === name ? text : `// as ${name}\n${text}`;
  });
  const others = surface.reachedFrom(exported.map(([, place]) => place)).sort(byName);
  return `${[...texts, "// ---- named above, and not exported", ...others.map(([, text]) => text)].join("\n\n")}\n`;
}

class Surface {
  readonly #files = new Map<string, Declarations>();

  exportsOf(file: string): ReadonlyMap<string, Place> {
    const { exported, exportedWhole } = this.#read(file);
    const all = new Map<string, Place>();
    for (const whole of exportedWhole) for (const [name, place] of this.exportsOf(whole)) all.set(name, place);
    for (const [name, place] of exported) all.set(name, this.#origin(place));
    return all;
  }

  textOf(place: Place): string | null {
    return this.#declarationsAt(place)?.join("\n") ?? null;
  }

  /** Every other declaration of the package that these name, and that those name: names with texts. */
  reachedFrom(places: readonly Place[]): (readonly [string, string])[] {
    const given = new Set(places.map(keyOf));
    const reached = new Map(places.map((place) => [keyOf(place), { place, text: this.textOf(place) ?? "" }]));
    for (const { place, text } of reached.values()) {
      for (const name of namesIn(text)) {
        const target = this.#origin({ file: place.file, name });
        const found = this.textOf(target);
        if (found === null || reached.has(keyOf(target))) continue;
        reached.set(keyOf(target), { place: target, text: CLASS.test(found) ? `class ${target.name} { … }` : found });
      }
    }
    const others = [...reached].filter(([key]) => !given.has(key));
    return others.map(([, { place, text }]) => [place.name, text] as const);
  }

  /** Where a name that is known in a file is declared. */
  #origin(place: Place): Place {
    if (!existsSync(place.file)) return place; // of another package
    const { declared, imported, exported, exportedWhole } = this.#read(place.file);
    if (declared.has(place.name)) return place;
    const next = imported.get(place.name) ?? exported.get(place.name);
    if (next !== undefined && keyOf(next) !== keyOf(place)) return this.#origin(next);
    for (const whole of exportedWhole) {
      const found = this.exportsOf(whole).get(place.name);
      if (found !== undefined) return found;
    }
    return place;
  }

  #declarationsAt({ file, name }: Place): readonly string[] | undefined {
    return existsSync(file) ? this.#read(file).declared.get(name) : undefined;
  }

  #read(file: string): Declarations {
    let declarations = this.#files.get(file);
    if (declarations === undefined) {
      declarations = parse(file);
      this.#files.set(file, declarations);
    }
    return declarations;
  }
}

function parse(file: string): Declarations {
  const declared = new Map<string, string[]>();
  const imported = new Map<string, Place>();
  const exported = new Map<string, Place>();
  const exportedWhole: string[] = [];
  for (const statement of statementsOf(readFileSync(file, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, ""))) {
    const whole = WHOLE_FROM.exec(statement);
    if (whole) exportedWhole.push(fileOf(whole[1]!, file));
    const list = LIST_FROM.exec(statement);
    if (list) {
      const from = list[3] === undefined ? file : fileOf(list[3], file);
      for (const [theirs, ours] of namesOfList(list[2]!)) {
        (list[1] === "import" ? imported : exported).set(ours, { file: from, name: theirs });
      }
    }
    const name = NAMED.exec(statement)?.[1];
    if (name === undefined) continue;
    declared.set(name, [...(declared.get(name) ?? []), textOf(statement)]);
    if (statement.startsWith("export ")) exported.set(name, { file, name });
  }
  return { declared, imported, exported, exportedWhole };
}

/** In what the compiler emits, a statement begins at the left edge, and nothing else but closing brackets does. */
function statementsOf(text: string): readonly string[] {
  return text.replaceAll(/^[ ]*\/\*\*[\s\S]*?\*\/\n/gm, "").split(/^(?=(?:export|import|declare|interface|type)\b)/m);
}

/** Without the words that say only how it is exported, and without what only the class itself may use. */
function textOf(statement: string): string {
  return statement
    .replace(/^(export )?(declare )?/, "")
    .replaceAll(/^ +(#private|private .*);\n/gm, "")
    .trim();
}

/** `a, type B as C` gives [a, a] and [B, C]. */
function namesOfList(list: string): readonly (readonly [string, string])[] {
  return list
    .split(",")
    .map((item) => item.trim().replace(/^type /, ""))
    .filter((item) => item !== "")
    .map((item) => {
      const [theirs = "", ours = theirs] = item.split(" as ");
      return [theirs, ours] as const;
    });
}

/** The declaration file of a relative import; a path that does not exist for another package. */
function fileOf(specifier: string, from: string): string {
  if (!specifier.startsWith(".")) return `/${specifier}`;
  return join(dirname(from), specifier.replace(/\.[jt]s$/, ".d.ts"));
}

function namesIn(text: string): ReadonlySet<string> {
  return new Set(text.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, "").match(/[A-Za-z_$][\w$]*/g));
}

function keyOf({ file, name }: Place): string {
  return `${file} ${name}`;
}

function byName<Value>([a, textA]: readonly [string, Value], [b, textB]: readonly [string, Value]): number {
  if (a !== b) return a < b ? -1 : 1;
  return String(textA) < String(textB) ? -1 : 1;
}
