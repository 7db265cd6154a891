/**
 * A report as a JSON object, with the names of Suricata's EVE log where one
 * fits.
 *
 * @module
 */

import type { Report, Scan } from "../detect/report.ts";
import { formatReport, type LineOptions } from "./line.ts";

/** How a report is written. */
export interface JsonOptions extends LineOptions {
  /** The name of the host that saw it, if it is to be told. */
  host?: string;
  /** Gives the name of the interface of a number, if it has one. */
  interfaceName?: (index: number) => string | undefined;
}

/**
 * Writes a report as one JSON object in one line, without a line end.
 *
 * @example
 * ```ts
 * import { formatJson } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const time = Date.UTC(2026, 0, 1);
 * const json = formatJson({ type: "flood", completed: time }, { host: "web1" });
 * assertEquals(JSON.parse(json), {
 *   timestamp: "2026-01-01T00:00:00.000Z",
 *   event_type: "portscan_flood",
 *   host: "web1",
 *   message: "More possible port scans follow",
 * });
 * ```
 */
export function formatJson(report: Report, options: JsonOptions = {}): string {
  return JSON.stringify({
    timestamp: new Date(report.completed).toISOString(),
    ...(report.type === "scan"
      ? describe(report, options)
      : { event_type: "portscan_flood" }),
    host: options.host,
    message: formatReport(report, options),
  });
}

function describe(scan: Scan, { interfaceName }: JsonOptions) {
  return {
    event_type: "portscan",
    src_ip: scan.source,
    src_port: scan.sourcePort,
    dest_ip: scan.destination,
    other_destinations: scan.otherDestinations,
    proto: "TCP",
    dest_ports: [...scan.ports, scan.completingPort],
    tcp_flags: formatFlagsByte(scan.flagsAlwaysSet),
    tcp_flags_ever_set: formatFlagsByte(scan.flagsEverSet),
    tos: scan.tos,
    ttl: scan.ttl,
    first_seen: new Date(scan.firstSeen).toISOString(),
    rule: scan.rule,
    interface: interfaceName?.(scan.interfaceIndex ?? 0),
  };
}

/** As EVE writes it: two hex digits. */
function formatFlagsByte(flags: number): string {
  return flags.toString(16).padStart(2, "0");
}
