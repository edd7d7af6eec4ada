// Watches on everything below a path, as a tree of path segments. An event walks its path once from the root. So it costs time
// in proportion to the length of the path, however many watch it from above.

/** A segment that somebody watches from, or that lies above one. */
class Place<W> {
  /** Null where nobody watches; and where nothing lies below. */
  watchers: Set<W> | null = null;
  below: Map<string, Place<W>> | null = null;

  get isEmpty(): boolean {
    return this.watchers === null && this.below === null;
  }

  enter(segment: string): Place<W> {
    this.below ??= new Map();
    let next = this.below.get(segment);
    if (next === undefined) {
      next = new Place();
      this.below.set(segment, next);
    }
    return next;
  }

  forget(segment: string): void {
    if (this.below?.delete(segment) === true && this.below.size === 0) this.below = null;
  }

  leave(watcher: W): void {
    if (this.watchers?.delete(watcher) === true && this.watchers.size === 0) this.watchers = null;
  }

  tell(tell: (watcher: W) => void): void {
    if (this.watchers !== null) for (const watcher of this.watchers) tell(watcher);
  }
}

export class RecursiveWatches<W> {
  readonly #root = new Place<W>();

  get isEmpty(): boolean {
    return this.#root.isEmpty;
  }

  add(path: string, watcher: W): void {
    let place = this.#root;
    for (const segment of segmentsOf(path)) place = place.enter(segment);
    place.watchers ??= new Set();
    place.watchers.add(watcher);
  }

  remove(path: string, watcher: W): void {
    const way: (readonly [above: Place<W>, segment: string])[] = [];
    let place = this.#root;
    for (const segment of segmentsOf(path)) {
      const next = place.below?.get(segment);
      if (next === undefined) return;
      way.push([place, segment]);
      place = next;
    }
    place.leave(watcher);
    for (let last = way.pop(); last !== undefined && place.isEmpty; last = way.pop()) {
      const [above, segment] = last;
      above.forget(segment);
      place = above;
    }
  }

  /** Calls `tell` for whoever watches this path or one above it, from the root downwards. */
  fire(path: string, tell: (watcher: W) => void): void {
    let place: Place<W> | undefined = this.#root;
    place.tell(tell);
    for (let from = 1; from < path.length; ) {
      const to = segmentEnd(path, from);
      place = place.below?.get(path.slice(from, to));
      if (place === undefined) return;
      place.tell(tell);
      from = to + 1;
    }
  }
}

/** How many segments a path has; the root has none. */
export function depthOf(path: string): number {
  if (path.length <= 1) return 0;
  let depth = 0;
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) depth += 1;
  return depth;
}

function* segmentsOf(path: string): Generator<string> {
  for (let from = 1; from < path.length; ) {
    const to = segmentEnd(path, from);
    yield path.slice(from, to);
    from = to + 1;
  }
}

function segmentEnd(path: string, from: number): number {
  const slash = path.indexOf("/", from);
  return slash === -1 ? path.length : slash;
}
