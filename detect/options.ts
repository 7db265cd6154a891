/**
 * All knobs of the detector, each with unit, range, default and reason.
 *
 * @module
 */

import type { AddressSet } from "./address.ts";

/** A range of integers, and the value that is used if none is given. */
export interface IntegerKnob {
  /** The smallest value allowed. */
  readonly min: number;
  /** The largest value allowed. */
  readonly max: number;
  /** The value used if none is given. */
  readonly default: number;
}

/**
 * The detector's numbers. The defaults are scanlogd's `params.h`, but for the
 * table, which is 256 entries there.
 *
 * @example
 * ```ts
 * import { KNOBS } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(KNOBS.minPorts.default, 7);
 * ```
 */
export const KNOBS = {
  /**
   * Privileged ports that make a scan. Fewer finds more, and reports hosts that
   * legitimately use many services.
   */
  minPorts: { min: 2, max: 100, default: 7 },
  /** Weight of a port below 1024, where a stray connection is less likely. */
  privilegedWeight: { min: 1, max: 255, default: 3 },
  /**
   * Weight of the other ports. It is low because legitimate transfers, such as
   * those of passive FTP, touch many of them.
   */
  highWeight: { min: 1, max: 255, default: 1 },
  /** Longest pause inside a scan, in milliseconds. */
  scanDelay: { min: 1, max: 86_400_000, default: 3000 },
  /**
   * Sources remembered at a time, rounded up to a power of two. An attacker
   * who spoofs addresses fills the table; the larger it is, the longer a scan
   * may take and still be found meanwhile.
   */
  sources: { min: 16, max: 1_048_576, default: 65_536 },
  /** Scans that are logged in a row; 0: no limit. */
  logBurst: { min: 0, max: 1_000_000, default: 5 },
  /** The pause that ends a row of scans, in milliseconds. */
  logDelay: { min: 1, max: 86_400_000, default: 20_000 },
  /**
   * Leading bits of an IPv6 address that make a source: a host is mostly free
   * to use any address of its /64.
   */
  ipv6Prefix: { min: 1, max: 128, default: 64 },
  /**
   * How long refused ports are remembered for slow scans, in milliseconds; 0:
   * slow scans are not looked for. nmap's slowest timing waits five minutes
   * between probes.
   */
  slowWindow: { min: 0, max: 2_592_000_000, default: 86_400_000 },
  /**
   * How long a scan waits, before it is told, for answers of the host that may
   * show that it is none, in milliseconds. Behind address translation they come a
   * moment later than the packets that ask for them.
   */
  answerDelay: { min: 0, max: 10_000, default: 5 },
  /**
   * The lowest port that the watched host takes for connections of its own
   * (`ip_local_port_range` on Linux). A refusal from this port on is no
   * evidence: late answers to the host's own questions draw it too.
   */
  ephemeralPort: { min: 1, max: 65_536, default: 32_768 },
} as const satisfies Record<string, IntegerKnob>;

/** Options of a detector. Those left out take the default in {@linkcode KNOBS}. */
export interface DetectorOptions {
  /** Privileged ports that make a scan: 2 to 100 [7]. */
  minPorts?: number;
  /** Weight of a port below 1024: 1 to 255 [3]. */
  privilegedWeight?: number;
  /** Weight of the other ports: 1 to the privileged ports' weight [1]. */
  highWeight?: number;
  /** Longest pause inside a scan in milliseconds: 1 to 86,400,000 [3000]. */
  scanDelay?: number;
  /** Sources remembered: 16 to 1,048,576 [65,536]. */
  sources?: number;
  /** Scans logged in a row: 0 (no limit) to 1,000,000 [5]. */
  logBurst?: number;
  /** Pause that ends a row of scans in milliseconds: 1 to 86,400,000 [20,000]. */
  logDelay?: number;
  /** Leading bits of an IPv6 address that make a source: 1 to 128 [64]. */
  ipv6Prefix?: number;
  /**
   * How long refused ports are remembered, in milliseconds: 0 (slow scans are
   * not looked for) to 2,592,000,000 [86,400,000].
   */
  slowWindow?: number;
  /**
   * How long a scan waits for answers of the host in milliseconds: 0 to 10,000
   * [5].
   */
  answerDelay?: number;
  /**
   * The lowest port that the watched host takes for its own connections, from
   * which on its refusals are no evidence: 1 to 65,536 [32,768].
   */
  ephemeralPort?: number;
  /**
   * The watched host's own addresses. If given, packets count only if they go to
   * one of them, and refusals only if they come from one; the set may change
   * while the detector runs.
   */
  local?: AddressSet;
  /**
   * Further hosts of ours: packets to them count, and what comes from them is
   * evidence whichever way it went. Needed for evidence from files that do not
   * tell the direction.
   */
  home?: AddressSet;
  /** Packets count whatever their destination [false]. */
  promiscuous?: boolean;
  /** Networks whose IPv6 sources count per address, not per prefix. */
  onLink?: AddressSet;
  /** Sources that are never reported. */
  ignore?: AddressSet;
  /** The reference's rules alone [false]. */
  classic?: boolean;
  /** Report also when a reported scan has ended [false]. */
  ends?: boolean;
  /**
   * A source of 32 random bits for the hash keys [the runtime's cryptographic
   * generator]. A fixed one makes runs repeatable, and open to attack.
   */
  random?: () => number;
}

type KnobName = keyof typeof KNOBS;

/** The numbers that a detector runs with. */
export type Settings = Readonly<Record<KnobName, number>>;

/**
 * Fills in the defaults and checks every number.
 *
 * @throws {RangeError} If a number is not an integer, outside its range, or
 * contradicts another.
 */
export function resolveSettings(options: DetectorOptions): Settings {
  const settings = {} as Record<KnobName, number>;
  for (const name of Object.keys(KNOBS) as KnobName[]) {
    const { min, max, default: fallback } = KNOBS[name];
    const value = options[name] ?? fallback;
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new RangeError(
        `Cannot set ${name}: it must be an integer from ${min} to ${max}, got ${value}`,
      );
    }
    settings[name] = value;
  }
  if (settings.highWeight > settings.privilegedWeight) {
    throw new RangeError(
      `Cannot set highWeight: it must be at most privilegedWeight (${settings.privilegedWeight}), got ${settings.highWeight}`,
    );
  }
  return settings;
}
