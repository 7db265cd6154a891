/**
 * The file of counters.
 *
 * @module
 */

import type { Capture } from "../capture/capture.ts";
import type { Detector } from "../detect/detector.ts";
import { formatMetrics, type Metrics } from "../format/metrics.ts";
import type { Sink } from "../format/sink/sink.ts";
import { WholeFile } from "../format/sink/whole_file.ts";
import { logWarning } from "./diagnostics.ts";
import { Failure } from "./failure.ts";

/** How often they are written. */
const INTERVAL_MS = 15_000;
const OPTION = "--metrics";

/** Writes counters at the start, at times, and at the end. */
export class MetricsFile {
  readonly #file: WholeFile;
  #read: (() => Metrics) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isFailing = false;

  /** @throws {Error} If the file cannot be opened. */
  constructor(path: string) {
    this.#file = new WholeFile(path, OPTION, "counters");
  }

  /**
   * Checks that there is, or could be, a file, and makes none.
   *
   * @throws {Error} If there could not.
   */
  static check(path: string): void {
    WholeFile.check(path, OPTION, "counters");
  }

  /** Descriptors of files whose length changes. */
  get rewritten(): readonly number[] {
    return this.#file.rewritten;
  }

  /**
   * Begins to write.
   *
   * @param read Gives the counters.
   * @throws {Failure} If they cannot be written.
   */
  start(read: () => Metrics): void {
    this.#read = read;
    this.#file.write(formatMetrics(read()));
    const { failure, description } = this.#file;
    if (failure !== undefined) {
      throw new Failure(
        `${OPTION} ${description}: ${failure.message}; name a file where there is room`,
      );
    }
    this.#timer = setInterval(() => this.#write(), INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  #write(): void {
    if (this.#read === undefined) return;
    this.#file.write(formatMetrics(this.#read()));
    const { failure, description } = this.#file;
    if (failure !== undefined && !this.#isFailing) {
      logWarning(`${OPTION} ${description}: ${failure.message}`);
    }
    this.#isFailing = failure !== undefined;
  }

  /** Writes a last time. */
  end(): void {
    clearInterval(this.#timer);
    this.#write();
  }
}

const STARTED = Date.now();

/** Reads the counters. */
export function readMetrics(
  capture: Capture,
  detector: Detector,
  sinks: readonly Sink[],
): Metrics {
  const { dropped } = capture.statistics();
  const { counters, sources, hosts, evicted } = detector;
  return {
    packets: counters.packets,
    dropped,
    damaged: counters.damaged,
    tooDeep: counters.tooDeep,
    scans: counters.scans,
    suppressed: counters.suppressed,
    sources,
    hosts,
    evicted,
    lost: sinks.reduce((sum, { lost }) => sum + lost, 0),
    started: STARTED,
  };
}
