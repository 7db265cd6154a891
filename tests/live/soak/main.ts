/**
 * Soaks the daemon: floods, fragments, scans, restarts of syslogd, flapping
 * interfaces, signals, for as long as is wanted. Needs root.
 *
 *     deno task soak [--minutes N]
 *
 * @module
 */

import { parseArgs } from "../../../daemon/std.ts";
import { describeVitals, type Figures, soak } from "./soak.ts";

const DEFAULT_MINUTES = 20;

function minutesOf(args: readonly string[]): number {
  const { minutes } = parseArgs(args, {
    string: ["minutes"],
    unknown: (arg: string) => {
      throw new Error(`unknown option ${arg}`);
    },
  }) as { minutes?: string };
  if (minutes === undefined) return DEFAULT_MINUTES;
  if (/^\d{1,5}(\.\d+)?$/.test(minutes)) return Number(minutes);
  throw new Error(`--minutes must be a number, got "${minutes}"`);
}

function describe(figures: Figures): string {
  const { minutes, rounds, scans, lost, excused, seen, dropped } = figures;
  return [
    `${minutes.toFixed(1)} minutes, ${rounds} rounds`,
    `${scans} scans logged once and in order; ${lost} lost of ${excused} that were sent while the kernel dropped packets`,
    `${seen} packets seen, ${dropped} dropped by the kernel`,
    `after a round: ${describeVitals(figures.first)}`,
    `at most: ${describeVitals(figures.most)}`,
    `at the end: ${describeVitals(figures.last)}`,
  ].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const start = Date.now();
    const figures = await soak(minutesOf(args), (text) => {
      const minutes = Math.round((Date.now() - start) / 60_000);
      console.log(`soak: ${minutes} min: ${text}`);
    });
    console.log(describe(figures));
    return 0;
  } catch (error) {
    console.error(`soak: ${error instanceof Error ? error.stack : error}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
