/**
 * The original scanlogd as a whole: its rule, its flood limit, its reports.
 *
 * @module
 */

import type { Counters } from "./counters.ts";
import type { AddressSet } from "./packet/address.ts";
import type { Segment } from "./packet/segment.ts";
import { describeScan } from "./report/describe.ts";
import { FloodLimit, TELL, TELL_MORE_FOLLOW } from "./report/flood.ts";
import type { ReportHandler } from "./report/report.ts";
import { ClassicRule } from "./rules/classic.ts";
import type { Settings } from "./settings.ts";
import type { SourceTable } from "./table/sources.ts";

/** What it needs to be told. */
export interface ClassicOptions {
  /** The numbers that it runs with. */
  settings: Settings;
  /** A source of 32 random bits for the hash keys. */
  random: () => number;
  /** Networks whose IPv6 sources count per address. */
  onLink: AddressSet | undefined;
}

/** Finds scans by the classic rule alone. */
export class ClassicFinder {
  /** The sources being watched. */
  readonly table: SourceTable;
  readonly #rule: ClassicRule;
  readonly #flood: FloodLimit;
  readonly #report: ReportHandler;
  readonly #counters: Counters;
  readonly #ipv6Prefix: number;

  /** @param counters Counts scans found and kept back. */
  constructor(
    { settings, random, onLink }: ClassicOptions,
    report: ReportHandler,
    counters: Counters,
  ) {
    this.#rule = new ClassicRule(settings, random, onLink);
    this.table = this.#rule.table;
    this.#flood = new FloodLimit(settings);
    this.#report = report;
    this.#counters = counters;
    this.#ipv6Prefix = settings.ipv6Prefix;
  }

  /** Looks at an incoming TCP segment. */
  received(segment: Segment): void {
    const entry = this.#rule.apply(segment);
    if (entry >= 0) this.#tell(entry, segment);
  }

  #tell(entry: number, segment: Segment): void {
    this.#counters.scans++;
    const verdict = this.#flood.next(segment.time);
    if (verdict === TELL) {
      this.#report(
        describeScan(this.table, entry, segment, this.#ipv6Prefix),
      );
      return;
    }
    this.#counters.suppressed++;
    if (verdict === TELL_MORE_FOLLOW) {
      this.#report({ type: "flood", completed: segment.wallTime });
    }
  }
}
