// A queue's items as nodes: their names, their order, and their data. The names are those of
// Curator's DistributedQueue (`queue-0000000007`), its priority queue (`queue-1000000050000000007`) and its delay queue
// (`queue-|18C2A7B3C00|0000000007`); ours may have both, a date and then a priority.

import { ByteReader } from "../../base/bytes.ts";
import type { ItemOrder } from "../../recipes/engine.ts";

/** The directory of the items of the queue at `path`. */
export function itemsOf(path: string): string {
  return `${path}/items`;
}

/** The directory of their locks, which have the names of the items. */
export function locksOf(path: string): string {
  return `${path}/locks`;
}

const NAME = /^queue-(?:\|([0-9A-Fa-f]{1,14})\|)?([01][0-9A-Fa-f]{8})?(-[12]\d{9}|-\d{9}|\d{10})$/;

export interface ItemName extends ItemOrder {
  readonly name: string;
  readonly sequence: number;
}

/** The name before the ten digits that the servers append. */
export function prefixOf({ priority, dueAt }: ItemOrder): string {
  const due = dueAt === null ? "" : `|${hex(dueAt)}|`;
  return `queue-${due}${priority === 0 ? "" : curatorsPriority(priority)}`;
}

/** Curator takes the lowest number first, so ours is negated; −2³¹, which cannot be negated, is not allowed. */
function curatorsPriority(priority: number): string {
  const lowestFirst = -priority;
  return `${lowestFirst >= 0 ? "1" : "0"}${hex(lowestFirst >>> 0)}`;
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, "0");
}

/** Null: this is not an item's name. */
export function parseItem(name: string): ItemName | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const [, due, priority, sequence] = match;
  return {
    name,
    dueAt: due === undefined ? null : Number.parseInt(due, 16),
    priority: priority === undefined ? 0 : 0 - (Number.parseInt(priority.slice(1), 16) | 0),
    sequence: Number(sequence),
  };
}

/** The highest priority first, then in the order of `put`; also across the overflow of the servers' 32-bit counter. */
export function compareItems(a: ItemName, b: ItemName): number {
  return b.priority - a.priority || (a.sequence - b.sequence) | 0 || (a.name < b.name ? -1 : 1);
}

const VERSION = 0x00010001;
const ITEM = 1;
const END = 2;

/** Curator's form: a version, then each item with a mark and its length, then a mark. */
export function wrapItem(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 10);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, VERSION);
  view.setUint8(4, ITEM);
  view.setInt32(5, data.length);
  bytes.set(data, 9);
  view.setUint8(data.length + 9, END);
  return bytes;
}

/** Empty: the bytes are not in that form. */
export function unwrapItems(bytes: Uint8Array): readonly Uint8Array[] {
  try {
    return read(new ByteReader(bytes));
  } catch {
    return []; // the bytes end too early
  }
}

function read(reader: ByteReader): Uint8Array[] {
  if (reader.int32() !== VERSION) return [];
  const items: Uint8Array[] = [];
  for (;;) {
    const mark = reader.uint8();
    if (mark === END) return items;
    if (mark !== ITEM) return [];
    items.push(reader.view(reader.int32()).slice());
  }
}
