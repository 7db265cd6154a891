/**
 * Where a random case takes place: times, and which hosts are ours.
 *
 * @module
 */

import type { DetectorOptions } from "../../../mod.ts";
import { below, pick, type Random } from "../../random.ts";
import { address, hosts } from "../traffic.ts";

/**
 * Packets are sent in multiples of this many milliseconds. No multiple of it is
 * within 2 ms of a limit in time: 250 ms, 3 s, 1, 3, 10 or 15 minutes, a day.
 */
export const STEP = 37;

/** Packets of one step are at most this far apart, in milliseconds. */
const SPREAD = 0.3;

/** A time within a step, at which the `index`th of many is sent. */
export function moment(step: number, index = 0): number {
  return step * STEP + (index % 16) * SPREAD / 16;
}

/** Our hosts, and how the detector knows them. */
export interface Scene {
  name: string;
  options: DetectorOptions;
  /** Our addresses; several of a host's own, or those of other hosts. */
  own: readonly string[];
  /**
   * Whether each is a host of its own, whose ports are remembered apart, and
   * which answers from further away.
   */
  isHome: boolean;
}

const OWN = Array.from({ length: 64 }, (_, i) => address("198.51", 256 + i));

/** This host with many addresses, and a network of hosts. */
export const SCENES: readonly Scene[] = [
  {
    name: "this host",
    options: { local: hosts(...OWN) },
    own: OWN,
    isHome: false,
  },
  {
    name: "home",
    // The watching host itself is none of them.
    options: { home: hosts("198.51.0.0/16"), local: hosts("203.0.113.1") },
    own: OWN,
    isHome: true,
  },
];

/** How much later our hosts answer, in milliseconds. */
export function delayIn(random: Random, { isHome }: Scene): number {
  const choices = isHome ? [0.2, 2, 20, 120] : [0.05, 0.2, 0.4];
  return pick(random, choices);
}

/** Some of the scene's hosts, from one on. */
export function someHosts(
  random: Random,
  { own }: Scene,
  count: number,
): string[] {
  const first = below(random, own.length);
  return Array.from(
    { length: Math.min(count, own.length) },
    (_, i) => own[(first + i) % own.length],
  );
}

/** Different ports of one of several kinds. */
export function somePorts(random: Random, count: number): number[] {
  const [first, limit] = pick(random, [
    [1, 1024],
    [1024, 32_768],
    [32_768, 65_536],
    [1, 65_536],
  ]);
  const ports = new Set<number>();
  while (ports.size < count) ports.add(first + below(random, limit - first));
  return [...ports];
}

/** A port that a peer sends from, and that is a client's. */
export function clientPort(random: Random): number {
  return 33_000 + below(random, 27_000);
}
