/**
 * Probe records of other hosts: read whole and in chunks of any size, they give
 * the same, and what is read is what would be written.
 *
 * @module
 */

import {
  hostOf,
  parseProbe,
  ProbeFormat,
  segmentOf,
} from "../../../capture/savefile/probe_records.ts";
import type { ProbeRecord } from "../../../detect/report/probe_record.ts";
import { formatProbe } from "../../../format/probe.ts";
import { ProbeLine } from "../../../capture/savefile/probe_line.ts";
import { Counters } from "../../../detect/counters.ts";
import { FleetFinder } from "../../../detect/fleet_finder.ts";
import { resolveSettings } from "../../../detect/settings.ts";
import { DIRECTION_IN, Segment } from "../../../library/packet.ts";
import { formatJson, formatReport } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { probeOf } from "../../fleet/probes.ts";
import { assertEvent } from "../../schema.ts";
import { type Bytes, START } from "../../packets.ts";
import { below, chunked, pick, type Random, seeded } from "../../random.ts";
import { mutateBytes } from "../mutate.ts";
import { hashOf, magnitude, type Outcome, type Target } from "../target.ts";

const encoder = new TextEncoder();
const LONGEST = 8192;

const LINE_FEED = 0x0a;
/** Packets' times go on: late records are in order of their arrival. */
const NOW = 2 ** 45;
/** So few that two probes make a scan. */
const SETTINGS = resolveSettings({ minPorts: 2, sources: 16 });

function read(
  chunks: Iterable<Uint8Array<ArrayBuffer>>,
): [Segment[], number, number] {
  const found: Segment[] = [];
  const format = new ProbeFormat((packet) => found.push(probeOf(packet)), {
    now: () => NOW,
  });
  for (const { buffer, byteOffset, length } of chunks) {
    format.take(new DataView(buffer, byteOffset, length), 0, length);
  }
  format.end();
  return [found, format.refused, format.late];
}

/** Our own reader and JSON.parse agree where both read. */
function checkLine(line: Bytes): void {
  const segment = new Segment();
  segment.direction = DIRECTION_IN;
  const reader = new ProbeLine();
  const isOurs = reader.read(line, line.length, segment);
  const text = Array.from(line, (byte) => String.fromCharCode(byte)).join("");
  const record = parseProbe(text);
  if (isOurs) assert(record !== undefined, "read, but no record");
  if (record === undefined) return;
  if (isOurs) {
    assertEquals(segmentOf(record), segment);
    assertEquals(hostOf(record), reader.host);
  }
  assertEquals(parseProbe(formatProbe(record, record.host)), record);
}

function* linesOf(input: Bytes): Generator<Bytes> {
  let start = 0;
  for (let at = 0; at <= input.length; at++) {
    if (at < input.length && input[at] !== LINE_FEED) continue;
    yield input.slice(start, at);
    start = at + 1;
  }
}

/** Whatever was read, lines and JSON are whole: nothing of it is copied there. */
function checkReports(probes: readonly Segment[]): void {
  const finder = new FleetFinder(
    { settings: SETTINGS, random: seeded(1), ends: true },
    (report) => {
      const line = formatReport(report);
      assert(!/[^\x20-\x7e]/.test(line), line);
      assertEvent(formatJson(report, { host: "h" }));
    },
    new Counters(),
  );
  for (const probe of probes) finder.add(probe, probe.destination3);
  finder.finish();
}

function run(input: Bytes): Outcome {
  const [probes, refused, late] = read([input]);
  const random = seeded(hashOf(input));
  const chunks = chunked(random, input, pick(random, [1, 7, 64, 4096]));
  assertEquals(
    read(chunks),
    [probes, refused, late],
    "whole and in chunks differ",
  );
  for (const line of linesOf(input)) checkLine(line);
  checkReports(probes);
  const signature = `${magnitude(probes.length)} ${magnitude(refused)}`;
  return { units: probes.length + refused, signature };
}

function someRecord(random: Random): ProbeRecord {
  const protocol = pick(random, ["tcp", "udp", "sctp", "ip"] as const);
  const isIpv6 = below(random, 2) === 0;
  const [source, destination] = isIpv6
    ? ["2001:db8::1", "2001:db8::2"]
    : ["192.0.2.1", "198.51.100.2"];
  return {
    time: START + below(random, 1 << 30),
    ...{ source, destination, protocol },
    destinationPort: below(random, protocol === "ip" ? 256 : 65_536),
    outcome: pick(random, ["refused", "silent"] as const),
    ...(protocol === "tcp" && { flags: below(random, 256) }),
    ...(below(random, 2) === 0 && { ttl: below(random, 256) }),
  };
}

/** Lines of `-o probes`. */
export const probeRecords: Target = {
  name: "probe-records",
  unit: "texts",
  code: ["capture/savefile/", "detect/", "format/"],
  seeds: () => [],
  generate(random: Random): Bytes {
    const lines = Array.from(
      { length: 1 + below(random, 8) },
      () =>
        formatProbe(someRecord(random), pick(random, [undefined, "h", "é"])),
    );
    return encoder.encode(lines.join(pick(random, ["\n", "\r\n", "\n\n"])));
  },
  mutate: (random, input, other) => mutateBytes(random, input, other, LONGEST),
  run,
};
