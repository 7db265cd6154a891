/**
 * The line that tells a scan.
 *
 * @module
 */

import type { Report, Scan } from "../detect/report.ts";

/** Flags from the lowest bit on: FIN to URG (RFC 9293), ECE and CWR (RFC 3168). */
const FLAG_LETTERS = "fsrpauxy";
/** An IPv6 address is not to leave less room for ports than the longest IPv4 one. */
const COUNTED_ADDRESS_LENGTH = 15;
/** The default of {@linkcode LineOptions.maxLine}: the reference's length. */
export const MAX_LINE = 120;

/** How a line is written. */
export interface LineOptions {
  /**
   * Longest line in bytes, not counting what IPv6 addresses have beyond 15
   * characters; 0: no limit. At least one port stays whatever the limit [120].
   */
  maxLine?: number;
  /** Tell the time in UTC instead of local time [false]. */
  utc?: boolean;
}

/**
 * Writes a report as one line, in scanlogd's format and without a line end:
 *
 *     saddr[:sport] to daddr [and others,] ports port[, port...], ..., flags[, TOS TOS][, TTL TTL] @HH:MM:SS
 *
 * @example
 * ```ts
 * import { formatReport } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const line = formatReport({
 *   type: "scan",
 *   rule: "classic",
 *   protocol: "tcp",
 *   verified: false,
 *   source: "192.0.2.1",
 *   destination: "192.0.2.2",
 *   otherDestinations: true,
 *   ports: [22, 23],
 *   completingPort: 25,
 *   flagsAlwaysSet: 0,
 *   flagsEverSet: 2,
 *   ttl: 64,
 *   firstSeen: Date.UTC(2026, 0, 1, 6, 40, 21),
 *   completed: Date.UTC(2026, 0, 1, 6, 40, 22),
 * }, { utc: true });
 * assertEquals(
 *   line,
 *   "192.0.2.1 to 192.0.2.2 and others, ports 22, 23, ..., f?rpauxy, TTL 64 @06:40:21",
 * );
 * ```
 */
export function formatReport(
  report: Report,
  options: LineOptions = {},
): string {
  if (report.type === "scan") return formatScan(report, options);
  return report.type === "flood" ? "More possible port scans follow" : "";
}

function formatScan(scan: Scan, options: LineOptions): string {
  const { source, sourcePort, destination, ports } = scan;
  const limit = (options.maxLine ?? MAX_LINE) || Infinity;
  const from = formatEndpoint(source, sourcePort);
  const others = scan.otherDestinations ? " and others," : "";
  const start = `${from} to ${destination}${others} ports `;
  const tail = formatTail(scan, options.utc ?? false);
  const uncounted = excess(source) + excess(destination);

  let list = ports.join(", ");
  for (let count = ports.length - 1; count > 0; count--) {
    if (start.length + list.length + tail.length - uncounted <= limit) break;
    list = ports.slice(0, count).join(", ");
  }
  return start + list + tail;
}

function formatEndpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function excess(address: string): number {
  return Math.max(0, address.length - COUNTED_ADDRESS_LENGTH);
}

function formatTail(scan: Scan, utc: boolean): string {
  const flags = formatFlags(scan.flagsAlwaysSet, scan.flagsEverSet);
  const tos = scan.tos === undefined
    ? ""
    : `, TOS ${scan.tos.toString(16).padStart(2, "0")}`;
  const ttl = scan.ttl === undefined ? "" : `, TTL ${scan.ttl}`;
  return `, ..., ${flags}${tos}${ttl} @${formatTime(scan.firstSeen, utc)}`;
}

/**
 * Writes TCP flags: upper case for always set, lower case for never set, a
 * question mark for those that were set at times.
 *
 * @param alwaysSet Flags that were set in every packet.
 * @param everSet Flags that were set in at least one packet.
 *
 * @example
 * ```ts
 * import { formatFlags } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatFlags(0x02, 0x12), "fSrp?uxy");
 * ```
 */
export function formatFlags(alwaysSet: number, everSet: number): string {
  let text = "";
  for (let bit = 0; bit < FLAG_LETTERS.length; bit++) {
    const letter = FLAG_LETTERS[bit];
    if ((alwaysSet >> bit) & 1) text += letter.toUpperCase();
    else text += (everSet >> bit) & 1 ? "?" : letter;
  }
  return text;
}

function formatTime(time: number, utc: boolean): string {
  const date = new Date(time);
  const parts = utc
    ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map(twoDigits).join(":");
}

/** A number from 0 to 99 in two digits. */
export function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
