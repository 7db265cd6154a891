/** The table at the end. */

import type { Scan, ScanEnd } from "../../mod.ts";
import { Summary } from "../../format/summary.ts";
import { assertEquals } from "../assert.ts";
import { START } from "../packets.ts";

const SCAN: Scan = {
  type: "scan",
  rule: "classic",
  protocol: "tcp",
  verified: false,
  source: "192.0.2.1",
  destination: "198.51.100.2",
  otherDestinations: false,
  ports: [23, 22, 80, 21],
  completingPort: 443,
  flagsAlwaysSet: 2,
  flagsEverSet: 2,
  firstSeen: START,
  completed: START + 1000,
};
const END: ScanEnd = {
  type: "end",
  source: "192.0.2.1",
  destination: "198.51.100.2",
  otherDestinations: false,
  protocol: "tcp",
  duration: 61_000,
  packets: 1000,
  ports: 1000,
  openPorts: [22, 80],
  verified: true,
  firstSeen: START,
  completed: START + 61_000,
};
const PLAIN = { colour: false, utc: true };

function lines(
  reports: Parameters<Summary["add"]>[0][],
  options = PLAIN,
): string[] {
  const summary = new Summary();
  for (const report of reports) summary.add(report);
  return summary.lines(options);
}

Deno.test("each source has a line, in the order of their first packets", () => {
  const later = {
    ...SCAN,
    source: "2001:db8::/64",
    rule: "slow" as const,
    otherDestinations: true,
    firstSeen: START + 5000,
    completed: START + 6000,
  };
  assertEquals(lines([later, SCAN, { ...SCAN, rule: "slow" }, END]), [
    "SOURCE         SCANS  RULE           TARGETS                  PORTS           OPEN    FIRST SEEN           LAST SEEN",
    "192.0.2.1      2      classic, slow  198.51.100.2             21-23, 80, 443  22, 80  2026-01-01 06:40:13  2026-01-01 06:41:14",
    "2001:db8::/64  1      slow           198.51.100.2 and others  21-23, 80, 443  -       2026-01-01 06:40:18  2026-01-01 06:40:19",
  ]);
});

Deno.test("decoys, networks and our own hosts are told apart", () => {
  const table = lines([
    {
      type: "decoys",
      sources: 31,
      names: ["192.0.2.9"],
      scan: SCAN,
      completed: START,
    },
    {
      type: "shared",
      network: "203.0.113.0/24",
      sources: 60,
      scan: SCAN,
      completed: START,
    },
    { ...SCAN, direction: "outgoing" },
  ]);
  assertEquals(table.slice(1).map((line) => line.split(/ {2,}/)[0]), [
    "31 in lockstep",
    "203.0.113.0/24",
    "192.0.2.1 (outgoing)",
  ]);
});

Deno.test("colours mark the titles and what was found open, and nothing else", () => {
  // deno-lint-ignore no-control-regex
  const colour = /\x1b\[\d+m/g;
  const coloured = lines([SCAN, END], { colour: true, utc: true });
  assertEquals(
    coloured.map((line) => line.replace(colour, "").trimEnd()),
    lines([SCAN, END]),
  );
  assertEquals(coloured[1].split(colour)[1].trimEnd(), "22, 80");
});

Deno.test("what is missing is told", () => {
  assertEquals(lines([]), ["no scan was found"]);
  const many = Array.from({ length: 10_003 }, (_, i) => ({
    ...SCAN,
    source: `10.0.${i >> 8}.${i & 0xff}`,
  }));
  const table = lines([
    ...many,
    { type: "unlogged", scans: 7, sources: 2, names: [], completed: START },
  ]);
  assertEquals(table.length, 1 + 10_000 + 2);
  assertEquals(table.slice(-2), [
    "and 3 scans by further sources",
    "and 7 scans that the flood limit kept back (--log-burst 0 reports all)",
  ]);
  const one = lines([
    SCAN,
    { type: "unlogged", scans: 1, sources: 1, names: [], completed: START },
  ]);
  assertEquals(one.slice(-1), [
    "and 1 scan that the flood limit kept back (--log-burst 0 reports all)",
  ]);
});
