/**
 * What one host tells another of a probe.
 *
 * @module
 */

import type { Protocol } from "./report.ts";

/** A probe that was not answered. */
export interface ProbeRecord {
  /** When it came: milliseconds since 1970-01-01 UTC. */
  time: number;
  /** Who sent it. */
  source: string;
  /** Its source port, if it has one. */
  sourcePort?: number;
  /** Who was probed; of the same version as the source. */
  destination: string;
  /** The probed port; of `ip`, the number of the protocol. */
  destinationPort: number;
  /** Its protocol. */
  protocol: Protocol;
  /** The TCP flags byte, of TCP only. */
  flags?: number;
  /** Time to live or hop limit, as it arrived. */
  ttl?: number;
  /** What the probed host did. */
  outcome: "refused" | "silent";
}

/** Takes probes that were not answered. */
export type ProbeHandler = (record: ProbeRecord) => void;
