// The style sheet of the page: for light and dark screens, wide and narrow ones.

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #20242a; --faint: #6b7280; --line: #e3e0d8; --stripe: #f6f4ee;
  --placed: #e3eef8; --placed-edge: #5b8fbf; --placed-ink: #17395a;
  --stuck: #fde4e1; --stuck-edge: #c93a2b; --stuck-ink: #7c1810;
  --open: #efeeea; --open-edge: #a3a199; --open-ink: #4a4a45;
  --unknown: #faf0d2; --unknown-edge: #b98a13; --unknown-ink: #5e4705;
  --good: #2f7d4f;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --card: #1b1f24; --ink: #e4e6e9; --faint: #98a0aa; --line: #2e343b; --stripe: #20252b;
    --placed: #1d3348; --placed-edge: #5f9bd1; --placed-ink: #cfe4f7;
    --stuck: #4a1f1b; --stuck-edge: #f0695a; --stuck-ink: #ffd9d4;
    --open: #2a2e33; --open-edge: #6f767e; --open-ink: #c5cad0;
    --unknown: #3b3114; --unknown-edge: #d0a638; --unknown-ink: #f5e4b0;
    --good: #5fbf86;
  }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 28px clamp(14px, 3vw, 40px) 48px; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, section, footer { max-width: 1100px; }
h1 { margin: 0 0 6px; font-size: 24px; line-height: 1.25; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h1.violated { color: var(--stuck-edge); } h1.linearizable { color: var(--good); }
h1 code { color: var(--ink); }
h2 { margin: 34px 0 8px; font-size: 17px; }
p { margin: 6px 0; max-width: 78ch; overflow-wrap: anywhere; }
code { font: 0.92em/1.4 var(--mono); background: var(--stripe); border: 1px solid var(--line); border-radius: 4px; padding: 0 4px; }
.faint, footer { color: var(--faint); font-size: 13.5px; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 14px 0 10px; padding: 0; list-style: none; font-size: 13.5px; color: var(--faint); }
.legend li { display: flex; align-items: center; gap: 7px; }
.swatch { width: 26px; height: 14px; border: 1.5px solid; border-radius: 4px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
.chart { display: flex; width: max-content; min-width: 100%; }
.names { position: sticky; left: 0; z-index: 4; flex: none; max-width: 38vw; background: var(--card); border-right: 1px solid var(--line); }
.names div { display: flex; align-items: center; padding: 0 12px; font-size: 13px; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.names .corner { border-top: 0; color: var(--faint); font-size: 12px; }
.field { position: relative; flex: 1 0 auto; }
.lane { position: absolute; left: 0; right: 0; border-top: 1px solid var(--line); }
.tick { position: absolute; top: 0; bottom: 0; border-left: 1px dotted var(--line); padding-left: 4px; font-size: 11.5px; line-height: 26px; color: var(--faint); white-space: nowrap; }
.path { position: absolute; left: 0; top: 0; overflow: visible; pointer-events: none; }
.path polyline { fill: none; stroke: var(--placed-edge); stroke-width: 1.5; opacity: 0.45; }
.end { position: absolute; bottom: 0; border-left: 2px dashed var(--stuck-edge); }
.bar { position: absolute; height: 40px; padding: 3px 8px; border: 1.5px solid; border-radius: 6px; overflow: hidden;
  font: 12px/16px var(--mono); white-space: pre; }
.bar span { display: block; overflow: hidden; text-overflow: ellipsis; unicode-bidi: isolate; }
.bar .answer { opacity: 0.82; }
.placed { background: var(--placed); border-color: var(--placed-edge); color: var(--placed-ink); }
.stuck { background: var(--stuck); border-color: var(--stuck-edge); color: var(--stuck-ink); box-shadow: 0 0 0 2px var(--stuck-edge); }
.open { background: var(--open); border-color: var(--open-edge); color: var(--open-ink); }
.unknown { background: var(--unknown); border-color: var(--unknown-edge); color: var(--unknown-ink); border-style: dashed; border-right: 0; border-radius: 6px 0 0 6px;
  -webkit-mask-image: linear-gradient(to right, #000 calc(100% - 70px), transparent); mask-image: linear-gradient(to right, #000 calc(100% - 70px), transparent); }
.swatch.unknown { border-right: 1.5px dashed; border-radius: 4px; -webkit-mask-image: none; mask-image: none; }
.point { position: absolute; z-index: 3; min-width: 18px; height: 18px; padding: 0 4px; border-radius: 9px; transform: translateX(-50%);
  background: var(--placed-edge); color: var(--card); font: 600 11px/18px var(--mono); text-align: center; }
.point.of-unknown { background: var(--unknown-edge); }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { padding: 5px 12px; text-align: left; border-top: 1px solid var(--line); vertical-align: top; }
thead th { border-top: 0; color: var(--faint); font-weight: 500; }
td.words { font: 12.5px/1.6 var(--mono); overflow-wrap: anywhere; min-width: 12ch; }
td.number { text-align: right; color: var(--faint); font-variant-numeric: tabular-nums; }
tr.stuck td { background: var(--stuck); color: var(--stuck-ink); }
tr.unanswered td { color: var(--unknown-ink); background: var(--unknown); }
footer { margin-top: 36px; }
@media (max-width: 640px) { body { padding-top: 18px; } h1 { font-size: 20px; } .names div { padding: 0 8px; } th, td { padding: 5px 8px; } }
`;
