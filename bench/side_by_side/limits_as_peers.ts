// The machine's own limits stand in the tables as peers do, beside the rows that
// they bound. Pure.

import {
  LIMIT_ROWS,
  MEMCPY_GIGABYTE,
  POST_MESSAGE_ECHO,
  TCP_GIGABYTE,
  TCP_ROW,
  WEB_SOCKET_ECHO,
} from "../limits.ts";
import type { Outcome } from "./outcome.ts";
import { SECTIONS } from "./sections.ts";

interface Bound {
  readonly limit: string;
  readonly peer: string;
  readonly section: string;
  readonly row: string;
  /** What one of the limit's counts for in the row. */
  readonly factor: number;
}

const { ray, pools, calls, graph } = SECTIONS;

const POST_MESSAGE = { limit: POST_MESSAGE_ECHO, peer: "bare postMessage" };
const WEB_SOCKET = { limit: WEB_SOCKET_ECHO, peer: "bare WebSocket" };
const MEMCPY = { limit: MEMCPY_GIGABYTE, peer: "bare memcpy" };
const TCP = { limit: TCP_GIGABYTE, peer: "bare TCP" };

const BOUNDS: readonly Bound[] = [
  { ...POST_MESSAGE, section: ray, row: "single client tasks sync", factor: 1 },
  { ...POST_MESSAGE, section: ray, row: "1:1 actor calls sync", factor: 1 },
  { ...MEMCPY, section: ray, row: "single client put gigabytes", factor: 1 },
  { ...POST_MESSAGE, section: pools, row: "task after task", factor: 1 },
  { ...WEB_SOCKET, section: calls, row: "call after call", factor: 1 },
  { ...TCP, section: calls, row: "calls with 1 MB", factor: 1_000 },
  {
    ...MEMCPY,
    section: graph,
    row: "100 MB scattered to a task, gigabytes",
    factor: 1,
  },
];

const LIMITS: ReadonlySet<string> = new Set(
  [...LIMIT_ROWS, TCP_ROW].map(({ name }) => name),
);

/** Without the limits that a program has measured beside its rows. */
export function withoutLimits(outcome: Outcome): Outcome {
  return {
    ...outcome,
    figures: outcome.figures.filter(({ row }) => !LIMITS.has(row)),
    gaps: outcome.gaps.filter(({ what }) => !LIMITS.has(what)),
  };
}

/** One outcome for each bound whose limit was measured. */
export function limitsAsPeers(limits: Outcome): Outcome[] {
  return BOUNDS.flatMap(({ limit, peer, section, row, factor }) => {
    const figure = limits.figures.find((it) => it.row === limit);
    if (figure === undefined) return [];
    const { round } = limits;
    const figures = [{ ...figure, row, value: figure.value * factor }];
    return { peer, section, round, figures, gaps: [] };
  });
}
