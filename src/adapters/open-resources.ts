// What this library keeps open in this process, and where the program opened it: for a process that does not end although it should.
// With NODE_DEBUG=cabildo the list is told every few seconds for as long as the process lives.

import { fileURLToPath } from "node:url";
import { debuglog } from "node:util";

/** A connection or a member that was not closed. It keeps its process alive. */
export interface OpenResource {
  readonly kind: "connection" | "member";
  /** Such as "connect zookeeper://zoo1:2181/app" or "startMember 1, data in /var/lib/app". */
  readonly what: string;
  /** File, line and column of the call that opened it; null where the stack does not tell. */
  readonly openedAt: string | null;
  readonly openForMs: number;
}

interface Opened extends Omit<OpenResource, "openForMs"> {
  readonly since: number;
}

const TELL_EVERY_MS = 5000;

const open = new Set<Opened>();
const debug = debuglog("cabildo");
let isTelling = false;

/** Every connection and member of this process that was not closed, the oldest first. */
export function openResources(): readonly OpenResource[] {
  const now = performance.now();
  return [...open].map(({ since, ...rest }) => ({ ...rest, openForMs: Math.round(now - since) }));
}

/** Returns how to strike it off the list. `openedAt`: as `callSite` gave it. */
export function noteOpen(kind: OpenResource["kind"], what: string, openedAt: string | null): () => void {
  const opened = { kind, what, openedAt, since: performance.now() };
  open.add(opened);
  tellWhileOpen();
  return () => void open.delete(opened);
}

/** Where the program called this library; to be asked before the first `await`. Null in a bundle, where all is one file. */
export function callSite(): string | null {
  const places = (new Error().stack ?? "").split("\n").flatMap(placeIn);
  const [root] = /^.*[\\/](?=adapters[\\/]open-resources\.[jt]s:)/.exec(places[0] ?? "") ?? [];
  if (root === undefined) return null;
  return places.find((place) => !place.startsWith(root) && !place.startsWith("node:")) ?? null;
}

/** Of a line of a stack: `file:line:column`. */
function placeIn(line: string): readonly string[] {
  const [, place] = /\(?([^\s()]+:\d+:\d+)\)?$/.exec(line) ?? [];
  if (place === undefined) return [];
  const [url, position] = [place.replace(/:\d+:\d+$/, ""), /:\d+:\d+$/.exec(place)![0]];
  return [(url.startsWith("file:") ? fileURLToPath(url) : url) + position];
}

function tellWhileOpen(): void {
  if (!debug.enabled || isTelling) return;
  isTelling = true;
  // It keeps nothing alive itself, so it is heard only where something else does.
  setInterval(() => {
    for (const { kind, what, openedAt, openForMs } of openResources()) {
      debug("still open for %d s: %s, %s, opened at %s", Math.round(openForMs / 1000), kind, what, openedAt ?? "?");
    }
  }, TELL_EVERY_MS).unref();
}
