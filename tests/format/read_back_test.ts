/** Lines taken apart again, as those who read logs do. */

import fc from "fast-check";
import { formatFlags } from "../../library/format.ts";
import {
  formatReport,
  type Report,
  type Scan,
  type Unlogged,
} from "../../mod.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import * as reports from "./reports.ts";

const ADDRESS = String.raw`[\da-f.:]+`;
const TIME = String.raw`@(?<time>\d\d:\d\d:\d\d)`;
const PROBES = String
  .raw`to (?<to>${ADDRESS})(?<others> and others,)? ports (?<ports>\d+(?:, \d+)*), \.\.\., (?<flags>[a-zA-Z?]+)(?:, TOS (?<tos>[\da-f]{2}))?(?:, TTL (?<ttl>\d+))? ${TIME}`;

/** How a reader would take the lines apart. */
const FORMS: Record<Report["type"], RegExp> = {
  scan: new RegExp(
    String
      .raw`^(?:\[(?<from6>${ADDRESS})\]:(?<port6>\d+)|(?<from4>[\d.]+):(?<port4>\d+)|(?<from>${ADDRESS})) ${PROBES}$`,
  ),
  decoys: new RegExp(
    String
      .raw`^(?<sources>\d+) sources in lockstep(?:, likely (?<likely>${ADDRESS}),)? ${PROBES}$`,
  ),
  shared: new RegExp(
    String.raw`^(?<sources>\d+) sources of (?<network>[\da-f.:/]+) ${PROBES}$`,
  ),
  flood: /^More possible port scans follow$/,
  unlogged:
    /^(?:(?<scans>\d+) port scans? of (?<sources>\d+) sources? not logged|Not logged either)(?:: (?<names>.*?)(?: and (?<others>\d+) others?)?)?$/,
  end: new RegExp(
    String
      .raw`^(?<from>${ADDRESS}) scanned (?<count>\d+) ports? of (?<to>${ADDRESS})(?<others> and others)? with (?<packets>\d+) packets? in [\d.]+ (?:ms|s|min|h)(?:, open: (?<open>[\d., ]+))? ${TIME}$`,
  ),
};

/** Before what one of our own hosts did. */
const OUTGOING = "outgoing: ";

function directionOf(report: Report): "outgoing" | undefined {
  if ("scan" in report) return report.scan.direction;
  return "direction" in report ? report.direction : undefined;
}

type Parts = Record<string, string | undefined>;

/** The named parts of a line. */
function parse(report: Report, text: string): Parts {
  const isOutgoing = directionOf(report) === "outgoing";
  assertEquals(text.startsWith(OUTGOING), isOutgoing);
  const match = FORMS[report.type].exec(text.replace(OUTGOING, ""));
  assert(match !== null, text);
  return match.groups ?? {};
}

function assertProbes(parts: Parts, scan: Scan): void {
  assertEquals(parts.to, scan.destination);
  assertEquals(parts.others !== undefined, scan.otherDestinations);
  const ports = parts.ports!.split(", ").map(Number);
  assertEquals(ports, scan.ports.slice(0, ports.length));
  const isTcp = scan.protocol === "tcp";
  assertEquals(
    parts.flags,
    isTcp ? formatFlags(scan.flagsAlwaysSet, scan.flagsEverSet) : scan.protocol,
  );
  assertTime(parts, scan.firstSeen);
}

function assertTime({ time }: Parts, milliseconds: number) {
  assertEquals(time, new Date(milliseconds).toISOString().slice(11, 19));
}

function numberOf(text: string | undefined, radix = 10): number | undefined {
  return text === undefined ? undefined : parseInt(text, radix);
}

/** Asserts that lines say what the report does. */
function assertTells(lines: readonly string[], report: Report): void {
  const [parts, ...rest] = lines.map((text) => parse(report, text));
  if (report.type !== "unlogged") assertEquals(rest, []);
  switch (report.type) {
    case "scan":
      assertEquals(parts.from6 ?? parts.from4 ?? parts.from, report.source);
      assertEquals(numberOf(parts.port6 ?? parts.port4), report.sourcePort);
      assertEquals(numberOf(parts.tos, 16), report.tos);
      assertEquals(numberOf(parts.ttl), report.ttl);
      return assertProbes(parts, report);
    case "decoys":
      assertEquals(Number(parts.sources), report.sources);
      assertEquals(parts.likely, report.likely);
      return assertProbes(parts, report.scan);
    case "shared":
      assertEquals(Number(parts.sources), report.sources);
      assertEquals(parts.network, report.network);
      assertEquals([parts.tos, parts.ttl], [undefined, undefined]);
      return assertProbes(parts, report.scan);
    case "unlogged":
      return assertTellsUnlogged([parts, ...rest], report);
    case "end": {
      assertEquals(parts.from, report.source);
      assertEquals(Number(parts.count), report.ports);
      assertEquals(parts.to, report.destination);
      assertEquals(parts.others !== undefined, report.otherDestinations);
      assertEquals(Number(parts.packets), report.packets);
      const open = parts.open?.split(", ") ?? [];
      const isCut = open.at(-1) === "...";
      const told = open.slice(0, isCut ? -1 : open.length).map(Number);
      assertEquals(told, report.openPorts.slice(0, told.length));
      assertEquals(isCut, told.length < report.openPorts.length);
      assertTime(parts, report.firstSeen);
    }
  }
}

function assertTellsUnlogged(
  lines: readonly Parts[],
  { scans, sources, names }: Unlogged,
): void {
  assertEquals(lines[0].scans, `${scans}`);
  assertEquals(lines[0].sources, `${sources}`);
  const told = lines.flatMap(({ names }) => names?.split(", ") ?? []);
  assertEquals(
    told,
    names.slice(0, told.length).map(({ source, standing }) =>
      source + (standing === "seen" ? "" : ` (${standing})`)
    ),
  );
  assertEquals(
    lines.map(({ others }) => numberOf(others)),
    lines.map((_, i) => {
      const left = sources - told.length;
      const isLast = i === lines.length - 1;
      return isLast && left > 0 && names.length > 0 ? left : undefined;
    }),
  );
}

/** Characters of a line that do not count. */
function uncounted(text: string): number {
  const addresses = text.match(/[\da-f]*:[\da-f:]*:[\da-f:]*/g) ?? [];
  const start = text.startsWith(OUTGOING) ? OUTGOING.length : 0;
  return start + addresses
    .map((address) => Math.max(0, address.length - 15))
    .reduce((sum, excess) => sum + excess, 0);
}

Deno.test("no line of any report is longer than the limit, and each can be read back", () => {
  // Below 120 there may be no room for the one port that always stays.
  const limits = fc.oneof(
    fc.constant(0),
    fc.integer({ min: 120, max: 8192 }),
    fc.integer({ min: 120, max: 300 }),
  );
  fc.assert(
    fc.property(reports.report, limits, (report, maxLine) => {
      const lines = formatReport(report, { maxLine, utc: true }).split("\n");
      assertLessOrEqual(lines.length, maxLine === 0 ? 1 : 5);
      if (maxLine > 0) {
        for (const text of lines) {
          const time = text.replace(/@.*/, (time) => time.replaceAll(":", "."));
          assertLessOrEqual(text.length - uncounted(time), maxLine, text);
        }
      }
      assertTells(lines, report);
    }),
    { numRuns: 3000 },
  );
});
