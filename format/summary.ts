/**
 * A table of who scanned what.
 *
 * @module
 */

import type { Report, Scan, ScanEnd } from "../detect/report/report.ts";
import { clockDate, type ClockOptions } from "./time.ts";

/** How the table is written. */
export interface SummaryOptions extends ClockOptions {
  /** Whether to use the colours of a terminal. */
  colour: boolean;
}

/** Sources in the table; the others are counted, so that memory has a bound. */
const MAX_SOURCES = 10_000;
/** Ranges of ports that are named for a source. */
const MAX_RANGES = 8;
const GAP = "  ";
const TITLES = [
  ...["SOURCE", "SCANS", "RULE", "TARGETS", "PORTS", "OPEN"],
  ...["FIRST SEEN", "LAST SEEN"],
];
// ECMA-48, 8.3.117: select graphic rendition
const BOLD = "\x1b[1m";
const RED = "\x1b[31m";
const PLAIN = "\x1b[0m";
const OPEN_COLUMN = TITLES.indexOf("OPEN");

/** What is known of a source. */
interface Row {
  name: string;
  scans: number;
  rules: Set<string>;
  targets: Set<string>;
  hasMoreTargets: boolean;
  /** At most as many as there are ports. */
  ports: Set<number>;
  openPorts: Set<number>;
  first: number;
  last: number;
}

/** Collects reports, and writes them as a table with a line for each source. */
export class Summary {
  readonly #rows = new Map<string, Row>();
  /** Scans of sources that there was no room for. */
  #omitted = 0;
  #unlogged = 0;

  /** Takes a report. */
  add(report: Report): void {
    switch (report.type) {
      case "scan":
        return this.#addScan(nameOf(report), report, report.rule);
      case "decoys":
        return this.#addScan(
          report.likely ?? `${report.sources} in lockstep`,
          report.scan,
          "decoys",
        );
      case "shared":
        return this.#addScan(report.network, report.scan, "shared out");
      case "unlogged":
        this.#unlogged += report.scans;
        return;
      case "end":
        return this.#addEnd(report);
    }
  }

  #addScan(name: string, scan: Scan, rule: string): void {
    const row = this.#row(name, scan.firstSeen);
    if (row === undefined) {
      this.#omitted++;
      return;
    }
    row.scans++;
    row.rules.add(rule);
    for (const port of scan.ports) row.ports.add(port);
    row.ports.add(scan.completingPort);
    extend(row, scan);
  }

  #addEnd(end: ScanEnd): void {
    const row = this.#rows.get(nameOf(end));
    if (row === undefined) return;
    for (const port of end.openPorts) row.openPorts.add(port);
    extend(row, end);
  }

  #row(name: string, first: number): Row | undefined {
    const found = this.#rows.get(name);
    if (found !== undefined || this.#rows.size === MAX_SOURCES) return found;
    const row: Row = {
      name,
      scans: 0,
      rules: new Set(),
      targets: new Set(),
      hasMoreTargets: false,
      ports: new Set(),
      openPorts: new Set(),
      first,
      last: first,
    };
    this.#rows.set(name, row);
    return row;
  }

  /** The table's lines; in the order of the sources' first packets. */
  lines({ colour, ...clock }: SummaryOptions): string[] {
    const rows = [...this.#rows.values()].sort((a, b) => a.first - b.first);
    if (rows.length === 0) return ["no scan was found"];
    const table = [TITLES, ...rows.map((row) => cellsOf(row, clock))];
    const widths = TITLES.map((_, column) =>
      Math.max(...table.map((cells) => cells[column].length))
    );
    const lines = table.map((cells, line) => {
      const padded = cells.map((cell, i) => cell.padEnd(widths[i]));
      if (colour) paint(padded, line === 0);
      return padded.join(GAP).trimEnd();
    });
    if (this.#omitted > 0) {
      lines.push(`and ${countScans(this.#omitted)} by further sources`);
    }
    if (this.#unlogged > 0) {
      lines.push(
        `and ${
          countScans(this.#unlogged)
        } that the flood limit kept back (--log-burst 0 reports all)`,
      );
    }
    return lines;
  }
}

function countScans(count: number): string {
  return `${count} ${count === 1 ? "scan" : "scans"}`;
}

function nameOf({ source, direction }: Scan | ScanEnd): string {
  return direction === undefined ? source : `${source} (${direction})`;
}

function extend(
  row: Row,
  { destination, otherDestinations, firstSeen, completed }: Scan | ScanEnd,
): void {
  // More than one are only counted, and that needs no further names.
  if (row.targets.size < 2) row.targets.add(destination);
  row.hasMoreTargets ||= otherDestinations;
  row.first = Math.min(row.first, firstSeen);
  row.last = Math.max(row.last, completed);
}

function cellsOf(row: Row, clock: ClockOptions): string[] {
  const [target] = row.targets;
  const hasMore = row.hasMoreTargets || row.targets.size > 1;
  return [
    row.name,
    `${row.scans}`,
    [...row.rules].join(", "),
    hasMore ? `${target} and others` : target,
    formatPorts(row.ports),
    formatPorts(row.openPorts) || "-",
    formatDateTime(row.first, clock),
    formatDateTime(row.last, clock),
  ];
}

/** In ascending order, neighbours as a range. */
function formatPorts(ports: ReadonlySet<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range?.[1] === port - 1) range[1] = port;
    else ranges.push([port, port]);
  }
  const texts = ranges.slice(0, MAX_RANGES).map(([first, last]) =>
    first === last ? `${first}` : `${first}-${last}`
  );
  const end = ranges.length > MAX_RANGES ? ", ..." : "";
  return texts.join(", ") + end;
}

/** Titles are bold, ports found open are red. */
function paint(cells: string[], isTitle: boolean): void {
  if (isTitle) {
    for (const [i, cell] of cells.entries()) cells[i] = BOLD + cell + PLAIN;
  } else if (!cells[OPEN_COLUMN].startsWith("-")) {
    cells[OPEN_COLUMN] = RED + cells[OPEN_COLUMN] + PLAIN;
  }
}

function formatDateTime(time: number, clock: ClockOptions): string {
  const iso = clockDate(time, clock).toISOString();
  return iso.replace("T", " ").replace(/\.\d+Z$/, "");
}
