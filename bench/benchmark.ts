/**
 * What a benchmark is.
 *
 * @module
 */

import type { BarSpec, Figures } from "./figures.ts";
import type { Lab } from "./lab.ts";
import type { Needs } from "./programs.ts";

/** How much is measured. */
export interface Amounts {
  /** Times that each contender has its turn. */
  rounds: number;
  /** Packets of a replayed trace. */
  replayPackets: number;
  /** Bytes of the replayed trace of full frames. */
  mixedBytes: number;
  /** How long a SYN flood lasts, in seconds. */
  floodSeconds: number;
  /** Packets from random sources. */
  randomPackets: number;
  /** Bulk transfers that each contender watches, of each kind. */
  bulkTurns: number;
  /** How long each of them lasts, in seconds. */
  bulkSeconds: number;
  /** How long idling is watched, in seconds. */
  idleSeconds: number;
  /** Starts in a round. */
  starts: number;
  /** Scans in a round, whose lines are waited for. */
  latencyScans: number;
  /** Where traces are kept; undefined: in the lab, until the end. */
  traces?: string;
}

/** Enough for figures that can be quoted. */
export const FULL: Amounts = {
  rounds: 3,
  replayPackets: 4_000_000,
  mixedBytes: 1_000_000_000,
  floodSeconds: 30,
  randomPackets: 10_000_000,
  bulkTurns: 10,
  bulkSeconds: 1,
  idleSeconds: 10,
  starts: 10,
  latencyScans: 300,
};

/** Enough to see that everything works. */
export const QUICK: Amounts = {
  rounds: 1,
  replayPackets: 50_000,
  mixedBytes: 20_000_000,
  floodSeconds: 1,
  randomPackets: 100_000,
  bulkTurns: 1,
  bulkSeconds: 1,
  idleSeconds: 1,
  starts: 2,
  latencyScans: 20,
};

/** Something to measure. */
export interface Benchmark {
  /** What `--only` calls it. */
  readonly name: string;
  /** What it measures, in a line. */
  readonly title: string;
  /** What it cannot do without. */
  readonly needs: Needs;
  /** What its figures are held against. */
  readonly bars: readonly BarSpec[];
  /** Measures. */
  run(figures: Figures, amounts: Amounts, lab: Lab): Promise<void>;
}
