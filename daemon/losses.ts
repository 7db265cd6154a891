/**
 * What was passed over, forgotten or lost, said while the program runs.
 *
 * @module
 */

import type { Capture } from "../capture/capture.ts";
import type { Detector } from "../detect/detector.ts";
import type { Sink } from "../format/sink/sink.ts";

/** How often they are looked at, in milliseconds. */
export const LOSS_CHECK_MS = 10_000;
/** They are said at most so often. */
const SAID_MS = 60_000;

/** How many of each kind, in words. */
export type Losses = Readonly<Record<string, number>>;

/** Reads the counters. */
export function readLosses(
  capture: Pick<Capture, "statistics" | "probeLosses">,
  { counters, evicted }: Pick<Detector, "counters" | "evicted">,
  sinks: readonly Pick<Sink, "lost">[],
): Losses {
  return {
    "packets dropped by the kernel": capture.statistics().dropped,
    "packets damaged": counters.damaged,
    "packets nested too deeply": counters.tooDeep,
    "probes not written": counters.unwrittenProbes,
    "lines that are no probe records": capture.probeLosses?.refused ?? 0,
    "probe records late or from the future": capture.probeLosses?.late ?? 0,
    "sources or datagrams forgotten early": evicted,
    "lines lost": sinks.reduce((sum, { lost }) => sum + lost, 0),
  };
}

/** Words for those of which there are any, since some time before if given. */
export function describeLosses(
  losses: Losses,
  before: Losses = {},
): string | undefined {
  const parts = Object.entries(losses).flatMap(([what, count]) => {
    const more = count - (before[what] ?? 0);
    return more > 0 ? [inWords(more, what)] : [];
  });
  return parts.length === 0 ? undefined : `losses: ${parts.join(", ")}`;
}

/** The names are plural; no other word of theirs ends in an s. */
function inWords(count: number, what: string): string {
  const words = count === 1
    ? what.replaceAll(/s\b/g, "").replace(" are ", " is ")
    : what;
  return `${count} ${words}`;
}

/** Says losses while they rise, at most once a minute. */
export class LossWatch {
  readonly #read: () => Losses;
  readonly #tell: (text: string) => void;
  #said: Losses = {};
  #nextTime = -Infinity;

  /**
   * @param read Gives the counters.
   * @param tell Writes the message.
   */
  constructor(read: () => Losses, tell: (text: string) => void) {
    this.#read = read;
    this.#tell = tell;
  }

  /** Looks, at a time in milliseconds that nobody can set. */
  check(time: number): void {
    if (time < this.#nextTime) return;
    const losses = this.#read();
    const text = describeLosses(losses, this.#said);
    if (text === undefined) return;
    this.#said = losses;
    this.#nextTime = time + SAID_MS;
    this.#tell(text);
  }
}
