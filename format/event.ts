/**
 * A report as an object, with the names of Suricata's EVE log where one fits.
 *
 * @module
 */

import { checkReport } from "./check.ts";
import type {
  Decoys,
  Report,
  Rule,
  Scan,
  ScanEnd,
  SharedOut,
  Standing,
  Unlogged,
} from "../detect/report/report.ts";
import { formatReport, type LineOptions } from "./line.ts";
import { formatTimestamp } from "./time.ts";

/** How a report becomes an object. */
export interface EventOptions extends LineOptions {
  /** The name of the host that saw it, if it is to be written. */
  host?: string;
  /** Gives the name of the interface of a number, if it has one. */
  interfaceName?: (index: number) => string | undefined;
}

/** What all events have. Times are ISO 8601 in UTC. */
export interface CommonEvent {
  /** When it was reported. */
  timestamp: string;
  /** The name of the host that saw it. */
  host?: string;
  /** The line, or the lines with a line feed between them. */
  message: string;
}

/** Who did what is set if one of our own hosts scans others. */
export interface DirectedEvent {
  /** Left out of what comes in. */
  direction?: "outgoing";
}

/** What was probed. */
export interface ProbesEvent extends CommonEvent, DirectedEvent {
  /** All events about scans have the same type. */
  event_type: "portscan";
  /** The source port, if it stayed the same. */
  src_port?: number;
  /** The destination of the first packet. */
  dest_ip: string;
  /** Whether there were other destinations. */
  other_destinations: boolean;
  /** The probes' protocol; `IP`: the ports are IP protocols. */
  proto: "TCP" | "UDP" | "SCTP" | "IP";
  /** The ports, the completing one too. */
  dest_ports: number[];
  /** Targets probed: pairs of an address and a port. */
  targets?: number;
  /** Hosts probed. */
  hosts?: number;
  /** TCP flags set in every packet, two hexadecimal digits. */
  tcp_flags?: string;
  /** TCP flags set in at least one packet, two hexadecimal digits. */
  tcp_flags_ever_set?: string;
  /** Type of service or traffic class, if it stayed the same. */
  tos?: number;
  /** Time to live or hop limit, if it stayed the same. */
  ttl?: number;
  /** When its first packet was seen. */
  first_seen: string;
  /** The interface of the completing packet. */
  interface?: string;
}

/** A scan by one source. */
export interface PortScanEvent extends ProbesEvent {
  /** An address; a network if an IPv6 source changed inside its prefix. */
  src_ip: string;
  /** Which rule found it. */
  rule: Rule;
  /** Whether the source is known not to be forged. */
  verified: boolean;
}

/** A scan by sources in lockstep, all but one of which are decoys. */
export interface DecoysEvent extends ProbesEvent {
  /** How many sources. */
  sources: number;
  /** The first of them. */
  source_ips: string[];
  /** The only one with a scan of its own that is verified, if there is one. */
  likely_src_ip?: string;
  /** Tells it from other scans. */
  rule: "decoys";
}

/** A scan that the sources of a network made together. */
export interface SharedOutEvent extends ProbesEvent {
  /** How many sources. */
  sources: number;
  /** In CIDR notation. No address of it is `src_ip`: none is to be banned. */
  src_network: string;
  /** Tells it from other scans. */
  rule: "shared out";
}

/** The flood limit was reached. */
export interface FloodEvent extends CommonEvent {
  /** Tells it from the other events. */
  event_type: "portscan_flood";
}

/** Scans that the flood limit kept back. */
export interface UnloggedEvent extends CommonEvent, DirectedEvent {
  /** Tells it from the other events. */
  event_type: "portscan_unlogged";
  /** How many scans. */
  scans: number;
  /** Of how many sources. */
  sources: number;
  /** The first of these. */
  names: { src_ip: string; standing: Standing; packets: number }[];
}

/** A reported scan has ended. */
export interface ScanEndEvent extends CommonEvent, DirectedEvent {
  /** Tells it from the other events. */
  event_type: "portscan_end";
  /** As in {@linkcode PortScanEvent}. */
  src_ip: string;
  /** The destination of the first packet. */
  dest_ip: string;
  /** Whether there were other destinations. */
  other_destinations: boolean;
  /** As in {@linkcode ProbesEvent}. */
  proto: ProbesEvent["proto"];
  /** Seconds from the first to the last packet, to the microsecond. */
  duration: number;
  /** Packets and refusals that were counted. */
  packets: number;
  /** Distinct ports among them. */
  ports: number;
  /** Probed ports that answered as open. */
  open_ports: number[];
  /** Whether the source is known not to be forged. */
  verified: boolean;
  /** When its first packet was seen. */
  first_seen: string;
}

/** What a report is as an object. */
export type ReportEvent =
  | PortScanEvent
  | DecoysEvent
  | SharedOutEvent
  | FloodEvent
  | UnloggedEvent
  | ScanEndEvent;

/** An event without what all have, before what is unknown is left out. */
type Body<Event> = {
  [Key in Exclude<keyof Event, keyof CommonEvent>]: Event[Key] | undefined;
};

