/**
 * What a rule is: a question that is asked of a record.
 *
 * @module
 */

import type { RecordTable } from "../table/records.ts";
import type { Judgement } from "../probe/judgement.ts";

/** No scan, so far. */
export const NOTHING_FOUND = -1;

/** A question that is asked of a record. */
export interface RecordRule {
  /** Its name in reports; `fast`: the kind of the completing probe names it. */
  readonly name: "fast" | "slow";
  /** The status flag of records in which it has found a scan that goes on. */
  readonly found: number;
  /**
   * Asks it.
   *
   * @returns The index of the target that completed a scan, or
   * {@linkcode NOTHING_FOUND}.
   */
  ask(
    records: RecordTable,
    entry: number,
    judgement: Judgement,
    time: number,
  ): number;
}
