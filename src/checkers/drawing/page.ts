// A history drawn as one page without scripts, fonts or other files.

import { clientName, explainCheck } from "../explanation.ts";
import { counted, shortened } from "../formatting.ts";
import type { Check } from "../linearizability.ts";
import type { Model, Operation } from "../model.ts";
import { chart } from "./chart.ts";
import { code, escaped, HTML } from "./html.ts";
import { type Selection, select } from "./selection.ts";
import { STYLE } from "./style.ts";

export interface DrawingOptions {
  /** Where the history came from, to stand in small print. */
  readonly source?: string;
  /** What its times are counted in. */
  readonly unit?: string;
}

/** The whole page, as HTML. Of a violation it shows the part that has no order, of anything else the largest part. */
export function drawHistory<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  check: Check<State>,
  { source = "", unit = "" }: DrawingOptions = {},
): string {
  const selection = select(model, history, check);
  const title = `${TITLES[check.verdict]}: ${selection.key}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(shortened(title, 100))}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1 class="${check.verdict}">${TITLES[check.verdict]}: ${code(selection.key)}</h1>
<p>${explainCheck(model, history, check, HTML)}</p>
<p class="faint">${figures(model.name, check)}</p>
</header>
${legend(check, selection)}
${chart(model, selection.drawn, unit)}
${leftOut(check.keys, selection, model.describeState(selection.stateBefore))}
${selection.steps.length === 0 ? "" : table(model, check, history, selection)}
<footer>${source === "" ? "" : `From <bdi>${escaped(source)}</bdi>. `}Drawn by <code>cabildo check</code>.</footer>
</body>
</html>
`;
}

const TITLES = { linearizable: "Linearizable", violated: "Not linearizable", undecided: "Undecided" } as const;

function figures(model: string, { operations, keys, steps }: Check<unknown>): string {
  const all = [counted(operations, "operation"), counted(keys, "key"), counted(steps, "step")];
  return `${all.join(", ")}; model <code>${escaped(model)}</code>`;
}

function legend(check: Check<unknown>, { drawn }: Selection<unknown, unknown, unknown>): string {
  const entries: (readonly [kind: string, text: string])[] = [];
  const isAnswered = (role: string) => drawn.some((one) => one.role === role && one.operation.return !== null);
  if (isAnswered("placed")) entries.push(["placed", PLACED[check.verdict]]);
  if (isAnswered("stuck")) entries.push(["stuck", "has no place in any order"]);
  if (isAnswered("open"))
    entries.push(["open", check.verdict === "violated" ? "was answered later, and is not placed yet" : "not placed"]);
  if (drawn.some(({ operation }) => operation.return === null)) {
    entries.push(["unknown", "never answered: takes effect at any time, or never"]);
  }
  const items = entries.map(([kind, text]) => `<li><span class="swatch ${kind}"></span>${text}</li>`);
  return `<ul class="legend">${items.join("")}</ul>`;
}

const PLACED = {
  linearizable: "numbered in an order that explains every answer",
  violated: "numbered in the longest order that explains its answer",
  undecided: "numbered",
} as const;

function leftOut(
  keys: number,
  { key, stepsLeftOut, operationsLeftOut }: Selection<unknown, unknown, unknown>,
  stateBefore: string,
): string {
  const told = keys > 1 ? [`Of ${counted(keys, "key")} this is ${code(key)}.`] : [];
  if (stepsLeftOut > 0) {
    told.push(
      `Not drawn: ${counted(stepsLeftOut, "earlier step")} of the order, behind which ${code(key)} is ${code(stateBefore)}.`,
    );
  }
  if (operationsLeftOut > 0)
    told.push(`Not drawn either: ${counted(operationsLeftOut, "operation")} without a place in the order.`);
  told.push("Time runs from left to right; the sequence of calls and answers is true to it, the distances are not.");
  return `<p class="faint">${told.join(" ")}</p>`;
}

function table<State, Input, Output>(
  model: Model<State, Input, Output>,
  check: Check<State>,
  history: readonly Operation<Input, Output>[],
  { key, steps }: Selection<State, Input, Output>,
): string {
  const rows = steps.map(({ operation, number, state }) =>
    row(operation.return === null ? "unanswered" : "", [
      String(number),
      clientName(operation.client),
      model.describeInput(operation.input),
      operation.return === null ? "no answer" : model.describeOutput(operation.output),
      model.describeState(state),
    ]),
  );
  if (check.verdict === "violated") {
    const { client, input, output } = history[check.violation.stuck]!;
    const cells = [
      "✕",
      clientName(client),
      model.describeInput(input),
      model.describeOutput(output as Output),
      "nothing explains this",
    ] as const;
    rows.push(row("stuck", cells));
  }
  const head = ["", "who", "asked", "answer", `${key} behind it`].map(
    (text) => `<th><bdi>${escaped(shortened(text, 60))}</bdi></th>`,
  );
  return `<section><h2>The order, step by step</h2>
<div class="table"><table><thead><tr>${head.join("")}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table></div></section>`;
}

function row(
  kind: string,
  [number, client, ...words]: readonly [number: string, client: string, ...words: string[]],
): string {
  const cells = words.map((text) => `<td class="words"><bdi>${escaped(shortened(text))}</bdi></td>`);
  return `<tr class="${kind}"><td class="number">${number}</td><td><bdi>${escaped(client)}</bdi></td>${cells.join("")}</tr>`;
}
