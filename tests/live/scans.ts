/**
 * Scans by the hundred, each from an address of its own.
 *
 * @module
 */

import { concat, ipv4, tcp } from "../packets.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { HOST, type TwoHosts } from "./namespaces.ts";
import { pause } from "./processes.ts";

const PORTS = [21, 22, 23, 25, 53, 80, 111];

/** nmap pauses for a second at times, above all on a busy machine. */
const DELAY_MS = 2_000;

/** A shorter scan delay than the default one, that nmap does not exceed. */
export const SHORT_DELAY: readonly string[] = [
  "--scan-delay",
  `${DELAY_MS}ms`,
];

/** Waits until whatever comes next is another scan, with {@linkcode SHORT_DELAY}. */
export function scanEnds(): Promise<void> {
  return pause(DELAY_MS + 200);
}

/** The source of a scan by its number. */
export function sourceOf(scan: number): string {
  return `10.80.${scan >> 8}.${scan & 0xff}`;
}

/** Sends scans `first` to `first + count - 1`, one after the other. */
export async function sendScans(
  two: TwoHosts,
  first: number,
  count: number,
): Promise<void> {
  const target = await hardwareAddress(two.host);
  const sender = await hardwareAddress(two.scanner);
  const frames = Array.from({ length: count }, (_, i) => {
    const ends = { source: sourceOf(first + i), destination: HOST };
    // Equal ones would show that they come from one host.
    const sequence = 1_000_000 + first + i;
    return PORTS.map((port) =>
      concat(
        ...[target, sender, [0x08, 0x00]],
        ipv4(tcp({ destinationPort: port, sequence }), ends),
      )
    );
  });
  await inject(two.scanner, frames.flat());
}

/** The sources that lines of any form tell, in their order. */
export function sourcesIn(lines: readonly string[]): string[] {
  return lines.map((line) => /10\.80\.\d+\.\d+/.exec(line)?.[0] ?? line);
}

/** Sources `first` to `first + count - 1`. */
export function sources(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => sourceOf(first + i));
}
