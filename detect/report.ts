/**
 * What the detector reports.
 *
 * @module
 */

import { formatAddress } from "./address.ts";
import { Segment } from "./segment.ts";
import { Key } from "./source_key.ts";
import type { SourceTable } from "./sources.ts";

/**
 * Which rule found a scan: `classic` by what came in, `refusals` by what the
 * host refused, `unsolicited` by segments with ACK of no connection, `udp`,
 * `sctp`, `slow` over {@linkcode
 * DetectorOptions.slowWindow}, `sweep` by one port of many hosts.
 */
export type Rule =
  | "classic"
  | "refusals"
  | "unsolicited"
  | "udp"
  | "sctp"
  | "slow"
  | "sweep";

/** The transport protocol of a scan's probes. */
export type Protocol = "tcp" | "udp" | "sctp";

/**
 * How sure it is that a source is no forgery. A `verified` one knew our
 * SYN-ACK's sequence number; an `answered` one sent a bare RST with the right
 * number, which a forger may do too.
 */
export type Standing = "seen" | "answered" | "verified";

/** A port scan. */
export interface Scan {
  /** Tells it from the other reports. */
  type: "scan";
  /** Which rule found it. */
  rule: Rule;
  /** The probes' protocol. */
  protocol: Protocol;
  /** Whether the source is known not to be forged. */
  verified: boolean;
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
  /** TCP flags that were set in every counted packet; 0 for UDP and SCTP. */
  flagsAlwaysSet: number;
  /**
   * TCP flags that were set, or may have been, in at least one counted packet; 0
   * for UDP and SCTP.
   */
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

/** Sources that probed in lockstep: all but one of them are decoys. */
export interface Decoys {
  /** Tells it from the other reports. */
  type: "decoys";
  /** How many sources. */
  sources: number;
  /** The first of them, at most 64. */
  names: string[];
  /** The one that behaved unlike the others, if there is one. */
  likely?: string;
  /** The scan, as the first source that completed it made it. */
  scan: Scan;
  /** When it was told: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** A source whose scan the flood limit kept from being told. */
export interface UnloggedSource {
  /** Its address, as in {@linkcode Scan.source}. */
  source: string;
  /** How sure it is that it is no forgery. */
  standing: Standing;
  /** Packets seen of it since. */
  packets: number;
}

/** What the flood limit has kept back, told when it ends and each minute. */
export interface Unlogged {
  /** Tells it from the other reports. */
  type: "unlogged";
  /** Scans that were not reported. */
  scans: number;
  /** Of how many sources. */
  sources: number;
  /** The first of these: verified ones, answered ones, then by packets. */
  names: UnloggedSource[];
  /** When it was told: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** A reported scan has ended. */
export interface ScanEnd {
  /** Tells it from the other reports. */
  type: "end";
  /** Its source, as in {@linkcode Scan.source}. */
  source: string;
  /** The destination of the source's first packet. */
  destination: string;
  /** Whether there were other destinations. */
  otherDestinations: boolean;
  /** The probes' protocol. */
  protocol: Protocol;
  /** From its first to its last packet, in milliseconds. */
  duration: number;
  /** Packets and refusals that were counted. */
  packets: number;
  /** Distinct ports among them. */
  ports: number;
  /** Probed ports that answered as open, in ascending order, at most 64. */
  openPorts: number[];
  /** Whether the source is known not to be forged. */
  verified: boolean;
  /** The first packet's wall time: milliseconds since 1970-01-01 UTC. */
  firstSeen: number;
  /** The last packet's wall time: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** What a detector reports. */
export type Report = Scan | Decoys | Flood | Unlogged | ScanEnd;

/** Takes reports. */
export type ReportHandler = (report: Report) => void;

/** Describes the scan of an entry that a segment has just completed. */
export function describeScan(
  table: SourceTable,
  entry: number,
  segment: Segment,
  ipv6Prefix: number,
): Scan {
  const first = new Segment();
  table.copyFirst(entry, first);
  const changes = table.changes(entry);
  const scan: Scan = {
    type: "scan",
    rule: "classic",
    protocol: table.protocol(entry),
    verified: false,
    source: changes.source
      ? `${keyOf(table, entry)}/${ipv6Prefix}`
      : sourceOf(first),
    destination: destinationOf(first),
    otherDestinations: changes.destination,
    ports: table.ports(entry),
    completingPort: segment.destinationPort,
    flagsAlwaysSet: table.flagsAlways(entry),
    flagsEverSet: table.flagsEver(entry),
    firstSeen: first.wallTime,
    completed: segment.wallTime,
  };
  if (!changes.sourcePort) scan.sourcePort = first.sourcePort;
  if (!changes.tos) scan.tos = first.tos;
  if (!changes.ttl) scan.ttl = first.ttl;
  if (segment.interfaceIndex !== 0) {
    scan.interfaceIndex = segment.interfaceIndex;
  }
  return scan;
}

function keyOf(table: SourceTable, entry: number): string {
  const key = new Key();
  table.readKey(entry, key);
  return formatAddress(key.w0, key.w1, key.w2, key.w3);
}

function sourceOf({ source0, source1, source2, source3 }: Segment): string {
  return formatAddress(source0, source1, source2, source3);
}

function destinationOf(
  { destination0, destination1, destination2, destination3 }: Segment,
): string {
  return formatAddress(destination0, destination1, destination2, destination3);
}
