/**
 * Describes the scan that an entry of a table holds.
 *
 * @module
 */

import { formatAddress } from "../packet/address.ts";
import { Segment } from "../packet/segment.ts";
import type { Changes, FirstPacketTable } from "../table/first_packets.ts";
import type { RecordTable } from "../table/records.ts";
import type { NetworkKey } from "../table/networks.ts";
import { Key } from "../table/source_key.ts";
import type { SourceTable } from "../table/sources.ts";
import {
  ABORTED,
  BY_ERROR,
  BY_REFUSAL,
  HAS_ACK,
  isWeightless,
  TARGET_IP,
  TARGET_SCTP,
  TARGET_UDP,
} from "../table/target_word.ts";
import type { Protocol, Rule, Scan, SharedOut } from "./report.ts";

/** What a description needs besides the record. */
export interface ScanDetails {
  /** The target that completed the scan. */
  index: number;
  /** It was found over the long window. */
  isSlow: boolean;
  /** The longest pause inside a fast scan, in milliseconds. */
  pause: number;
  /** Bits of an IPv6 address that make a source. */
  ipv6Prefix: number;
  /** Wall time of the completing probe. */
  completed: number;
  /** The interface of the last probe; 0: unknown. */
  interfaceIndex: number;
}

const PROTOCOLS: readonly Protocol[] = ["tcp", "udp", "sctp", "ip"];

/** Describes the scan of a record. */
export function describeRecord(
  records: RecordTable,
  entry: number,
  details: ScanDetails,
): Scan {
  const { index, isSlow } = details;
  const first = new Segment();
  records.copyFirst(entry, first, isSlow);
  const changes = records.changes(entry, isSlow);
  const flags = records.flags(entry, isSlow);
  const targets = targetsOf(records, entry, details);
  const ports = new Set(targets.map((i) => records.portAt(entry, i)));
  const hosts = new Set(
    [...targets, index].map((i) => records.hostAt(entry, i)),
  );
  const protocol = PROTOCOLS[records.protocolAt(entry, index)];
  const hasFlags = protocol === "tcp";
  return {
    type: "scan",
    rule: isSlow ? "slow" : ruleOf(records, entry, index, ports, hosts.size),
    protocol,
    verified: false,
    ...describePackets(records, entry, first, changes, details.ipv6Prefix),
    ports: [...ports],
    completingPort: records.portAt(entry, index),
    targets: targets.length + 1,
    hosts: hosts.size,
    flagsAlwaysSet: hasFlags ? flags >>> 8 : 0,
    flagsEverSet: hasFlags ? flags & 0xff : 0,
    completed: details.completed,
    ...interfaceOf(details.interfaceIndex),
  };
}

/** Describes the scan that sources of a network have made together. */
export function describeShared(
  scan: Scan,
  network: NetworkKey,
  sources: number,
): SharedOut {
  const name = `${network}`;
  return {
    type: "shared",
    network: name,
    sources,
    scan: { ...scan, source: name, sourcePort: undefined },
    completed: scan.completed,
  };
}

/** Describes the scan of an entry that a segment has just completed. */
export function describeScan(
  table: SourceTable,
  entry: number,
  segment: Segment,
  ipv6Prefix: number,
): Scan {
  const first = new Segment();
  table.copyFirst(entry, first);
  return {
    type: "scan",
    rule: "classic",
    protocol: "tcp",
    verified: false,
    ...describePackets(table, entry, first, table.changes(entry), ipv6Prefix),
    ports: table.ports(entry),
    completingPort: segment.destinationPort,
    flagsAlwaysSet: table.flagsAlways(entry),
    flagsEverSet: table.flagsEver(entry),
    completed: segment.wallTime,
    ...interfaceOf(segment.interfaceIndex),
  };
}

/** The name of an entry's source. */
export function describeSource(
  table: FirstPacketTable,
  entry: number,
  ipv6Prefix: number,
): string {
  const first = new Segment();
  table.copyFirst(entry, first);
  return nameSource(table, entry, first, table.changes(entry), ipv6Prefix);
}

function nameSource(
  table: FirstPacketTable,
  entry: number,
  { source0, source1, source2, source3 }: Segment,
  changes: Changes,
  ipv6Prefix: number,
): string {
  return changes.source
    ? keyOf(table, entry, ipv6Prefix)
    : formatAddress(source0, source1, source2, source3);
}

/** What a scan's packets had in common, beginning with the first one. */
function describePackets(
  table: FirstPacketTable,
  entry: number,
  first: Segment,
  changes: Changes,
  ipv6Prefix: number,
) {
  const { destination0, destination1, destination2, destination3 } = first;
  return {
    source: nameSource(table, entry, first, changes, ipv6Prefix),
    destination: formatAddress(
      destination0,
      destination1,
      destination2,
      destination3,
    ),
    otherDestinations: changes.destination,
    firstSeen: first.wallTime,
    ...changes.sourcePort ? {} : { sourcePort: first.sourcePort },
    ...changes.tos ? {} : { tos: first.tos },
    ...changes.ttl ? {} : { ttl: first.ttl },
  };
}

function interfaceOf(interfaceIndex: number): { interfaceIndex?: number } {
  return interfaceIndex === 0 ? {} : { interfaceIndex };
}

/**
 * The targets of the scan before the one that completed it. Open ports are part
 * of it if they were asked between others, or just before and of the same host.
 */
function targetsOf(
  records: RecordTable,
  entry: number,
  { index, isSlow, pause }: ScanDetails,
): number[] {
  const found: number[] = [];
  let first = index;
  for (let i = index - 1; i >= 0; i--) {
    const isPart = !isOpen(records, entry, i, index);
    if (isSlow && !isPart) continue;
    const gap = records.timeAt(entry, first) - records.timeAt(entry, i);
    if (!isSlow && (gap >>> 0) > pause) break;
    if (isPart) first = i;
    found.push(i);
  }
  const host = records.hostAt(entry, first);
  return found.reverse()
    .filter((i) => i >= first || records.hostAt(entry, i) === host);
}

/** Whether a target is an open port, and no part of a scan by itself. */
function isOpen(
  records: RecordTable,
  entry: number,
  i: number,
  completing: number,
): boolean {
  const state = records.stateAt(entry, i);
  // Connections that were broken off are a part only of a scan that does that.
  const isAborted = records.stateAt(entry, completing) === ABORTED;
  return isWeightless(state) || (state === ABORTED && !isAborted);
}

function ruleOf(
  records: RecordTable,
  entry: number,
  index: number,
  ports: ReadonlySet<number>,
  hosts: number,
): Rule {
  const port = records.portAt(entry, index);
  if (hosts > 1 && ports.size === 1 && ports.has(port)) return "sweep";
  const protocol = records.protocolAt(entry, index);
  if (protocol === TARGET_UDP) return "udp";
  if (protocol === TARGET_SCTP) return "sctp";
  if (protocol === TARGET_IP) return "ip";
  const traits = records.traitsAt(entry, index);
  if ((traits & (BY_ERROR | BY_REFUSAL)) !== 0) return "refusals";
  return (traits & HAS_ACK) !== 0 ? "unsolicited" : "classic";
}

/** The network of a source that changed its address inside it. */
function keyOf(
  table: FirstPacketTable,
  entry: number,
  prefix: number,
): string {
  const key = new Key();
  table.readKey(entry, key);
  const address = formatAddress(key.w0, key.w1, key.w2, key.w3);
  return key.w0 === 0 && key.w1 === 0 && key.w2 === 0xffff
    ? address
    : `${address}/${prefix}`;
}
