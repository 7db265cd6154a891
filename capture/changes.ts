/**
 * How often to look at changes of addresses and interfaces: a host that makes and
 * removes hundreds of them must not keep us busy.
 *
 * @module
 */

import { CLOCK_THREAD_CPUTIME_ID } from "../ffi/linux.ts";
import { readClock } from "./clock.ts";

/** The first of several changes is looked at at once, the next so much later. */
const SHORTEST_PAUSE_MS = 20;
/**
 * Looking takes at most one part in so many of a processor's time. Where others
 * keep it busy, looking takes longer, but not more of it.
 */
const SHARE = 20;

/** Spaces out what is asked for again and again. */
export class ChangePacer {
  #next = -Infinity;

  /** How long to wait until the next look, in milliseconds; 0: it is due. */
  get pause(): number {
    return Math.max(0, this.#next - performance.now());
  }

  /** Looks, and remembers how much work that was. */
  look(refresh: () => void): void {
    const before = readClock(CLOCK_THREAD_CPUTIME_ID);
    refresh();
    const used = readClock(CLOCK_THREAD_CPUTIME_ID) - before;
    const pause = Math.max(SHORTEST_PAUSE_MS, SHARE * used);
    this.#next = performance.now() + pause;
  }
}
