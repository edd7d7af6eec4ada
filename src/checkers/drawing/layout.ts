// The layout of a drawing. Time runs from left to right, but not to scale, because only the order of events counts. The space
// between two events is as wide as the labels need.

import type { Operation } from "../model.ts";

export interface Placeable {
  readonly operation: Operation<unknown, unknown>;
  /** Place in the order, or null. */
  readonly number: number | null;
  /** The least that its bar can be wide. */
  readonly width: number;
}

/** One operation's bar, in pixels. */
export interface Bar {
  readonly left: number;
  readonly right: number;
  readonly row: number;
  /** Where it takes effect in the order, or null. */
  readonly point: number | null;
}

interface Lane {
  readonly client: string | number;
  readonly firstRow: number;
  /** More than one where its operations overlap, as one without an answer does with all that follow. */
  readonly rows: number;
}

export interface Layout {
  /** In the order of what was given. */
  readonly bars: readonly Bar[];
  readonly lanes: readonly Lane[];
  readonly ticks: readonly { readonly left: number; readonly time: number }[];
  readonly width: number;
  readonly rows: number;
}

const MARGIN = 20;
/** Room behind the last event, for the time that is written there. */
const END_MARGIN = 90;
const EVENT_GAP = 12;
const POINT_GAP = 26;
const TICK_GAP = 96;
/** How far what has no answer runs on, fading. */
const FADE = 70;

export function layOut(placeables: readonly Placeable[]): Layout {
  const marks = marksOf(placeables);
  const lefts = leftsOf(marks, placeables);
  const bounds = placeables.map(({ operation, width }, item) => {
    const left = lefts.call[item]!;
    const point = lefts.point[item] ?? null;
    const right = operation.return === null ? Math.max(left + width, point ?? 0) + FADE : lefts.return[item]!;
    return { left, right, point };
  });
  const { lanes, rowOf, rows } = lanesOf(placeables, bounds);
  return {
    bars: bounds.map((bound, item) => ({ ...bound, row: rowOf[item]! })),
    lanes,
    ticks: ticksOf(marks, lefts, placeables),
    width: Math.max(0, ...bounds.map(({ right }) => right)) + END_MARGIN,
    rows,
  };
}

/** Something that needs its own place from left to right: a call, a return, or where an operation takes effect. */
interface Mark {
  readonly kind: "call" | "return" | "point";
  readonly item: number;
}

/** All of them in their sequence; an operation takes effect as early as its call and the order before it allow. */
function marksOf(placeables: readonly Placeable[]): Mark[] {
  const events = placeables
    .flatMap(({ operation }, item): (Mark & { readonly time: number })[] => {
      const call = { kind: "call" as const, item, time: operation.call };
      return operation.return === null ? [call] : [call, { kind: "return", item, time: operation.return }];
    })
    .sort((a, b) => a.time - b.time || Number(a.kind === "return") - Number(b.kind === "return") || a.item - b.item);
  const callAt = new Map(events.flatMap(({ kind, item }, place) => (kind === "call" ? [[item, place]] : [])));
  const pointsBehind = new Map<number, Mark[]>();
  let earliest = 0;
  const ordered = [...placeables.keys()]
    .filter((item) => placeables[item]!.number !== null)
    .sort((a, b) => placeables[a]!.number! - placeables[b]!.number!);
  for (const item of ordered) {
    earliest = Math.max(earliest, callAt.get(item)!);
    const points = pointsBehind.get(earliest) ?? [];
    pointsBehind.set(earliest, [...points, { kind: "point", item }]);
  }
  return events.flatMap((event, place) => [event, ...(pointsBehind.get(place) ?? [])]);
}

type Lefts = Readonly<Record<Mark["kind"], number[]>>;

function leftsOf(marks: readonly Mark[], placeables: readonly Placeable[]): Lefts {
  const lefts: Lefts = { call: [], return: [], point: [] };
  let left = MARGIN - EVENT_GAP;
  let before: Mark["kind"] = "call";
  for (const { kind, item } of marks) {
    left += kind === "point" || before === "point" ? POINT_GAP / (kind === before ? 1 : 1.5) : EVENT_GAP;
    if (kind === "return") left = Math.max(left, lefts.call[item]! + placeables[item]!.width);
    lefts[kind][item] = left;
    before = kind;
  }
  return lefts;
}

function lanesOf(
  placeables: readonly Placeable[],
  bounds: readonly { readonly left: number; readonly right: number }[],
): { readonly lanes: Lane[]; readonly rowOf: number[]; readonly rows: number } {
  const byName = new Intl.Collator("en", { numeric: true });
  const clients = [...new Set(placeables.map(({ operation }) => operation.client))].sort((a, b) =>
    byName.compare(String(a), String(b)),
  );
  const lanes: Lane[] = [];
  const rowOf: number[] = [];
  let rows = 0;
  for (const client of clients) {
    const ends: number[] = [];
    const items = [...placeables.keys()].filter((item) => placeables[item]!.operation.client === client);
    for (const item of items.sort((a, b) => bounds[a]!.left - bounds[b]!.left)) {
      const { left, right } = bounds[item]!;
      const free = ends.findIndex((end) => end < left);
      const row = free === -1 ? ends.length : free;
      ends[row] = right;
      rowOf[item] = rows + row;
    }
    lanes.push({ client, firstRow: rows, rows: ends.length });
    rows += ends.length;
  }
  return { lanes, rowOf, rows };
}

function ticksOf(
  marks: readonly Mark[],
  lefts: Lefts,
  placeables: readonly Placeable[],
): { left: number; time: number }[] {
  const ticks: { left: number; time: number }[] = [];
  for (const { kind, item } of marks) {
    if (kind === "point") continue;
    const { operation } = placeables[item]!;
    const left = lefts[kind][item]!;
    if (left - (ticks.at(-1)?.left ?? Number.NEGATIVE_INFINITY) < TICK_GAP) continue;
    ticks.push({ left, time: kind === "call" ? operation.call : operation.return! });
  }
  return ticks;
}
