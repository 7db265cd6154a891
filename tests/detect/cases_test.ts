/** Captures that stand for whole kinds of traffic, and what must come of each. */

import {
  AddressSet,
  Detector,
  type DetectorOptions,
  formatReport,
  type Report,
} from "../../mod.ts";
import {
  CLASSIC_STEP_MS,
  SavefileReader,
  SMALL_STEP_MS,
} from "../../library/savefile.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertThrows,
} from "../assert.ts";
import { seeded } from "../random.ts";

const CASES = new URL("../data/cases/", import.meta.url);

/** What a file gave. */
interface Reading {
  reports: Report[];
  detector: Detector;
  reader: SavefileReader;
}

/** Reads a file as `--read` does, with our hosts in `home`. */
function read(name: string, home?: string, classic = false): Reading {
  const reports: Report[] = [];
  const options: DetectorOptions = { fromFile: true, classic };
  if (home !== undefined) {
    options.home = AddressSet.from([home]);
  }
  const detector = new Detector((report) => reports.push(report), {
    ...options,
    random: seeded(1),
  });
  const reader = new SavefileReader((packet) => detector.packet(packet), {
    smallStep: classic ? CLASSIC_STEP_MS : SMALL_STEP_MS,
  });
  reader.push(Deno.readFileSync(new URL(name, CASES)));
  reader.end();
  detector.finish();
  return { reports, detector, reader };
}

/** The lines of a file, in UTC. */
function linesOf({ reports }: Reading): string[] {
  return reports.map((report) => formatReport(report, { utc: true }));
}

/** A file, the options that it is read with, and how many lines are right. */
interface Case {
  file: string;
  home?: string;
  classic?: boolean;
  lines: 0 | 1;
  /** How the line begins, if there is one. */
  source?: string;
}

const CASE_TABLE: readonly Case[] = [
  { file: "fa-sweep-browser-8-sites.pcap", lines: 0 },
  { file: "fa-sweep-client-of-8-home-servers.pcap", lines: 0 },
  { file: "fa-sweep-health-checks-of-8-addresses.pcap", lines: 0 },
  {
    file: "fa-sweep-older-connections-to-home-servers.pcap",
    home: "192.0.2.0/24",
    lines: 0,
  },
  { file: "fa-backscatter.pcap", home: "10.0.0.2", lines: 0 },
  { file: "fa-martian-sources.pcap", home: "10.0.0.2", lines: 0 },
  {
    file: "miss-bursts-of-20-high-ports.pcap",
    home: "10.0.0.2",
    lines: 1,
    source: "10.0.0.1",
  },
  {
    file: "miss-accomplice-answers.pcap",
    home: "10.1.0.0/24",
    lines: 1,
    source: "192.0.2.66",
  },
  { file: "miss-sweep-cancelled.pcap", home: "10.1.0.0/24", lines: 1 },
  {
    file: "miss-ports-used-by-another-host.pcap",
    home: "10.1.0.0/24",
    lines: 1,
  },
  { file: "miss-classic-swapped-records.pcap", classic: true, lines: 1 },
  { file: "miss-classic-swapped-records.pcap", lines: 1 },
  { file: "miss-pppoe.pcap", lines: 1 },
  { file: "miss-vlan-pppoe.pcap", lines: 1 },
  { file: "miss-mpls.pcap", lines: 1 },
  { file: "miss-gre.pcap", lines: 1 },
  { file: "miss-ds-lite.pcap", lines: 1 },
  {
    file: "miss-udp-sweep-silent.pcap",
    home: "192.0.2.0/24",
    lines: 1,
    source: "192.0.2.200",
  },
  { file: "format-nflog.pcap", lines: 1 },
  { file: "format-pflog.pcap", lines: 1 },
  { file: "format-pktap.pcap", lines: 1 },
  { file: "format-ppp-ether.pcap", lines: 1 },
  { file: "format-two-interfaces.pcapng", lines: 1 },
  { file: "ok-qinq.pcap", lines: 1 },
];

for (const { file, home, classic, lines, source } of CASE_TABLE) {
  const wanted = lines === 0 ? "silent" : "one line";
  const how = classic ? ", by the classic rule" : "";
  Deno.test(`${file}: ${wanted}${how}`, () => {
    const told = linesOf(read(file, home, classic));
    assertEquals(told.length, lines, told.join("\n"));
    if (source !== undefined) {
      // A space or the source port's colon ends the address.
      assert(/[ :]/.test(told[0][source.length]), told[0]);
      assertEquals(told[0].slice(0, source.length), source);
    }
  });
}

Deno.test("fa-likely-is-innocent.pcap: nobody is named as likely", () => {
  const { reports } = read("fa-likely-is-innocent.pcap", "10.0.0.2");
  assertGreater(reports.length, 0, "the scan itself is reported");
  for (const report of reports) {
    if (report.type === "decoys") assertEquals(report.likely, undefined);
  }
});

Deno.test("format-two-interfaces.pcapng: what is not read is counted", () => {
  const { reader } = read("format-two-interfaces.pcapng");
  assertGreater(reader.skipped.total, 0);
});

for (const format of ["snoop", "nokia"]) {
  Deno.test(`format-${format}.pcap: refused by name`, () => {
    assertThrows(
      () => read(`format-${format}.pcap`),
      Error,
      format === "nokia" ? "Nokia" : "snoop",
    );
  });
}

Deno.test("no file is without a test", () => {
  const tested = new Set(CASE_TABLE.map(({ file }) => file));
  tested.add("fa-likely-is-innocent.pcap");
  tested.add("format-snoop.pcap").add("format-nokia.pcap");
  const files = [...Deno.readDirSync(CASES)].map(({ name }) => name);
  assertEquals(files.sort(), [...tested].sort());
});
