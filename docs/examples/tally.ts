/** Tallies who has scanned what, over all captures of a directory. */

import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { Readable } from "node:stream";
import { findScans } from "@scanlogd/scanlogd";
import { gunzip } from "@scanlogd/scanlogd/web";

interface Scanner {
  scans: number;
  ports: Set<number>;
}

const [directory = "."] = process.argv.slice(2);
const scanners = new Map<string, Scanner>();

function count(source: string, ports: readonly number[]): void {
  const scanner = scanners.get(source) ?? { scans: 0, ports: new Set() };
  scanners.set(source, scanner);
  scanner.scans++;
  for (const port of ports) scanner.ports.add(port);
}

for (const name of (await readdir(directory)).sort()) {
  if (!/\.pcap(ng)?(\.gz)?$/.test(name)) continue;
  const file = Readable.toWeb(createReadStream(join(directory, name)));
  try {
    for await (
      const report of findScans(gunzip(file as ReadableStream<Uint8Array>))
    ) {
      if (report.type !== "scan") continue;
      count(report.source, [...report.ports, report.completingPort]);
    }
  } catch (error) {
    // What was found before the damage has been counted.
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}

const byScans = [...scanners].sort(([, a], [, b]) => b.scans - a.scans);
for (const [source, { scans, ports }] of byScans) {
  console.log(`${source}: ${scans} scans, ${ports.size} ports`);
}
