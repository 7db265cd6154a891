/**
 * A simulated day of a fleet: bots of the internet, a few of which do most of
 * the work, and scanners among them.
 *
 * @module
 */

import { below, pick, type Random, seeded } from "../random.ts";

/** A probe that goes to a host by its number. */
export interface CrowdProbe {
  /** When, in milliseconds since the day began. */
  time: number;
  /** The source's address. */
  source: string;
  /** The number of the host. */
  host: number;
  /** The port. */
  port: number;
}

/** What the background is like. */
export interface CrowdOptions {
  /** Numbers that can be had again. */
  seed: number;
  /** Sources. */
  sources: number;
  /** Hosts. */
  hosts: number;
  /**
   * The tail of Pareto's distribution: at 1.2, one source in a thousand sends
   * more than 300 times what the least busy one does.
   */
  alpha?: number;
  /** The part of the sources that does all of its work within an hour. */
  bursts?: number;
}

const HOUR = 3_600_000;
/** What is probed most, as often as it stands here. */
const PORTS = [
  ...[23, 23, 23, 23, 22, 22, 22, 445, 445, 80, 80, 8080, 8080, 3389, 5900],
  ...[2323, 443, 5555, 6379, 1433, 3306, 7547, 8443, 81, 37_215, 52_869],
];
/** Half of the sources probe so many of a thousand hosts, or more. */
const MEDIAN = 5;

/** A host's address by its number. */
export function hostAddress(host: number): string {
  return `198.18.${host >> 8}.${host & 0xff}`;
}

/** Where bots live: many networks have one of them, a few have dozens. */
function addressOf(random: Random): string {
  const network = Math.floor(65_536 * (random() / 2 ** 32) ** 3);
  return `100.${64 + (network >> 10)}.${(network >> 2) & 0xff}.${
    ((network & 3) << 6) | below(random, 64)
  }`;
}

/** The background, in no order. */
export function crowd(
  { seed, sources, hosts, alpha = 1.2, bursts = 0.1 }: CrowdOptions,
): CrowdProbe[] {
  const random = seeded(seed);
  const uniform = () => (random() + 0.5) / 2 ** 32;
  const least = MEDIAN / 2 ** (1 / alpha) * hosts / 1000;
  const probes: CrowdProbe[] = [];
  for (const source of addresses(random, sources)) {
    const share = Math.min(least / uniform() ** (1 / alpha), 20 * hosts);
    const count = Math.floor(share + uniform());
    const isBurst = uniform() < bursts;
    const span = (isBurst ? 1 : 6 + 18 * uniform()) * HOUR;
    const start = uniform() * (24 * HOUR - span);
    const ports = [pick(random, PORTS), pick(random, PORTS)];
    for (let i = 0; i < count; i++) {
      const time = Math.floor(start + span * uniform());
      const host = below(random, hosts);
      probes.push({ time, source, host, port: pick(random, ports) });
    }
  }
  return probes;
}

function addresses(random: Random, count: number): Set<string> {
  const all = new Set<string>();
  while (all.size < count) all.add(addressOf(random));
  return all;
}

/** Scanners of one port a host within an hour. */
export const SWEEPER = "203.0.113.7";
/** Ten ports a host within a day, too few on each for that to notice. */
export const PATIENT = "203.0.113.77";
/** The network whose sources share the work. */
export const SHARERS = "192.0.2.0/24";

/** Five ports weigh three each, and five one each: 20 of 21. */
const TEN_PORTS = [21, 22, 25, 110, 143, 1433, 3306, 3389, 5432, 8080];

/** The three scanners, in no order. */
export function scanners(hosts: number, seed: number): CrowdProbe[] {
  const random = seeded(seed);
  const probes: CrowdProbe[] = [];
  for (let host = 0; host < hosts; host++) {
    const time = (part: number) =>
      Math.floor(part * HOUR * (random() / 2 ** 32));
    probes.push({ time: 9 * HOUR + time(1), source: SWEEPER, host, port: 445 });
    for (const port of TEN_PORTS) {
      probes.push({ time: time(24), source: PATIENT, host, port });
    }
    const source = `192.0.2.${1 + below(random, 254)}`;
    probes.push({ time: 14 * HOUR + time(4), source, host, port: 5900 });
  }
  return probes;
}

/** Probes in order of time. */
export function inOrder(probes: readonly CrowdProbe[]): CrowdProbe[] {
  return probes.toSorted((a, b) => a.time - b.time);
}
