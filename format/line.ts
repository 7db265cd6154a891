/**
 * The lines that report scans.
 *
 * @module
 */

import { checkReport } from "./check.ts";
import type {
  Decoys,
  Report,
  Scan,
  ScanEnd,
  SharedOut,
  Unlogged,
  UnloggedSource,
} from "../detect/report/report.ts";
import { type ClockOptions, formatDuration, formatTime } from "./time.ts";

/** Flags from the lowest bit on: FIN to URG (RFC 9293), ECE and CWR (RFC 3168). */
const FLAG_LETTERS = "fsrpauxy";
/** An IPv6 address is not to leave less room for ports than the longest IPv4 one. */
const COUNTED_ADDRESS_LENGTH = 15;
/** Lines of an {@linkcode Unlogged}: a flood is not to become one of lines. */
const MAX_UNLOGGED_LINES = 5;
/** What stands between the items of a list. */
const COMMA = ", ";
/** Stands before a line about a source of our own, which must not be banned. */
const OUTGOING = "outgoing: ";
/** Stands for the items of a list that are left out. */
const LEFT_OUT = "...";
/** The default of {@linkcode LineOptions.maxLine}: the original scanlogd's length. */
export const MAX_LINE = 120;

/** How a line is written. */
export interface LineOptions extends ClockOptions {
  /**
   * Longest line in bytes, not counting `outgoing: ` and what IPv6 addresses have
   * beyond 15 characters; 0: no limit. Lists of ports and sources are cut to fit; one
   * probed port or one source a line stays whatever the limit [120].
   */
  maxLine?: number;
}

/**
 * Writes a report as a line, without a line end. A scan's is scanlogd's, with
 * `udp`, `sctp` or `ip` in place of the flags if its probes are not of TCP:
 *
 *     saddr[:sport] to daddr [and others,] ports port[, port...], ..., flags[, TOS TOS][, TTL TTL] @HH:MM:SS
 *
 * The others' are
 *
 *     N sources in lockstep[, likely saddr,] to daddr [and others,] ports port[, port...], ..., flags @HH:MM:SS
 *     N sources of NETWORK to daddr [and others,] ports port[, port...], ..., flags @HH:MM:SS
 *     More possible port scans follow
 *     saddr scanned N ports of daddr [and others] with N packets in TIME[, open: port[, port...][, ...]] @HH:MM:SS
 *
 * An {@linkcode Unlogged} is written as 1 to 5 lines with a line feed between
 * them. The first begins with how many scans there were, the others with `Not
 * logged either:`, and the last ends with `and N others` if not all sources
 * could be named:
 *
 *     N port scans of N sources not logged: saddr[ (verified)| (answered)][, saddr...][ and N others]
 *
 * Each line begins with `outgoing: ` if the source is one of our own hosts.
 *
 * @example A scan
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
 *
 * @example A report of several lines
 * ```ts
 * import { formatReport } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const lines = formatReport({
 *   type: "unlogged",
 *   scans: 9,
 *   sources: 3,
 *   names: [
 *     { source: "192.0.2.1", standing: "verified", packets: 2000 },
 *     { source: "192.0.2.2", standing: "seen", packets: 7 },
 *   ],
 *   completed: Date.UTC(2026, 0, 1),
 * }, { maxLine: 60 }).split("\n");
 * assertEquals(lines, [
 *   "9 port scans of 3 sources not logged: 192.0.2.1 (verified)",
 *   "Not logged either: 192.0.2.2 and 1 other",
 * ]);
 * ```
 */
export function formatReport(
  report: Report,
  options: LineOptions = {},
): string {
  checkReport(report);
  switch (report.type) {
    case "scan":
      return formatScan(report, options);
    case "decoys":
      return formatDecoys(report, options);
    case "shared":
      return formatSharedOut(report, options);
    case "flood":
      return "More possible port scans follow";
    case "unlogged":
      return formatUnlogged(report, options).join("\n");
    case "end":
      return formatEnd(report, options);
  }
}

function formatScan(scan: Scan, options: LineOptions): string {
  const from = formatEndpoint(scan.source, scan.sourcePort);
  return formatProbes(from, excess(scan.source), scan, options);
}

function formatDecoys(report: Decoys, options: LineOptions): string {
  const { sources, likely } = report;
  // These are one source's, and decoys differ in them.
  const scan = { ...report.scan, tos: undefined, ttl: undefined };
  const start = `${formatCount(sources, "source")} in lockstep`;
  if (likely === undefined) return formatProbes(start, 0, scan, options);
  const from = `${start}, likely ${likely},`;
  return formatProbes(from, excess(likely), scan, options);
}

function formatSharedOut(report: SharedOut, options: LineOptions): string {
  const { sources, network } = report;
  const scan = { ...report.scan, tos: undefined, ttl: undefined };
  const from = `${formatCount(sources, "source")} of ${network}`;
  const uncounted = network.includes(":") ? excess(network) : 0;
  return formatProbes(from, uncounted, scan, options);
}

