// How the side-by-side benchmark compares the figures of several rounds.

import {
  compare,
  shortfalls,
  spreadOf,
} from "../../../bench/side_by_side/comparison.ts";
import { limitsAsPeers } from "../../../bench/side_by_side/limits_as_peers.ts";
import type { Outcome } from "../../../bench/side_by_side/outcome.ts";
import { SECTIONS } from "../../../bench/side_by_side/sections.ts";
import type { Unit } from "../../../bench/row.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

function outcome(
  peer: string,
  round: number,
  value: number,
  unit: Unit = "per second",
  section: string = SECTIONS.ray,
): Outcome {
  const figures = [{ row: "a row", value, unit }];
  return { peer, section, round, figures, gaps: [] };
}

describe("spreadOf", () => {
  it("takes the middle one, or the mean of the two in the middle", () => {
    assertEquals(spreadOf([3, 1, 2]), { median: 2, least: 1, most: 3 });
    assertEquals(spreadOf([4, 1, 2, 3]), { median: 2.5, least: 1, most: 4 });
  });
});

describe("compare", () => {
  it("divides figures of the same round only", () => {
    const [section] = compare([
      outcome("Manta", 0, 100),
      outcome("Ray", 0, 10),
      outcome("Manta", 1, 400),
      outcome("Ray", 1, 20),
      outcome("Manta", 2, 1_000),
    ]);
    const [row] = section!.rows;
    assertEquals(row!.manta, { median: 400, least: 100, most: 1_000 });
    assertEquals(row!.peers, [{
      peer: "Ray",
      spread: { median: 15, least: 10, most: 20 },
      ratio: { median: 15, least: 10, most: 20 },
      wanted: 10,
    }]);
  });

  it("turns the ratio over where less is better", () => {
    const [section] = compare([
      outcome("Manta", 0, 2, "seconds"),
      outcome("Ray", 0, 6, "seconds"),
    ]);
    const [peer] = section!.rows[0]!.peers;
    assertEquals(peer!.ratio!.median, 3);
    assertEquals(peer!.wanted, 1);
  });

  it("has no ratio where Manta has no figure", () => {
    const [section] = compare([outcome("Ray", 0, 6)]);
    assertEquals(section!.rows[0]!.manta, undefined);
    assertEquals(section!.rows[0]!.peers[0]!.ratio, undefined);
  });
});

describe("shortfalls", () => {
  it("wants ten times Ray, half of a limit, and to be ahead elsewhere", () => {
    const found = shortfalls(compare([
      outcome("Manta", 0, 90),
      outcome("Ray", 0, 10),
      outcome("bare postMessage", 0, 200),
      outcome("piscina", 0, 80),
      outcome("comlink", 0, 100),
    ]));
    assertEquals(
      found.map(({ peer, ratio, wanted }) => [peer, ratio, wanted]),
      [["Ray", 9, 10], ["bare postMessage", 0.45, 0.5], ["comlink", 0.9, 1]],
    );
  });
});

describe("limitsAsPeers", () => {
  it("puts a limit beside each row that it bounds", () => {
    const unit = "per second";
    const peers = limitsAsPeers({
      peer: "Manta",
      section: SECTIONS.limits,
      round: 3,
      figures: [{ row: "TCP stream 1 GB gigabytes", value: 4, unit }],
      gaps: [],
    });
    assertEquals(peers, [{
      peer: "bare TCP",
      section: SECTIONS.calls,
      round: 3,
      figures: [{ row: "calls with 1 MB", value: 4_000, unit }],
      gaps: [],
    }]);
  });
});
