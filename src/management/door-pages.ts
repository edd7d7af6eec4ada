// The doors' own pages on the management's HTTP server: their paths.

import type { Door } from "../transport/door.ts";

/** Pages of the management itself: no door's may be there. */
export const MANAGEMENT_PATHS: readonly string[] = ["/metrics", "/livez", "/readyz", "/status", "/events", "/operator"];

/** A door, as far as the management goes. */
export interface ManagedDoor {
  /** What operators tell it by: its kind, and from the second of a kind on its number. */
  readonly name: string;
  /** The name of its section in cabildo.yaml. */
  readonly kind: string;
  /** `host:port` of each. */
  readonly ports: readonly string[];
  readonly door: Pick<Door, "metrics" | "report" | "pages">;
}

export interface PlacedDoor extends ManagedDoor {
  /** The path of its pages; null: it has none. */
  readonly path: string | null;
}

/** Each door's pages are where it wants them; where another door has been given that path, below the door's name. */
export function placed(doors: readonly ManagedDoor[]): readonly PlacedDoor[] {
  const taken = new Set<string>();
  return doors.map((managed) => {
    const { pages } = managed.door;
    if (pages === undefined) return { ...managed, path: null };
    const path = taken.has(pages.path) ? `/${managed.name}${pages.path}` : pages.path;
    taken.add(path);
    return { ...managed, path };
  });
}

/** The door at whose pages this path is: the one whose own path is longest, where several are above it. */
export function doorAt(doors: readonly PlacedDoor[], pathname: string): PlacedDoor | null {
  const above = doors.filter(({ path }) => path !== null && (pathname === path || pathname.startsWith(`${path}/`)));
  return above.toSorted((a, b) => b.path!.length - a.path!.length)[0] ?? null;
}
