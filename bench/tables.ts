// Numbers as people read them, in Markdown tables aligned for a terminal too.
import { median } from "../test/support/statistics.ts";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(3, title.length, ...rows.map((row) => row[i]!.length)));
  const left = head.map((_, i) => rows.length > 0 && rows.every((row) => !/^[\d±−–×]/.test(row[i]!)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (left[i] ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (left[i] ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** Half the distance between the extremes, as a share of the median: "±4 %". */
export function spread(values: readonly number[]): string {
  const half = (Math.max(...values) - Math.min(...values)) / 2 / median(values);
  return `±${Math.round(half * 100)} %`;
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Microseconds as milliseconds with three digits that mean something. */
export function milliseconds(us: number): string {
  const ms = us / 1000;
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}

export function megabytes(value: number): string {
  return value.toFixed(0);
}

export function times(value: number): string {
  return `× ${value.toFixed(value >= 10 ? 1 : 2)}`;
}