/**
 * Makes an object of a report. A field whose value is not known or changed is
 * left out. `verified` is true of the source: it is no forgery. It is not of each
 * probe: a scan forged in the name of a client that really connects meanwhile is
 * reported as verified.
 *
 * A time that is no date is written as the nearest date, or as 1970 if it is not
 * a number.
 *
 * @example
 * ```ts
 * import { toEvent } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const event = toEvent({
 *   type: "unlogged",
 *   scans: 2,
 *   sources: 1,
 *   names: [{ source: "192.0.2.1", standing: "verified", packets: 2000 }],
 *   completed: Date.UTC(2026, 0, 1),
 * }, { host: "web1" });
 * assertEquals(event, {
 *   timestamp: "2026-01-01T00:00:00.000Z",
 *   event_type: "portscan_unlogged",
 *   scans: 2,
 *   sources: 1,
 *   names: [{ src_ip: "192.0.2.1", standing: "verified", packets: 2000 }],
 *   host: "web1",
 *   message: "2 port scans of 1 source not logged: 192.0.2.1 (verified)",
 * });
 * ```
 */
export function toEvent(
  report: Report,
  options: EventOptions = {},
): ReportEvent {
  checkReport(report);
  const event = {
    timestamp: formatTimestamp(report.completed),
    ...describe(report, options),
    host: options.host,
    message: formatReport(report, options),
  };
  return withoutUndefined(event) as ReportEvent;
}

function describe(report: Report, options: EventOptions): object {
  switch (report.type) {
    case "scan":
      return describeScan(report, options);
    case "decoys":
      return describeDecoys(report, options);
    case "shared":
      return describeSharedOut(report, options);
    case "flood":
      return { event_type: "portscan_flood" } satisfies Body<FloodEvent>;
    case "unlogged":
      return describeUnlogged(report);
    case "end":
      return describeEnd(report);
  }
}

function describeScan(scan: Scan, options: EventOptions): Body<PortScanEvent> {
  return {
    event_type: "portscan",
    direction: scan.direction,
    src_ip: scan.source,
    ...describeProbes(scan),
    rule: scan.rule,
    verified: scan.verified,
    ...describeInterface(scan, options),
  };
}

function describeDecoys(
  { sources, names, likely, scan }: Decoys,
  options: EventOptions,
): Body<DecoysEvent> {
  return {
    event_type: "portscan",
    direction: scan.direction,
    sources,
    source_ips: names,
    likely_src_ip: likely,
    ...describeProbes(scan),
    rule: "decoys",
    ...describeInterface(scan, options),
  };
}

function describeSharedOut(
  { sources, network, scan }: SharedOut,
  options: EventOptions,
): Body<SharedOutEvent> {
  return {
    event_type: "portscan",
    direction: scan.direction,
    sources,
    src_network: network,
    ...describeProbes(scan),
    rule: "shared out",
    ...describeInterface(scan, options),
  };
}

function describeProbes(scan: Scan) {
  const isTcp = scan.protocol === "tcp";
  return {
    src_port: scan.sourcePort,
    dest_ip: scan.destination,
    other_destinations: scan.otherDestinations,
    proto: upperCase(scan.protocol),
    dest_ports: [...new Set([...scan.ports, scan.completingPort])],
    targets: scan.targets,
    hosts: scan.hosts,
    tcp_flags: isTcp ? formatFlagsByte(scan.flagsAlwaysSet) : undefined,
    tcp_flags_ever_set: isTcp ? formatFlagsByte(scan.flagsEverSet) : undefined,
    tos: scan.tos,
    ttl: scan.ttl,
    first_seen: formatTimestamp(scan.firstSeen),
  };
}

function describeInterface(scan: Scan, { interfaceName }: EventOptions) {
  return { interface: interfaceName?.(scan.interfaceIndex ?? 0) };
}

function describeUnlogged(report: Unlogged): Body<UnloggedEvent> {
  return {
    event_type: "portscan_unlogged",
    direction: report.direction,
    scans: report.scans,
    sources: report.sources,
    names: report.names.map(({ source, standing, packets }) => ({
      src_ip: source,
      standing,
      packets,
    })),
  };
}

function describeEnd(end: ScanEnd): Body<ScanEndEvent> {
  return {
    event_type: "portscan_end",
    direction: end.direction,
    src_ip: end.source,
    dest_ip: end.destination,
    other_destinations: end.otherDestinations,
    proto: upperCase(end.protocol),
    duration: Math.round(end.duration * 1000) / 1e6,
    packets: end.packets,
    ports: end.ports,
    open_ports: end.openPorts,
    verified: end.verified,
    first_seen: formatTimestamp(end.firstSeen),
  };
}

function upperCase(protocol: Scan["protocol"]): ProbesEvent["proto"] {
  return protocol.toUpperCase() as ProbesEvent["proto"];
}

/** As EVE writes it: two hex digits. */
function formatFlagsByte(flags: number): string {
  return flags.toString(16).padStart(2, "0");
}

function withoutUndefined(object: object): object {
  const entries = Object.entries(object);
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined),
  );
}
