/**
 * What the detector reports.
 *
 * @module
 */

import { formatAddress } from "./address.ts";
import type { Segment } from "./segment.ts";
import type { SourceRecord, SourceTable } from "./sources.ts";

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
  /** The number of the completing packet's interface, if it is known. */
  interfaceIndex?: number;
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
  const record = table.read(entry);
  const scan: Scan = {
    type: "scan",
    rule: "classic",
    source: describeSource(record, ipv6Prefix),
    destination: formatAddress(...record.destination),
    otherDestinations: record.isDestinationChanged,
    ports: record.ports,
    completingPort: segment.destinationPort,
    flagsAlwaysSet: record.flagsAnd,
    flagsEverSet: record.flagsOr,
    firstSeen: record.firstSeen,
    completed: segment.wallTime,
  };
  if (record.sourcePort !== undefined) scan.sourcePort = record.sourcePort;
  if (record.tos !== undefined) scan.tos = record.tos;
  if (record.ttl !== undefined) scan.ttl = record.ttl;
  if (segment.interfaceIndex !== 0) {
    scan.interfaceIndex = segment.interfaceIndex;
  }
  return scan;
}

function describeSource(record: SourceRecord, ipv6Prefix: number): string {
  return record.isSourceChanged
    ? `${formatAddress(...record.key)}/${ipv6Prefix}`
    : formatAddress(...record.source);
}
