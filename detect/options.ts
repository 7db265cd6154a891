/**
 * What a detector can be told when it is made.
 *
 * @module
 */

import type { AddressSet } from "./packet/address.ts";
import type { PortMemory } from "./probe/port_memory.ts";
import type { IgnoreRules } from "./probe/ignore_rules.ts";
import type { ProbeHandler } from "./report/probe_record.ts";

/**
 * Addresses and networks: a set, which may change while the detector runs, or
 * texts in CIDR notation; one text may hold several, with commas between them.
 */
export type Addresses = AddressSet | string | Iterable<string>;

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
   * How long a scan waits for answers of the watched host in milliseconds: 0 to
   * 10,000 [5]. One that nobody answers waits for 250 ms at least if the host
   * forwards, or if `local` is not given.
   */
  answerDelay?: number;
  /**
   * Whether the watched host forwards packets at the moment (`ip_forward`): then
   * another host, further away, may answer at its ports [it does not]. Asked while
   * the detector runs.
   */
  forwards?: () => boolean;
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
  local?: Addresses;
  /**
   * Further hosts of ours: packets to them count, and what comes from them is
   * evidence whichever way it went. Needed for evidence from files that do not
   * tell the direction. As sources they count per address, not per IPv6 prefix.
   */
  home?: Addresses;
  /** Packets count whatever their destination [false]. */
  promiscuous?: boolean;
  /** Networks whose IPv6 sources count per address, not per prefix. */
  onLink?: Addresses;
  /**
   * Sources that are never reported, or what they do at some ports, as texts:
   * `192.0.2.0/24=53+udp/123`. Rules and sets may change while the detector runs.
   */
  ignore?: Addresses | IgnoreRules;
  /**
   * Packets come from a capture file [false]: tunnels are opened, and an IPv4
   * header checksum of 0 is one that was not filled in yet.
   */
  fromFile?: boolean;
  /**
   * Takes each probe that was not answered, once that is certain and as long as
   * its source and target are remembered only once.
   */
  probes?: ProbeHandler;
  /** Probes handed on a second at most: 1 to 1,000,000 [1000]. */
  probeRate?: number;
  /** What remembers the ports in use [a memory of its own]. */
  portMemory?: PortMemory;
  /**
   * Report also scans by this host, or by those of `home` [false]: reports have
   * `direction: "outgoing"`. Not with `classic`.
   */
  outgoing?: boolean;
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
