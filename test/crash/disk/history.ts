// Everything that clients changed, by the number that the member gave each change: so it is known what the tree holds
// after any of them, and a member that comes back must hold exactly that.

export interface Held {
  readonly data: string;
  readonly version: number;
  readonly czxid: number;
  readonly mzxid: number;
}

/** A tree as paths below the workload's own folder. */
export type View = ReadonlyMap<string, Held>;

export type Effect =
  | { readonly kind: "create"; readonly path: string; readonly data: string }
  | { readonly kind: "set"; readonly path: string; readonly data: string }
  | { readonly kind: "delete"; readonly path: string };

export class History {
  readonly #changes = new Map<number, readonly Effect[]>();
  /** Sessions that were closed, with the change that did it. */
  readonly #closed = new Map<bigint, number>();

  get size(): number {
    return this.#changes.size;
  }

  /** The last change that is known here. */
  get latest(): number {
    return Math.max(0, ...this.#changes.keys());
  }

  /** All effects of one change: they come together. */
  record(zxid: number, effects: readonly Effect[]): void {
    if (this.#changes.has(zxid)) throw new Error(`two changes were given the number ${zxid}`);
    this.#changes.set(zxid, effects);
  }

  recordClosed(session: bigint, zxid: number): void {
    this.#closed.set(session, zxid);
  }

  isClosed(session: bigint, zxid: number): boolean {
    return (this.#closed.get(session) ?? Number.POSITIVE_INFINITY) <= zxid;
  }

  /** What happened up to a change, for another future to follow. */
  upTo(zxid: number): History {
    const part = new History();
    for (const [number, effects] of this.#changes) if (number <= zxid) part.record(number, effects);
    for (const [session, number] of this.#closed) if (number <= zxid) part.recordClosed(session, number);
    return part;
  }

  /** What the tree holds after a change. */
  at(zxid: number): View {
    const view = new Map<string, Held>();
    for (const [number, effects] of [...this.#changes].sort(([a], [b]) => a - b)) {
      if (number > zxid) break;
      for (const effect of effects) apply(view, effect, number);
    }
    return view;
  }
}

function apply(view: Map<string, Held>, effect: Effect, zxid: number): void {
  switch (effect.kind) {
    case "create":
      view.set(effect.path, { data: effect.data, version: 0, czxid: zxid, mzxid: zxid });
      break;
    case "set": {
      const before = view.get(effect.path)!;
      view.set(effect.path, { ...before, data: effect.data, version: before.version + 1, mzxid: zxid });
      break;
    }
    case "delete":
      view.delete(effect.path);
      break;
  }
}

/** How a tree differs from what it should hold after a change; empty when it does not. */
export function differences(found: View, wanted: View): string[] {
  const lines: string[] = [];
  for (const [path, held] of wanted) {
    const there = found.get(path);
    if (there === undefined) lines.push(`lost: ${path}, of change ${held.czxid}`);
    else if (show(there) !== show(held)) lines.push(`${path} is ${show(there)}, and should be ${show(held)}`);
  }
  for (const [path, held] of found) {
    if (!wanted.has(path)) lines.push(`invented: ${path}, ${show(held)}`);
  }
  return lines;
}

function show({ data, version, czxid, mzxid }: Held): string {
  const text = data.length > 24 ? `${data.slice(0, 24).replaceAll("\0", "0")}… of ${data.length}` : data;
  return `${text} (version ${version}, created by ${czxid}, changed by ${mzxid})`;
}
