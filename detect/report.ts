/**
 * What the detector reports.
 *
 * @module
 */

import { formatAddress } from "./address.ts";
import type { Segment } from "./segment.ts";
import {
  CHANGED,
  CHANGED_DESTINATION,
  CHANGED_SOURCE,
  CHANGED_SOURCE_PORT,
  CHANGED_TOS,
  CHANGED_TTL,
  DESTINATION,
  FIRST_SEEN,
  FLAGS_AND,
  FLAGS_OR,
  KEY,
  PORT_COUNT,
  PORTS,
  SOURCE,
  SOURCE_PORT,
  type SourceTable,
  TOS_TTL,
} from "./sources.ts";

/** A port scan. */
export interface Scan {
  /** Tells it from the other reports. */
  type: "scan";
  /** Which rule found it. */
  rule: "classic";
  /**
   * The source's address; a network in CIDR notation if an IPv6 source changed
   * its address inside its prefix.
   */
  source: string;
  /** The source port, if it stayed the same. */
  sourcePort?: number;
  /** The destination of the source's first packet. */
  destination: string;
  /** Whether there were other destinations. */
  otherDestinations: boolean;
  /** The ports in the order seen, without the one that completed the scan. */
  ports: number[];
  /** The port that completed the scan. */
  completingPort: number;
  /** TCP flags that were set in every counted packet. */
  flagsAlwaysSet: number;
  /** TCP flags that were set in at least one counted packet. */
  flagsEverSet: number;
  /** Type of service or traffic class, if it stayed the same. */
  tos?: number;
  /** Time to live or hop limit, if it stayed the same. */
  ttl?: number;
  /** The first packet's wall time: milliseconds since 1970-01-01 UTC. */
  firstSeen: number;
  /** The completing packet's wall time: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** More scans than `logBurst` came in a row: the following are not reported. */
export interface Flood {
  /** Tells it from the other reports. */
  type: "flood";
  /** The wall time of the scan that was one too many, in milliseconds. */
  completed: number;
}

/** What a detector reports. */
export type Report = Scan | Flood;

/** Takes reports. */
export type ReportHandler = (report: Report) => void;

/** Describes the scan of an entry that a segment has just completed. */
export function describeScan(
  table: SourceTable,
  entry: number,
  segment: Segment,
  ipv6Prefix: number,
): Scan {
  const { words } = table;
  const at = table.record(entry);
  const changed = words[at + CHANGED];
  const scan: Scan = {
    type: "scan",
    rule: "classic",
    source: describeSource(words, at, changed, ipv6Prefix),
    destination: addressAt(words, at + DESTINATION),
    otherDestinations: (changed & CHANGED_DESTINATION) !== 0,
    ports: portsAt(table, at),
    completingPort: segment.destinationPort,
    flagsAlwaysSet: words[at + FLAGS_AND],
    flagsEverSet: words[at + FLAGS_OR],
    firstSeen: table.doubles[(at + FIRST_SEEN) >> 1],
    completed: segment.wallTime,
  };
  if ((changed & (CHANGED_SOURCE_PORT | CHANGED_SOURCE)) === 0) {
    scan.sourcePort = words[at + SOURCE_PORT];
  }
  if ((changed & CHANGED_TOS) === 0) scan.tos = words[at + TOS_TTL] >>> 8;
  if ((changed & CHANGED_TTL) === 0) scan.ttl = words[at + TOS_TTL] & 0xff;
  return scan;
}

function describeSource(
  words: Int32Array,
  at: number,
  changed: number,
  ipv6Prefix: number,
): string {
  return (changed & CHANGED_SOURCE) === 0
    ? addressAt(words, at + SOURCE)
    : `${addressAt(words, at + KEY)}/${ipv6Prefix}`;
}

function addressAt(words: Int32Array, at: number): string {
  return formatAddress(words[at], words[at + 1], words[at + 2], words[at + 3]);
}

function portsAt({ words, halves }: SourceTable, at: number): number[] {
  const first = (at + PORTS) << 1;
  return Array.from(halves.subarray(first, first + words[at + PORT_COUNT]));
}
