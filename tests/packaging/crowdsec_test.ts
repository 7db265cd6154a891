import fc from "fast-check";
import { formatReport } from "../../format/line.ts";
import type { Report } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import * as reports from "../format/reports.ts";
import { liveTest } from "../live/require.ts";
import { culprits, NEEDS } from "./crowdsec.ts";
import { FURTHER, OTHERS, SCAN } from "./lines.ts";

/** As CrowdSec writes an address. */
function nameOf(source: string): string {
  return `${source.includes("/") ? "Range" : "Ip"} ${source}`;
}

function framed(line: string): string {
  return `Nov 22 18:05:51 my-host ${line}`;
}

function sortedNames(sources: Iterable<string>): string[] {
  return [...new Set(sources)].map(nameOf).sort();
}

liveTest(
  "CrowdSec finds the source of whatever the program writes of a scan",
  NEEDS,
  async () => {
    const scans = fc.sample(reports.scan, 300);
    const lines = scans.map((one, i) =>
      formatReport(one, { maxLine: i % 2 ? 0 : 120 })
    );
    const further = FURTHER.map(([line]) => line);
    assertEquals(
      await culprits(
        [...lines, ...further].map((line) => framed(`scanlogd[42]: ${line}`)),
      ),
      sortedNames([
        ...scans.map(({ source }) => source),
        ...FURTHER.map(([, source]) => source),
      ]),
    );
  },
);

liveTest(
  "CrowdSec finds nobody in lines that name no culprit",
  NEEDS,
  async () => {
    const told = [
      reports.decoys,
      reports.sharedOut,
      reports.end,
      reports.outgoing,
    ]
      .flatMap((kind) => fc.sample<Report>(kind, 100))
      .flatMap((one) => formatReport(one).split("\n"))
      .map((line) => `scanlogd: ${line}`);
    const last = `scanlogd: ${SCAN.replace("192.0.2.7", "192.0.2.8")}`;
    const lines = [...told, ...OTHERS, last].map(framed);
    assert(lines.length > 300);
    assertEquals(await culprits(lines), ["Ip 192.0.2.8"]);
  },
);
