// Where things stand: a plain name in its recipe's folder, an exact place where it says. Inside, the nodes are Curator's, so
// that programs that use Curator on the same path, or kazoo, exclude ours.

import { checkName } from "../../recipes/names.ts";

export const FOLDERS = {
  lock: "locks",
  "read-write lock": "rw-locks",
  semaphore: "semaphores",
  election: "elections",
  barrier: "barriers",
  "double barrier": "double-barriers",
  configuration: "configuration",
  counter: "counters",
  sequence: "sequences",
  queue: "queues",
  transaction: "values",
  value: "values",
  membership: "groups",
  service: "services",
  tree: "trees",
} as const;

/** `root`: below which everything stands, "/" or a path. Throws where the name is none. */
export function pathOf(root: string, what: keyof typeof FOLDERS, name: string): string {
  checkName(what, name);
  const path = name.startsWith("/") ? name : `/${FOLDERS[what]}/${name}`;
  return root === "/" ? path : root + path;
}

/** Of a path below the root's children; of one of these "", which has nothing above it to be made. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Whether it is `place`, or below it. */
export function isWithin(path: string, place: string): boolean {
  return place === "/" || path === place || path.startsWith(`${place}/`);
}
