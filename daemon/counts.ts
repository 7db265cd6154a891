/**
 * What has been counted, in words.
 *
 * @module
 */

import type { Capture } from "../capture/capture.ts";
import type { Detector } from "../detect/detector.ts";
import type { Sink } from "../format/sink.ts";

/** The counts that are told at exit and on SIGUSR2. */
export function describeCounts(
  capture: Capture,
  detector: Detector,
  sinks: readonly Sink[],
): string {
  const { received, dropped } = capture.statistics();
  const { scans, suppressed } = detector.counters;
  const parts = [
    `${received} packets seen`,
    `${dropped} dropped by the kernel`,
    `${detector.sources} sources`,
    `${scans} scans`,
    `${suppressed} suppressed`,
  ];
  for (const { lost, description } of sinks) {
    if (lost > 0) parts.push(`${lost} lines lost to ${description}`);
  }
  return parts.join(", ");
}

/** What was passed over or forgotten; undefined if nothing was. */
export function describeLosses(
  capture: Capture,
  detector: Detector,
  sinks: readonly Sink[],
): string | undefined {
  const { damaged, tooDeep } = detector.counters;
  const lost = sinks.reduce((sum, sink) => sum + sink.lost, 0);
  const parts = [
    count(capture.statistics().dropped, "packets dropped by the kernel"),
    count(damaged, "packets damaged"),
    count(tooDeep, "packets nested too deeply"),
    count(detector.evicted, "sources or datagrams forgotten early"),
    count(lost, "lines lost"),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : `losses: ${parts.join(", ")}`;
}

function count(number: number, what: string): string | undefined {
  return number === 0 ? undefined : `${number} ${what}`;
}
