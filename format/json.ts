/**
 * A report as a JSON object, with the names of Suricata's EVE log where one
 * fits.
 *
 * @module
 */

import type {
  Decoys,
  Report,
  Scan,
  ScanEnd,
  Unlogged,
} from "../detect/report.ts";
import { dateOf, formatReport, type LineOptions } from "./line.ts";

/** How a report is written. */
export interface JsonOptions extends LineOptions {
  /** The name of the host that saw it, if it is to be told. */
  host?: string;
  /** Gives the name of the interface of a number, if it has one. */
  interfaceName?: (index: number) => string | undefined;
}

/**
 * Writes a report as one JSON object in one line, without a line end. All have
 * `timestamp`, `event_type`, `host` (if given) and `message`, which is what
 * {@linkcode formatReport} gives: the line, or the lines with a line feed
 * between them. The further fields depend on `event_type`:
 *
 * - `portscan`: `src_ip`, `src_port`, `dest_ip`, `other_destinations`, `proto`
 *   (`TCP`, `UDP` or `SCTP`), `dest_ports` (the completing one too), `tcp_flags`
 *   and `tcp_flags_ever_set` (hexadecimal, of TCP only), `tos`, `ttl`,
 *   `first_seen`, `rule` (a {@linkcode Rule}), `verified`, `interface`
 * - `portscan` with the `rule` `decoys`: the same, of the first source that
 *   completed it, but `sources` (how many), `source_ips` and `likely_src_ip`
 *   instead of `src_ip` and `verified`, since no address is certain
 * - `portscan_flood`: none
 * - `portscan_unlogged`: `scans` and `sources` (how many), `names`: objects with
 *   `src_ip`, `standing` (a {@linkcode Standing}) and `packets`
 * - `portscan_end`: `src_ip`, `dest_ip`, `other_destinations`, `proto`,
 *   `duration` (seconds, to the microsecond), `packets`, `ports`, `open_ports`,
 *   `verified`, `first_seen`
 *
 * A field whose value is not known or changed is left out. `verified` is true of
 * the source: it is no forgery. It is not of each probe: a scan forged in the name
 * of a client that really connects meanwhile is told as verified.
 *
 * A time that is no date is written as the nearest date, or as 1970 if it is not a
 * number.
 *
 * @example
 * ```ts
 * import { formatJson } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const json = formatJson({
 *   type: "unlogged",
 *   scans: 2,
 *   sources: 1,
 *   names: [{ source: "192.0.2.1", standing: "verified", packets: 2000 }],
 *   completed: Date.UTC(2026, 0, 1),
 * }, { host: "web1" });
 * assertEquals(JSON.parse(json), {
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
export function formatJson(report: Report, options: JsonOptions = {}): string {
  return JSON.stringify({
    timestamp: formatTimestamp(report.completed),
    ...describe(report, options),
    host: options.host,
    message: formatReport(report, options),
  });
}

function describe(report: Report, options: JsonOptions): object {
  switch (report.type) {
    case "scan":
      return describeScan(report, options);
    case "decoys":
      return describeDecoys(report, options);
    case "flood":
      return { event_type: "portscan_flood" };
    case "unlogged":
      return describeUnlogged(report);
    case "end":
      return describeEnd(report);
  }
}

function describeScan(scan: Scan, options: JsonOptions): object {
  return {
    event_type: "portscan",
    src_ip: scan.source,
    ...describeProbes(scan),
    rule: scan.rule,
    verified: scan.verified,
    ...describeInterface(scan, options),
  };
}

function describeDecoys(report: Decoys, options: JsonOptions): object {
  return {
    event_type: "portscan",
    sources: report.sources,
    source_ips: report.names,
    likely_src_ip: report.likely,
    ...describeProbes(report.scan),
    rule: "decoys",
    ...describeInterface(report.scan, options),
  };
}

function describeProbes(scan: Scan): object {
  const isTcp = scan.protocol === "tcp";
  return {
    src_port: scan.sourcePort,
    dest_ip: scan.destination,
    other_destinations: scan.otherDestinations,
    proto: scan.protocol.toUpperCase(),
    dest_ports: [...new Set([...scan.ports, scan.completingPort])],
    tcp_flags: isTcp ? formatFlagsByte(scan.flagsAlwaysSet) : undefined,
    tcp_flags_ever_set: isTcp ? formatFlagsByte(scan.flagsEverSet) : undefined,
    tos: scan.tos,
    ttl: scan.ttl,
    first_seen: formatTimestamp(scan.firstSeen),
  };
}

function describeInterface(scan: Scan, { interfaceName }: JsonOptions): object {
  return { interface: interfaceName?.(scan.interfaceIndex ?? 0) };
}

function describeUnlogged({ scans, sources, names }: Unlogged): object {
  return {
    event_type: "portscan_unlogged",
    scans,
    sources,
    names: names.map(({ source, standing, packets }) => ({
      src_ip: source,
      standing,
      packets,
    })),
  };
}

function describeEnd(end: ScanEnd): object {
  return {
    event_type: "portscan_end",
    src_ip: end.source,
    dest_ip: end.destination,
    other_destinations: end.otherDestinations,
    proto: end.protocol.toUpperCase(),
    duration: Math.round(end.duration * 1000) / 1e6,
    packets: end.packets,
    ports: end.ports,
    open_ports: end.openPorts,
    verified: end.verified,
    first_seen: formatTimestamp(end.firstSeen),
  };
}

function formatTimestamp(time: number): string {
  return dateOf(time).toISOString();
}

/** As EVE writes it: two hex digits. */
function formatFlagsByte(flags: number): string {
  return flags.toString(16).padStart(2, "0");
}
