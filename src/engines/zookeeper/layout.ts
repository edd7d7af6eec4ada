// Where nodes stand: a plain name in its recipe's folder; a name that begins with a slash is the path itself. Below that the
// nodes are named as Curator's, so programs that use Curator or kazoo on the same path exclude ours.

import { checkName } from "../../recipes/names.ts";

/** Recipes whose folder is not their own plural. */
const FOLDERS: ReadonlyMap<string, string> = new Map([
  ["read-write lock", "rw-locks"],
  ["configuration", "configuration"],
  ["transaction", "values"],
  ["membership", "groups"],
]);

/** The plural of the recipe: "double barrier" has `double-barriers`. */
function folderOf(recipe: string): string {
  return FOLDERS.get(recipe) ?? `${recipe.replaceAll(" ", "-")}s`;
}

/** `root`: everything stands below it, "/" or a path. Throws ("rejected") for a name that cannot be. */
export function pathOf(root: string, recipe: string, name: string): string {
  checkName(recipe, name);
  const path = name.startsWith("/") ? name : `/${folderOf(recipe)}/${name}`;
  return root === "/" ? path : root + path;
}

/** The parent of a path; "" for a child of the root, whose parent need not be created. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Whether it is `place`, or below it. */
export function isWithin(path: string, place: string): boolean {
  return place === "/" || path === place || path.startsWith(`${place}/`);
}
