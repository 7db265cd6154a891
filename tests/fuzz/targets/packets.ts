/**
 * The detector: sessions of packets of every kind, with every setting.
 *
 * @module
 */

import {
  type Counters,
  Detector,
  Packet,
  type Report,
  Segment,
} from "../../../mod.ts";
import { DIRECTION_IN, TCP_SYN } from "../../../library/packet.ts";
import { assert, assertEquals } from "../../assert.ts";
import { type Bytes, concat, START } from "../../packets.ts";
import { below, pick, type Random } from "../../random.ts";
import { checkReport } from "../lines.ts";
import { mutateBytes } from "../mutate.ts";
import {
  DEFAULT_SETTINGS,
  eachRecord,
  optionsOf,
  recordStarts,
  SessionWriter,
  SETTINGS,
} from "../session.ts";
import { hashOf, magnitude, type Outcome, type Target } from "../target.ts";
import { makeSession } from "../traffic.ts";
import { captures, read } from "./savefiles.ts";

/** Sessions do not get longer by being varied. */
const LONGEST = 1 << 20;
/** Ports below 1024 but 0, which is not scanned here. */
const PRIVILEGED_PORTS = 1023;
/** Longer than a scan waits to be told. */
const WAITING = 10_000;
/** A day and more after the session: everything is outdated. */
const AFTERWARDS = 40 * 86_400_000;

/** A detector that has seen a session, and what it has told. */
interface Watched {
  detector: Detector;
  reports: Report[];
  packets: number;
  /** The latest time it was told. */
  latest: number;
}

/** Gives a session to a detector; each packet is alone in its view, or not. */
function watch(session: Bytes, isAlone: boolean): Watched {
  const reports: Report[] = [];
  const options = optionsOf(session);
  const detector = new Detector((report) => reports.push(report), options);
  const { byteLength } = detector;
  const packet = new Packet();
  let latest = START;
  const whole = new DataView(session.buffer, session.byteOffset);
  const packets = eachRecord(session, (record) => {
    const { offset, length, direction, linkType, isAdvance } = record;
    packet.time = packet.wallTime = START + record.time;
    if (packet.time > latest) latest = packet.time;
    if (isAdvance) checkPause(detector.advance(packet.time));
    // Alone in its view, reading past either end throws a RangeError.
    packet.view = isAlone
      ? new DataView(session.buffer, session.byteOffset + offset, length)
      : whole;
    packet.offset = isAlone ? 0 : offset;
    packet.length = length;
    packet.direction = direction;
    packet.linkType = linkType;
    detector.packet(packet);
  });
  assertEquals(detector.byteLength, byteLength, "the tables grew");
  const { sources = 0 } = options;
  assert(detector.sources <= sources, `${detector.sources} sources`);
  checkCounters(detector.counters, packets);
  return { detector, reports, packets, latest };
}

function checkPause(pause: number): void {
  assert(pause >= 0, `advance() asks for ${pause} ms`);
}

function checkCounters(counters: Counters, packets: number): void {
  for (const [name, count] of Object.entries(counters)) {
    assert(Number.isSafeInteger(count) && count >= 0, `${name} is ${count}`);
  }
  assertEquals(counters.packets, packets);
  const { segments, refusals, otherProtocols, damaged, tooDeep } = counters;
  const sum = segments + refusals + otherProtocols + damaged + tooDeep;
  const { fragments } = counters;
  if (fragments === 0) assertEquals(sum, packets, "counters do not add up");
  else assert(sum + fragments >= packets, "packets that nobody counted");
  assert(counters.suppressed <= counters.scans);
}

/** Each report is counted, and can be written. */
function checkReports({ detector, reports }: Watched): void {
  const { scans, suppressed } = detector.counters;
  const told = reports.filter(({ type }) => type === "scan").length;
  assert(told <= scans - suppressed, `${told} told of ${scans}`);
  for (const report of reports) checkReport(report);
}

/**
 * How many ports from 1 on make a scan although each segment before may have
 * shown one of them to be open, which then weighs less.
 */
