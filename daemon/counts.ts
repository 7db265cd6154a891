/**
 * What has been counted, in words.
 *
 * @module
 */

import type { Capture } from "../capture/capture.ts";
import type { Detector } from "../detect/detector.ts";
import type { PacketKinds } from "../detect/packet/kinds.ts";
import type { Sink } from "../format/sink/sink.ts";

/** The counts that are written at exit and on SIGUSR2. */
export function describeCounts(
  capture: Capture,
  detector: Detector,
  sinks: readonly Sink[],
): string {
  const { received, dropped } = capture.statistics();
  const { scans, suppressed, impossible } = detector.counters;
  const parts = [
    `${received} packets seen`,
    `${dropped} dropped by the kernel`,
    `${detector.sources} sources`,
    `${scans} scans`,
    `${suppressed} suppressed`,
  ];
  if (detector.hosts > 0) parts.push(`${detector.hosts} hosts`);
  if (impossible > 0) parts.push(`${impossible} of impossible sources`);
  for (const { lost, description } of sinks) {
    if (lost > 0) parts.push(`${lost} lines lost to ${description}`);
  }
  return parts.join(", ");
}

/** Of fewer packets there is no most. */
const FEWEST_PACKETS = 10;

/**
 * Why a file may have no lines: what was in it that is not looked at. Undefined
 * if no interface was passed over and most of the rest was looked at.
 *
 * @param skipped Packets of interfaces that were passed over.
 */
export function describeForeign(
  skipped: PacketKinds,
  { counters, kinds }: Detector,
): string | undefined {
  const packets = counters.packets + skipped.total;
  const foreign = kinds.total + skipped.total;
  const isMost = foreign * 2 > packets && packets >= FEWEST_PACKETS;
  if (skipped.total === 0 && !isMost) return undefined;
  const [a, b] = [skipped.commonest(), kinds.commonest()];
  const { name } = (a?.packets ?? 0) >= (b?.packets ?? 0) ? a! : b!;
  return `${foreign} of ${packets} packets are of kinds that are not looked at, most of them ${name}`;
}
