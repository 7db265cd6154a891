/**
 * Scans that were found and go on, and probes that several sources send.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import { ALONE } from "../probe/companies.ts";
import {
  COUNTED,
  FOUND_FAST,
  FOUND_SLOW,
  UNNAMED,
  VERIFIED,
} from "../table/records.ts";
import { targetProtocol } from "../table/target_word.ts";
import type { Completions } from "./completions.ts";
import type { FinderState } from "./state.ts";

/** Follows what goes on. */
export class Ongoing {
  readonly #state: FinderState;
  readonly #completions: Completions;

  constructor(state: FinderState, completions: Completions) {
    this.#state = state;
    this.#completions = completions;
  }

  /** Whether a scan that was found goes on; then there is nothing to count. */
  goesOn(entry: number, probe: Segment): boolean {
    const { records, reporter } = this.#state;
    if (!records.has(entry, FOUND_FAST | FOUND_SLOW)) return false;
    const isFast = records.has(entry, FOUND_FAST);
    reporter.followed.of(records, entry)?.follow(probe);
    if (isFast) {
      this.#noteShared(entry, probe);
      records.touch(entry, probe.time, records.bound(entry), 0xff);
      this.#completions.note(entry, probe);
    }
    if (records.has(entry, UNNAMED | COUNTED)) {
      this.#nameLate(entry, probe.time);
    }
    return isFast;
  }

  /**
   * Sees whether others still send the same, or it goes on alone. A client that
   * others are forged along with also connects, to ports that are open.
   */
  #noteShared(entry: number, probe: Segment): void {
    const { sharedProbes, companies, ports, traits } = this.#state;
    const isOwn = sharedProbes.noteOngoing(entry, probe);
    if (!isOwn || companies.of(entry) === ALONE) return;
    const isOpen = ports.wasOpened(
      traits.of(probe),
      targetProtocol(probe.protocol),
      probe.destinationPort,
      this.#state.destinationOf(probe),
      probe.time,
    );
    if (isOpen) companies.sentTogether(entry);
  }

  /** A scan goes on that no line has named, or only as one of several. */
  #nameLate(entry: number, time: number): void {
    const { records, reporter, lockstep } = this.#state;
    const isReal = lockstep.isReal(entry);
    if (records.has(entry, COUNTED) && !isReal) return;
    const isVerified = records.standing(entry) === VERIFIED;
    if (!reporter.hasRoom(isVerified, time)) return;
    if (lockstep.isGathering(entry)) return;
    const completion = this.#completions.ofOngoing(entry);
    if (!isReal && lockstep.isMember(entry)) lockstep.gather(completion, true);
    else reporter.nameLate(completion);
  }
}
