/**
 * A daemon's hard life: trouble after trouble, with its memory, descriptors,
 * threads and lines looked at all the while.
 *
 * @module
 */

import { assert } from "../../assert.ts";
import { Site } from "./site.ts";
import { TROUBLES } from "./troubles.ts";
import type { Vitals } from "./vitals.ts";

/** What a round may take at most before the next look at the vitals. */
const MINUTE_MS = 60_000;
/**
 * The runtime's garbage comes and goes; what it keeps after the first round is
 * what counts. (In KiB.)
 */
const MAX_GROWTH = 24 << 10;
/** The runtime ends idle threads of its pool, and starts others. */
const MAX_THREADS_MORE = 4;

/** What a soak came to. */
export interface Figures {
  minutes: number;
  rounds: number;
  /** Scans sent and found, of all kinds. */
  scans: number;
  /** Scans that may have been lost because the kernel dropped packets. */
  excused: number;
  /** Scans that were lost so. */
  lost: number;
  /** Packets that the daemon saw, and that the kernel dropped. */
  seen: number;
  dropped: number;
  /** What the daemon held after the first round, at most, and at the end. */
  first: Vitals;
  most: Vitals;
  last: Vitals;
}

/** Vitals in words. */
export function describeVitals(
  { memory, descriptors, threads }: Vitals,
): string {
  return `${
    (memory / 1024).toFixed(1)
  } MiB, ${descriptors} descriptors, ${threads} threads`;
}

function mostOf(a: Vitals, b: Vitals): Vitals {
  return {
    memory: Math.max(a.memory, b.memory),
    descriptors: Math.max(a.descriptors, b.descriptors),
    threads: Math.max(a.threads, b.threads),
  };
}

/** After the first round, nothing grows any more. */
function checkVitals(first: Vitals, now: Vitals): void {
  const told = `${describeVitals(first)}; now ${describeVitals(now)}`;
  assert(now.memory <= first.memory + MAX_GROWTH, `memory grows: ${told}`);
  assert(now.descriptors === first.descriptors, `descriptors: ${told}`);
  assert(now.threads <= first.threads + MAX_THREADS_MORE, `threads: ${told}`);
}

/**
 * Lets a daemon live through rounds of all troubles.
 *
 * @param minutes For how long; at least one round.
 * @param tell Told each minute how it is.
 * @throws {Error} If a line is lost, something grows, or the daemon does not end
 * as it should.
 */
export async function soak(
  minutes: number,
  tell: (text: string) => void = () => {},
): Promise<Figures> {
  await using site = await Site.create();
  const start = performance.now();
  let nextTelling = start + MINUTE_MS;
  let rounds = 0;
  let first: Vitals | undefined;
  let most = site.vitals();
  let last = most;
  do {
    for (const trouble of TROUBLES) {
      const what = await trouble(site, rounds);
      await site.settle();
      last = site.vitals();
      most = mostOf(most, last);
      if (first !== undefined) checkVitals(first, last);
      if (performance.now() < nextTelling) continue;
      nextTelling += MINUTE_MS;
      const lines = site.lines().length;
      tell(`${what}; ${lines} scans; ${describeVitals(last)}`);
    }
    first ??= last;
    rounds++;
  } while (performance.now() < start + minutes * MINUTE_MS);
  const { scans, seen, dropped } = await site.end();
  return {
    minutes: (performance.now() - start) / MINUTE_MS,
    rounds,
    scans,
    excused: site.excused.size,
    lost: site.sent + site.real - scans,
    seen,
    dropped,
    first,
    most,
    last,
  };
}
