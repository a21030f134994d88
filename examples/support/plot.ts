// Draws a scatter plot with a logarithmic x axis as a PNG picture: axes,
// ticks, labels, a legend and one point marked. Pure: it writes no file.

import { Canvas, type Color, textWidth } from "./canvas.ts";

/** A scatter plot as a PNG file. */
export function plotPng(plot: Plot): Uint8Array {
  const canvas = new Canvas(WIDTH, HEIGHT);
  const scales = scalesOf(plot);
  drawAxes(canvas, plot, scales);
  for (const series of plot.series) {
    for (const [x, y] of series.points) {
      canvas.disc(scales.x(x), scales.y(y), 3.2, series.color, 0.55);
    }
  }
  drawLegend(canvas, plot.series);
  if (plot.mark !== undefined) drawMark(canvas, plot.mark, scales);
  return canvas.toPng();
}

/** What to draw. Every x must be above 0. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** A point to point out, and what to say of it. */
  readonly mark?: { readonly point: Point; readonly label: string };
}

/** Points of one colour, listed under `name` in the legend. */
export interface Series {
  readonly name: string;
  readonly color: Color;
  readonly points: readonly Point[];
}

/** A pair of x and y. */
export type Point = readonly [x: number, y: number];

const WIDTH = 1200;
const HEIGHT = 760;
const MARGIN = { left: 100, right: 40, top: 110, bottom: 90 };
const INK: Color = [40, 44, 52];
const GRID: Color = [228, 231, 236];

/** From a point's values to pixels, and where the axes' ticks are. */
interface Scales {
  x(value: number): number;
  y(value: number): number;
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
}

function scalesOf(plot: Plot): Scales {
  const points = plot.series.flatMap((series) => series.points);
  const xs = points.map(([x]) => Math.log10(x));
  const ys = points.map(([, y]) => y);
  const [xLow, xHigh] = [Math.floor(min(xs)), Math.ceil(max(xs))];
  const yStep = max(ys) - min(ys) < 0.5 ? 0.05 : 0.1;
  const yLow = Math.floor(min(ys) / yStep) * yStep;
  const yHigh = Math.ceil(max(ys) / yStep) * yStep;
  const plotWidth = WIDTH - MARGIN.left - MARGIN.right;
  const plotHeight = HEIGHT - MARGIN.top - MARGIN.bottom;
  const xSpan = xHigh - xLow || 1;
  const ySpan = yHigh - yLow || 1;
  return {
    x: (value) => MARGIN.left + (Math.log10(value) - xLow) / xSpan * plotWidth,
    y: (value) => HEIGHT - MARGIN.bottom - (value - yLow) / ySpan * plotHeight,
    xTicks: range(xLow, xHigh, 1).map((exponent) => 10 ** exponent),
    yTicks: range(yLow, yHigh, yStep),
  };
}

function drawAxes(canvas: Canvas, plot: Plot, scales: Scales): void {
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  for (const value of scales.xTicks) {
    const x = Math.round(scales.x(value));
    canvas.rectangle(x, MARGIN.top, 1, bottom - MARGIN.top, GRID);
    canvas.rectangle(x, bottom, 1, 8, INK);
    const label = value.toExponential(0).replace("e+", "e");
    canvas.text(x - textWidth(label) / 2, bottom + 16, label, INK);
  }
  for (const value of scales.yTicks) {
    const y = Math.round(scales.y(value));
    canvas.rectangle(MARGIN.left, y, right - MARGIN.left, 1, GRID);
    canvas.rectangle(MARGIN.left - 8, y, 8, 1, INK);
    const label = value.toFixed(2);
    canvas.text(MARGIN.left - 18 - textWidth(label), y - 7, label, INK);
  }
  canvas.rectangle(MARGIN.left, bottom, right - MARGIN.left, 2, INK);
  canvas.rectangle(MARGIN.left, MARGIN.top, 2, bottom - MARGIN.top, INK);
  canvas.text(24, 24, plot.title, INK, 3);
  canvas.text(24, 76, plot.yLabel, INK);
  const middle = (MARGIN.left + right) / 2;
  canvas.text(
    middle - textWidth(plot.xLabel) / 2,
    HEIGHT - 38,
    plot.xLabel,
    INK,
  );
}

/** Bottom left, where a curve that ends low on the right leaves room. */
function drawLegend(canvas: Canvas, series: readonly Series[]): void {
  series.forEach(({ name, color }, i) => {
    const y = HEIGHT - MARGIN.bottom - 34 * (series.length - i);
    canvas.disc(MARGIN.left + 34, y, 6, color);
    canvas.text(MARGIN.left + 52, y - 7, name, INK);
  });
}

function drawMark(
  canvas: Canvas,
  mark: NonNullable<Plot["mark"]>,
  scales: Scales,
): void {
  const [x, y] = [scales.x(mark.point[0]), scales.y(mark.point[1])];
  canvas.disc(x, y, 8, INK);
  canvas.disc(x, y, 5, [255, 255, 255]);
  canvas.rectangle(Math.round(x), Math.round(y) + 8, 1, 40, INK);
  // To the left of the line: on the right a falling curve would cross it.
  const left = Math.max(x - textWidth(mark.label) + 12, MARGIN.left + 12);
  canvas.text(left, Math.round(y) + 54, mark.label, INK);
}

/** `Math.min` and `Math.max` run out of arguments on a long list. */
function min(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Infinity);
}

function max(values: readonly number[]): number {
  return values.reduce((high, value) => Math.max(high, value), -Infinity);
}

function range(low: number, high: number, step: number): number[] {
  const count = Math.round((high - low) / step) + 1;
  return Array.from({ length: count }, (_, i) => low + i * step);
}
