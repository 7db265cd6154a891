/**
 * The clock that rules run on while capturing: one that nobody can set.
 *
 * @module
 */

import type { Tick } from "./capture.ts";
import { libc } from "../ffi/libc.ts";
import { CLOCK_BOOTTIME, CLOCK_REALTIME } from "../ffi/linux.ts";

/** macOS has no CLOCK_BOOTTIME; its CLOCK_MONOTONIC (time.h) is the like. */
const UNSETTABLE_CLOCK = Deno.build.os === "linux" ? CLOCK_BOOTTIME : 6;

const timespec = new Int32Array(4); // struct timespec on 64-bit systems

/** What one of the kernel's clocks shows, in milliseconds. */
export function readClock(clock: number): number {
  libc().clock_gettime(clock, timespec);
  // Low words only: seconds fit until 2106, nanoseconds always.
  return (timespec[0] >>> 0) * 1000 + timespec[2] / 1e6;
}

/**
 * Turns the kernel's time stamps, which follow the settable wall clock, into
 * times since boot: the time of reading less the packet's age. Never decreases
 * and never runs ahead, wherever the wall clock is set meanwhile.
 */
export class CaptureClock {
  /** Time since boot at the last {@linkcode CaptureClock.sample}, in ms. */
  now = 0.5;
  #offset = 0.5;
  #last = 0.5;

  /** Reads both clocks: once before each batch of packets. */
  sample(): void {
    this.now = readClock(UNSETTABLE_CLOCK);
    this.#offset = this.now - readClock(CLOCK_REALTIME);
  }

  /**
   * Tells the time; returns how long to wait at most, in milliseconds.
   *
   * @param lag How long the kernel may keep packets back, in milliseconds.
   */
  tell(tick: Tick | undefined, lag: number): number {
    if (tick === undefined) return Infinity;
    this.sample();
    return tick(this.now - lag);
  }

  /** Time since boot of a packet's wall time, both in milliseconds. */
  timeOf(wallTime: number): number {
    let time = wallTime + this.#offset;
    if (time > this.now) time = this.now;
    if (time < this.#last) time = this.#last;
    this.#last = time;
    return time;
  }
}
