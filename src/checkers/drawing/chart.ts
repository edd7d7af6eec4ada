// The chart of a history: a lane for each client, a bar for each operation, and numbers that show the order in which the
// operations took effect.

import { clientName } from "../explanation.ts";
import { shortened } from "../formatting.ts";
import type { Model } from "../model.ts";
import { escaped } from "./html.ts";
import { type Bar, type Layout, layOut } from "./layout.ts";
import type { Drawn } from "./selection.ts";

const AXIS_HEIGHT = 28;
const ROW_HEIGHT = 68;
const BAR_TOP = 21;
/** The numbers stand on the upper edges of their bars. */
const POINT_TOP = 4;
const POINT_MIDDLE = POINT_TOP + 9;
const CHARACTER_WIDTH = 7.3;
const BAR_PADDING = 20;
const WORDS_LENGTH_MAX = 36;

export function chart<Input, Output>(
  model: Model<unknown, Input, Output>,
  drawn: readonly Drawn<Input, Output>[],
  unit: string,
): string {
  const bars = drawn.map((one) => ({ one, ...wordsOf(model, one) }));
  const layout = layOut(bars.map(({ one, asked, answered }) => ({ ...one, width: widthOf(asked, answered) })));
  const height = AXIS_HEIGHT + layout.rows * ROW_HEIGHT;
  const stuck = drawn.findIndex(({ role }) => role === "stuck");
  // A box that runs from right to left shows its right end first, where a violation is.
  const direction = stuck === -1 ? "ltr" : "rtl";
  return `<div class="scroll" dir="${direction}" tabindex="0"><div class="chart" dir="ltr">
<div class="names">${names(layout)}</div>
<div class="field" style="width:${px(layout.width)};height:${px(height)}">
${layout.lanes.map(({ firstRow, rows }) => `<div class="lane" style="top:${px(topOf(firstRow))};height:${px(rows * ROW_HEIGHT)}"></div>`).join("\n")}
${layout.ticks.map(({ left, time }) => `<div class="tick" style="left:${px(left)}">${escaped(timeText(time, unit))}</div>`).join("\n")}
${path(drawn, layout, height)}
${stuck === -1 ? "" : `<div class="end" style="left:${px(layout.bars[stuck]!.right)};top:${px(AXIS_HEIGHT)}"></div>`}
${bars.map(({ one, asked, answered }, item) => bar(one, layout.bars[item]!, { asked, answered, unit })).join("\n")}
</div></div></div>`;
}

function wordsOf<Input, Output>(
  model: Model<unknown, Input, Output>,
  { operation }: Drawn<Input, Output>,
): { readonly asked: string; readonly answered: string } {
  const asked = model.describeInput(operation.input);
  return { asked, answered: operation.return === null ? "no answer" : `→ ${model.describeOutput(operation.output)}` };
}

function widthOf(...lines: readonly string[]): number {
  const longest = Math.max(...lines.map((line) => shortened(line, WORDS_LENGTH_MAX).length));
  return Math.ceil(longest * CHARACTER_WIDTH) + BAR_PADDING;
}

function names({ lanes }: Layout): string {
  const rows = lanes.map(
    ({ client, rows }) =>
      `<div style="height:${px(rows * ROW_HEIGHT)}"><bdi>${escaped(clientName(client))}</bdi></div>`,
  );
  return [`<div class="corner" style="height:${px(AXIS_HEIGHT)}">time →</div>`, ...rows].join("\n");
}

function bar(
  { operation, role, number }: Drawn<unknown, unknown>,
  { left, right, row, point }: Bar,
  { asked, answered, unit }: { readonly asked: string; readonly answered: string; readonly unit: string },
): string {
  const isUnanswered = operation.return === null;
  const ended = operation.return === null ? "never answered" : `answered at ${timeText(operation.return, unit)}`;
  const whole = `${clientName(operation.client)}: ${asked} ${answered} (called at ${timeText(operation.call, unit)}, ${ended})`;
  const place = `left:${px(left)};width:${px(right - left)};top:${px(topOf(row) + BAR_TOP)}`;
  const box = `<div class="bar ${isUnanswered ? "unknown" : role}" style="${place}" title="${escaped(shortened(whole, 400))}">${line("asked", asked)}${line("answer", answered)}</div>`;
  if (point === null) return box;
  const at = `left:${px(point)};top:${px(topOf(row) + POINT_TOP)}`;
  return `${box}<div class="point${isUnanswered ? " of-unknown" : ""}" style="${at}">${number}</div>`;
}

function line(kind: string, words: string): string {
  return `<span class="${kind}">${escaped(shortened(words, WORDS_LENGTH_MAX))}</span>`;
}

/** From number to number, behind the bars. */
function path(drawn: readonly Drawn<unknown, unknown>[], { bars, width }: Layout, height: number): string {
  const corners = bars.flatMap(({ point, row }, item) =>
    point === null ? [] : [{ number: drawn[item]!.number!, at: `${round(point)},${topOf(row) + POINT_MIDDLE}` }],
  );
  const points = corners.sort((a, b) => a.number - b.number).map(({ at }) => at);
  return `<svg class="path" width="${round(width)}" height="${height}" aria-hidden="true"><polyline points="${points.join(" ")}"/></svg>`;
}

function topOf(row: number): number {
  return AXIS_HEIGHT + row * ROW_HEIGHT;
}

function timeText(time: number, unit: string): string {
  const rounded = Math.round(time * 1000) / 1000;
  return unit === "" ? String(rounded) : `${rounded} ${unit}`;
}

function px(length: number): string {
  return `${round(length)}px`;
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}
