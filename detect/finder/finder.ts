/**
 * Finds scans beyond the classic rule: brings probes, records, rules and
 * reports together.
 *
 * One source has one record, whatever the evidence, so that a scan is told once.
 *
 * @module
 */

import type { Counters } from "../counters.ts";
import type { Ownership } from "../probe/ownership.ts";
import { JudgedProbes } from "../report/judged_probes.ts";
import type { ReportHandler } from "../report/report.ts";
import { Reporter } from "../report/reporter.ts";
import { Completions } from "./completions.ts";
import { gracesOf, Judge } from "./judge.ts";
import { Ongoing } from "./ongoing.ts";
import { Received } from "./received.ts";
import { Recorder } from "./recorder.ts";
import { Sent } from "./sent.ts";
import { type FinderOptions, FinderState } from "./state.ts";

/** Finds scans beyond the classic rule. */
export class ScanFinder {
  /** Looks at what comes in. */
  readonly received: Received;
  /** Looks at what our hosts send. */
  readonly sent: Sent;
  readonly #state: FinderState;
  readonly #ongoing: Ongoing;
  readonly #judge: Judge;
  readonly #recorder: Recorder;

  /** @param counters Counts scans found and kept back, and probes not told of. */
  constructor(
    options: FinderOptions,
    ownership: Ownership,
    report: ReportHandler,
    counters: Counters,
  ) {
    const { settings, ends = false, random } = options;
    const reporter = new Reporter(settings, report, counters, ends);
    const state = new FinderState(options, ownership, reporter);
    this.#state = state;
    const completions = new Completions(state);
    this.#ongoing = new Ongoing(state, completions);
    const judged = judgedProbes(options, state, counters);
    this.#judge = new Judge(state, completions, judged);
    this.#recorder = new Recorder(state, this.#judge, this.#ongoing, random);
    this.received = new Received(state, this.#recorder, this.#judge);
    this.sent = new Sent(state, this.#recorder, this.#judge);
  }

  /** The memory of all tables, in bytes. */
  get byteLength(): number {
    return this.#state.byteLength +
      this.#judge.byteLength + this.#recorder.byteLength;
  }

  /** Sources remembered. */
  get sources(): number {
    return this.#state.records.size;
  }

  /** Sources forgotten early, of which anything weighed. */
  get evicted(): number {
    return this.#state.records.evicted;
  }

  /** When {@linkcode ScanFinder.settle} wants to be called. */
  get deadline(): number {
    return this.#judge.deadline;
  }

  /** Does what time has decided. */
  settle(time: number): void {
    this.#judge.settle(time);
  }

  /** Tells what is left when no more packets come. */
  finish(): void {
    this.#judge.finish();
  }
}

function judgedProbes(
  { probes, settings }: FinderOptions,
  { records, judgement, key }: FinderState,
  counters: Counters,
): JudgedProbes | undefined {
  if (probes === undefined) return undefined;
  const { answerDelay, probeRate: rate } = settings;
  const graces = gracesOf(answerDelay);
  const options = { handler: probes, rate, counters, key };
  return new JudgedProbes(records, judgement, graces, options);
}
