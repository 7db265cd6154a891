/**
 * What is to be told of a record once a rule has found a scan in it.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import type { Judgement } from "../probe/judgement.ts";
import { describeRecord } from "../report/describe.ts";
import type { Completion } from "../report/followed.ts";
import { SLOW_PAUSE_MS } from "../rules/slow.ts";
import { FOUND_FAST, type RecordTable } from "../table/records.ts";
import type { FinderState } from "./state.ts";

/** Makes completions of records. */
export class Completions {
  readonly #records: RecordTable;
  readonly #judgement: Judgement;
  readonly #ipv6Prefix: number;

  constructor({ records, judgement, settings }: FinderState) {
    this.#records = records;
    this.#judgement = judgement;
    this.#ipv6Prefix = settings.ipv6Prefix;
  }

  /** Takes note of when and where a source's last probe was seen. */
  note(entry: number, probe: Segment): void {
    this.#records.setWall(entry, probe.wallTime);
    this.#records.setInterface(entry, probe.interfaceIndex);
  }

  /** @param index The target that has completed the scan. */
  of(entry: number, index: number): Completion {
    const records = this.#records;
    const isSlow = !records.has(entry, FOUND_FAST);
    const pause = this.#judgement.pauseOf(records.traitsAt(entry, index));
    return {
      scan: describeRecord(records, entry, {
        index,
        isSlow,
        pause,
        ipv6Prefix: this.#ipv6Prefix,
        completed: records.wall(entry),
        interfaceIndex: records.interfaceIndex(entry),
      }),
      table: records,
      entry,
      time: records.time(entry),
      pause: isSlow ? SLOW_PAUSE_MS : pause,
    };
  }

  /** The same of a scan that goes on. */
  ofOngoing(entry: number): Completion {
    return this.of(entry, this.#records.count(entry) - 1);
  }
}
