// Tables for a terminal: columns as wide as their widest cell, text to the left. What other programs wrote is shown without control
// characters, and cut.

import { printable } from "../base/printable.ts";

/** A list is joined by commas: each of its items may be as long as a cell. */
export type Cell = string | readonly string[];

/** Longer than any name of a recipe. */
const CELL_CHARACTERS_MAX = 260;

export function textTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const shown = rows.map((row) => row.map(shownCell));
  const widths = columns.map((name, at) => Math.max(name.length, ...shown.map((row) => row[at]!.length)));
  return [columns, ...shown]
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function shownCell(cell: Cell): string {
  const items = typeof cell === "string" ? [cell] : cell;
  return items.map((item) => printable(item, CELL_CHARACTERS_MAX)).join(", ");
}
