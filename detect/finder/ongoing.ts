/**
 * Scans that were found and go on, and probes that several sources send.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import { NOBODY } from "../probe/shared_probes.ts";
import { type FollowedScan, TOLD_IN_GROUP } from "../report/followed.ts";
import { FOUND_FAST, FOUND_SLOW, UNNAMED, VERIFIED } from "../table/records.ts";
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

  /** Takes note of who else sends a source's probe. */
  noteShared(entry: number, probe: Segment): void {
    const { sharedProbes, companies } = this.#state;
    const partner = sharedProbes.note(entry, probe);
    if (partner !== NOBODY) companies.meet(entry, partner);
  }

  /** Whether a scan that was found goes on; then there is nothing to count. */
  goesOn(entry: number, probe: Segment): boolean {
    const { records } = this.#state;
    if (!records.has(entry, FOUND_FAST | FOUND_SLOW)) return false;
    const { reporter, lockstep } = this.#state;
    const isFast = records.has(entry, FOUND_FAST);
    const followed = reporter.followed.of(records, entry);
    followed?.follow(probe);
    const isMember = followed?.state === TOLD_IN_GROUP;
    if (isMember || !lockstep.isIdle) this.#meetGroup(entry, probe, followed);
    if (isFast) {
      records.touch(entry, probe.time, records.bound(entry), 0xff);
      this.#completions.note(entry, probe);
    }
    if (records.has(entry, UNNAMED)) this.#nameLate(entry, probe.time);
    return isFast;
  }

  /** Sees whether others still send the same, or it goes on alone. */
  #meetGroup(
    entry: number,
    probe: Segment,
    followed: FollowedScan | undefined,
  ): void {
    const { records, sharedProbes, companies, reporter, lockstep } =
      this.#state;
    const partner = sharedProbes.note(entry, probe);
    if (followed !== undefined) followed.alone++;
    if (partner === NOBODY) {
      if (followed?.isLeftAlone) records.set(entry, UNNAMED);
      return;
    }
    const other = reporter.followed.of(records, partner);
    if (followed !== undefined) followed.alone = 0;
    if (other !== undefined) other.alone = 0;
    companies.meet(entry, partner);
    lockstep.addReported(this.#completions.ofOngoing(entry));
  }

  /** A scan that no line has named goes on. */
  #nameLate(entry: number, time: number): void {
    const { records, reporter, lockstep } = this.#state;
    const isVerified = records.standing(entry) === VERIFIED;
    if (!reporter.hasRoom(isVerified, time)) return;
    if (lockstep.isHeld(entry)) return;
    reporter.nameLate(this.#completions.ofOngoing(entry));
  }
}
