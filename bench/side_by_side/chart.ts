// The comparison as a picture: for each row and peer a bar of how many times as
// good Manta is, on a logarithmic scale, with the range of the rounds. Pure.

import type { ComparedSection, Spread } from "./comparison.ts";
import { formatRatio } from "./tables.ts";

const WIDTH = 1_000;
const LEFT = 470;
const RIGHT = 110;
const BAR_HEIGHT = 12;
const LINE_HEIGHT = 17;
const TITLE_HEIGHT = 34;
const TOP = 64;
const BOTTOM = 24;

/** A bar, or the heading of a section. */
type Entry =
  | { readonly type: "title"; readonly text: string }
  | BarEntry;

interface BarEntry extends Spread {
  readonly type: "bar";
  readonly label: string;
  readonly wanted: number;
}

interface Scale {
  readonly at: (ratio: number) => number;
  readonly ticks: readonly number[];
}

/** An SVG document that needs nothing else. */
export function drawChart(
  sections: readonly ComparedSection[],
  caption: string,
): string {
  const entries = sections.flatMap(entriesOf);
  const scale = scaleFor(entries);
  const tops = topsOf(entries);
  const height = (tops.at(-1) ?? TOP) + TITLE_HEIGHT + BOTTOM;
  const drawn = entries.map((entry, i) => draw(entry, tops[i]!, scale));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" ` +
    `height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    `font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    text(16, 22, "How many times as good as each peer Manta is", {
      size: 16,
      weight: "bold",
    }),
    text(16, 40, caption, { fill: "#555" }),
    ...scale.ticks.map((tick) => drawTick(tick, scale, height)),
    ...drawn,
    "</svg>",
  ].join("\n") + "\n";
}

function entriesOf({ section, rows }: ComparedSection): Entry[] {
  const bars = rows.flatMap(({ row, peers }) =>
    peers.flatMap(({ peer, ratio, wanted }): Entry[] =>
      ratio === undefined
        ? []
        : [{ type: "bar", label: `${row}: ${peer}`, wanted, ...ratio }]
    )
  );
  return bars.length === 0 ? [] : [{ type: "title", text: section }, ...bars];
}

/** From the least power of ten to the greatest that is needed, 1 included. */
function scaleFor(entries: readonly Entry[]): Scale {
  const bars = entries.filter((entry) => entry.type === "bar");
  const lowest = Math.min(1, ...bars.map(({ least }) => least));
  const highest = Math.max(10, ...bars.map(({ most }) => most));
  const from = Math.floor(Math.log10(lowest));
  const to = Math.ceil(Math.log10(highest));
  const width = WIDTH - LEFT - RIGHT;
  return {
    at: (ratio) => LEFT + (Math.log10(ratio) - from) / (to - from) * width,
    ticks: Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i)),
  };
}

function topsOf(entries: readonly Entry[]): number[] {
  let top = TOP;
  return entries.map(({ type }) => {
    const at = top + (type === "title" ? TITLE_HEIGHT - LINE_HEIGHT : 0);
    top += type === "title" ? TITLE_HEIGHT : LINE_HEIGHT;
    return at;
  });
}

function draw(entry: Entry, top: number, { at }: Scale): string {
  const baseline = top + BAR_HEIGHT - 2;
  if (entry.type === "title") {
    return text(16, baseline, entry.text, { size: 13, weight: "bold" });
  }
  const { label, wanted, median, least, most } = entry;
  const [one, end] = [at(1), at(median)];
  const middle = top + BAR_HEIGHT / 2;
  return [
    text(LEFT - 8, baseline, label, { anchor: "end" }),
    `<rect x="${fixed(Math.min(one, end))}" y="${top}" ` +
    `width="${fixed(Math.max(Math.abs(end - one), 1))}" ` +
    `height="${BAR_HEIGHT}" fill="${colorOf(median, wanted)}"/>`,
    `<line x1="${fixed(at(least))}" x2="${fixed(at(most))}" y1="${middle}" ` +
    `y2="${middle}" stroke="#222" stroke-width="1.5"/>`,
    ...[least, most].map((ratio) =>
      `<line x1="${fixed(at(ratio))}" x2="${fixed(at(ratio))}" ` +
      `y1="${top + 2}" y2="${top + BAR_HEIGHT - 2}" stroke="#222"/>`
    ),
    text(Math.max(at(most), one) + 6, baseline, formatRatio(median)),
  ].join("\n");
}

/** Green where the goal is reached, amber where only ahead, red behind. */
function colorOf(ratio: number, wanted: number): string {
  if (ratio >= wanted) return "#5aa469";
  return ratio >= 1 ? "#e0b050" : "#cc6655";
}

function drawTick(ratio: number, { at }: Scale, height: number): string {
  const x = fixed(at(ratio));
  const color = ratio === 1 ? "#000" : "#ccc";
  return `<line x1="${x}" x2="${x}" y1="${TOP}" y2="${height - BOTTOM}" ` +
    `stroke="${color}"/>\n` +
    text(at(ratio), TOP - 6, formatRatio(ratio), { anchor: "middle" });
}

function text(
  x: number,
  y: number,
  content: string,
  { size = 11, weight = "normal", anchor = "start", fill = "#222" } = {},
): string {
  return `<text x="${fixed(x)}" y="${y}" font-size="${size}" ` +
    `font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">` +
    `${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

function fixed(figure: number): string {
  return figure.toFixed(1);
}