function portsNeeded(session: Bytes, segments: number): number {
  const { minPorts, privilegedWeight, highWeight } = optionsOf(session);
  const threshold = minPorts * privilegedWeight;
  const privileged = Math.max(0, PRIVILEGED_PORTS - segments);
  if (privileged >= minPorts) return minPorts + segments;
  const rest = threshold - privileged * privilegedWeight;
  return Math.max(PRIVILEGED_PORTS, segments) + Math.ceil(rest / highWeight);
}

const LATER = {
  source: "203.0.113.77",
  destination: "198.51.100.3",
  sourcePort: 40_000,
  destinationPort: 0,
  flags: TCP_SYN,
  direction: DIRECTION_IN,
};

/** Whatever was before: a scan that comes afterwards is told. */
function checkStillFinds(session: Bytes, watched: Watched): void {
  const { detector, reports, latest } = watched;
  const ports = portsNeeded(session, detector.counters.segments);
  const before = reports.length;
  let time = latest + AFTERWARDS;
  // What still waits is told now, and uses up the flood limit of now.
  detector.advance(latest + WAITING);
  detector.advance(time);
  const probe = Segment.from({ ...LATER, time });
  for (let port = 1; port <= ports; port++) {
    probe.destinationPort = port;
    detector.segment(probe);
  }
  for (let i = 0; i < 8; i++) checkPause(detector.advance(time += 1000));
  detector.finish();
  const isTold = reports.slice(before).some((report) =>
    report.type === "scan" && report.source === LATER.source
  );
  assert(isTold, "a scan after the session was not told");
}

/** Varies whole packets, or bytes whatever they mean. */
function mutateSession(random: Random, input: Bytes, other: Bytes): Bytes {
  if (below(random, 3) === 0) return mutateBytes(random, input, other, LONGEST);
  const starts = recordStarts(input);
  const from = recordStarts(other);
  const at = (list: number[]) => pick(random, list);
  const [a, b] = [at(starts), at(starts)].sort((x, y) => x - y);
  const [c, d] = [at(from), at(from)].sort((x, y) => x - y);
  const tail = input.subarray(below(random, 2) === 0 ? a : b);
  const mixed = concat(input.subarray(0, a), other.subarray(c, d), tail);
  if (below(random, 2) === 0 && mixed.length >= SETTINGS) {
    mixed[below(random, SETTINGS)] = random();
  }
  return mixed.length > LONGEST ? mixed.slice(0, LONGEST) : mixed;
}

/** The packets of a capture file, with the default settings. */
function sessionOf(file: Bytes): Bytes {
  const writer = new SessionWriter();
  writer.begin(DEFAULT_SETTINGS);
  read([file], (packet) => writer.add(packet, 10, false));
  return writer.end();
}

function signatureOf({ detector, reports }: Watched): string {
  const counts = Object.values(detector.counters).map(magnitude);
  const kinds = new Set(
    reports.map((report) =>
      report.type === "scan"
        ? `${report.rule}/${report.protocol}/${report.verified}`
        : report.type
    ),
  );
  return `${counts} ${[...kinds].sort()}`;
}

/** {@linkcode Detector} in whole. */
export const packets: Target = {
  name: "packets",
  unit: "packets",
  code: ["detect/", "format/"],
  seeds: () => [...captures(".pcap"), ...captures(".pcapng")].map(sessionOf),
  generate: (random) => makeSession(random),
  mutate: mutateSession,
  run(session): Outcome {
    const watched = watch(session, true);
    checkReports(watched);
    // One in eight is looked at twice: what stands around a packet is not to
    // matter.
    if (hashOf(session.subarray(0, 4096)) % 8 === 0) {
      const amid = watch(session, false);
      assertEquals(amid.detector.counters, watched.detector.counters);
      assertEquals(amid.reports, watched.reports);
    }
    const signature = signatureOf(watched);
    checkStillFinds(session, watched);
    return { units: watched.packets, signature };
  },
};