/**
 * Writes who and what was probed.
 *
 * @param from Who probed.
 * @param uncounted Characters of that which do not count.
 */
function formatProbes(
  from: string,
  uncounted: number,
  scan: Scan,
  options: LineOptions,
): string {
  const { destination, ports } = scan;
  const others = scan.otherDestinations ? " and others," : "";
  const start = `${from} to ${destination}${others} ports `;
  const tail = formatTail(scan, options);
  const room = limitOf(options) + uncounted + excess(destination) -
    start.length - tail.length;
  const count = Math.max(1, countFitting(lengthsOf(ports), room));
  return startOf(scan) + start + ports.slice(0, count).join(COMMA) + tail;
}

function formatUnlogged(report: Unlogged, options: LineOptions): string[] {
  const { names, scans, sources } = report;
  const from = formatCount(sources, "source");
  const outgoing = startOf(report);
  let start = `${formatCount(scans, "port scan")} of ${from} not logged`;
  if (names.length === 0) return [outgoing + start];
  const texts = names.map(formatName);
  const lengths = texts.map((text, i) => text.length - excess(names[i].source));
  const lines: string[] = [];
  let named = 0;
  do {
    start += ": ";
    const isLast = lines.length === MAX_UNLOGGED_LINES - 1;
    const end = (count: number) =>
      isLast || named + count === names.length
        ? formatOthers(sources - named - count)
        : "";
    const fitting = countFitting(
      lengths.slice(named),
      limitOf(options) - start.length,
      (count) => end(count).length,
    );
    const count = Math.max(1, fitting);
    const list = texts.slice(named, named + count).join(COMMA);
    lines.push(outgoing + start + list + end(count));
    named += count;
    start = "Not logged either";
  } while (named < names.length && lines.length < MAX_UNLOGGED_LINES);
  return lines;
}

function startOf({ direction }: { direction?: "outgoing" }): string {
  return direction === undefined ? "" : OUTGOING;
}

function formatName({ source, standing }: UnloggedSource): string {
  return standing === "seen" ? source : `${source} (${standing})`;
}

function formatOthers(count: number): string {
  return count > 0 ? ` and ${formatCount(count, "other")}` : "";
}

function formatEnd(end: ScanEnd, options: LineOptions): string {
  const { source, destination, openPorts } = end;
  const others = end.otherDestinations ? " and others" : "";
  const ports = formatCount(end.ports, "port");
  const packets = formatCount(end.packets, "packet");
  const duration = formatDuration(end.duration);
  const start =
    `${source} scanned ${ports} of ${destination}${others} with ${packets} in ${duration}`;
  const tail = ` @${formatTime(end.firstSeen, options)}`;
  const room = limitOf(options) + excess(source) + excess(destination) -
    start.length - tail.length;
  return startOf(end) + start + formatOpenPorts(openPorts, room) + tail;
}

function formatOpenPorts(ports: readonly number[], room: number): string {
  if (ports.length === 0) return "";
  const start = ", open: ";
  const end = COMMA + LEFT_OUT;
  const count = countFitting(
    lengthsOf(ports),
    room - start.length,
    (count) => count < ports.length ? end.length : 0,
  );
  if (count === ports.length) return start + ports.join(COMMA);
  if (start.length + LEFT_OUT.length > room) return "";
  return start + [...ports.slice(0, count), LEFT_OUT].join(COMMA);
}

function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function limitOf({ maxLine = MAX_LINE }: LineOptions): number {
  return maxLine === 0 ? Infinity : maxLine;
}

function lengthsOf(ports: readonly number[]): number[] {
  return ports.map((port) => String(port).length);
}

/**
 * Tells how many items fit into a room if they are joined by commas.
 *
 * @param lengths The items' lengths.
 * @param room The length that is there.
 * @param endLength Gives the length of what follows so many items.
 */
function countFitting(
  lengths: readonly number[],
  room: number,
  endLength: (count: number) => number = () => 0,
): number {
  let fitting = 0;
  let used = -COMMA.length;
  for (const [i, length] of lengths.entries()) {
    used += COMMA.length + length;
    if (used > room) break;
    if (used + endLength(i + 1) <= room) fitting = i + 1;
  }
  return fitting;
}

function formatEndpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function excess(address: string): number {
  return Math.max(0, address.length - COUNTED_ADDRESS_LENGTH);
}

function formatTail(scan: Scan, clock: ClockOptions): string {
  const probes = scan.protocol === "tcp"
    ? formatFlags(scan.flagsAlwaysSet, scan.flagsEverSet)
    : scan.protocol;
  const tos = scan.tos === undefined
    ? ""
    : `, TOS ${scan.tos.toString(16).padStart(2, "0")}`;
  const ttl = scan.ttl === undefined ? "" : `, TTL ${scan.ttl}`;
  const time = formatTime(scan.firstSeen, clock);
  return `, ${LEFT_OUT}, ${probes}${tos}${ttl} @${time}`;
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
 * import { formatFlags } from "@scanlogd/scanlogd/format";
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
