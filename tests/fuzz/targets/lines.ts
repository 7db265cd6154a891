/**
 * Lines, JSON objects and syslog frames of reports with hostile values.
 *
 * @module
 */

import {
  FACILITIES,
  type Facility,
  frameSyslog,
  type Level,
  LEVELS,
} from "../../../library/format.ts";
import { formatAddress } from "../../../library/packet.ts";
import {
  formatJson,
  formatReport,
  type Report,
  type Scan,
} from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { type Bytes, START } from "../../packets.ts";
import { below, pick, type Random } from "../../random.ts";
import { checkReport } from "../lines.ts";
import { magnitude, type Outcome, type Target } from "../target.ts";

/** Takes numbers out of an input; zeros behind its end. */
function numbersOf(input: Bytes): Random {
  let at = 0;
  const byte = () => input[at++] ?? 0;
  return () => {
    const width = byte() & 3; // mostly small numbers
    let number = 0;
    for (let i = 0; i <= width; i++) number = (number << 8) | byte();
    return number >>> 0;
  };
}

/** The ends of what a Date can be (ECMA-262, 21.4.1.1); no reader gives more. */
const MAX_TIME = 8.64e15;

function someTime(random: Random): number {
  const base = pick(random, [START, START, 0, -1, MAX_TIME, -MAX_TIME]);
  const time = base + (random() - 0x8000) / 8;
  return Math.max(-MAX_TIME, Math.min(time, MAX_TIME));
}

/** What a capture gives: IPv4 or IPv6, at times the whole prefix. */
function someAddress(random: Random, isIpv6: boolean): string {
  if (!isIpv6) return formatAddress(0, 0, 0xffff, random() | 0);
  const words = [random(), random(), random(), random()] as const;
  const text = formatAddress(words[0], words[1], words[2], words[3]);
  return below(random, 4) === 0 ? `${text}/${1 + below(random, 128)}` : text;
}

function somePorts(random: Random, longest: number): number[] {
  const length = below(random, longest + 1);
  return Array.from({ length }, () => random() & 0xffff);
}

function someScan(random: Random): Scan {
  const isIpv6 = below(random, 2) === 0;
  const alwaysSet = random() & 0xff;
  const maybe = (value: number) => below(random, 2) === 0 ? value : undefined;
  return {
    type: "scan",
    rule: pick(
      random,
      ["classic", "refusals", "udp", "sctp", "slow", "sweep"] as const,
    ),
    protocol: pick(random, ["tcp", "udp", "sctp", "ip"] as const),
    verified: below(random, 2) === 0,
    direction: pick(random, [undefined, "outgoing"] as const),
    source: someAddress(random, isIpv6),
    sourcePort: maybe(random() & 0xffff),
    destination: someAddress(random, isIpv6),
    otherDestinations: below(random, 2) === 0,
    ports: [random() & 0xffff, ...somePorts(random, 300)],
    completingPort: random() & 0xffff,
    flagsAlwaysSet: alwaysSet,
    flagsEverSet: alwaysSet | (random() & 0xff),
    tos: maybe(random() & 0xff),
    ttl: maybe(random() & 0xff),
    firstSeen: someTime(random),
    completed: someTime(random),
    interfaceIndex: maybe(random()),
  };
}

function someReport(random: Random): Report {
  const isIpv6 = below(random, 2) === 0;
  const address = () => someAddress(random, isIpv6);
  const completed = someTime(random);
  switch (below(random, 9)) {
    case 0:
      return { type: "flood", completed };
    case 1: {
      const sources = 2 + random() % 1_048_576;
      const names = Array.from({ length: Math.min(64, sources) }, address);
      const likely = below(random, 2) === 0 ? address() : undefined;
      const scan = someScan(random);
      return { type: "decoys", sources, names, likely, scan, completed };
    }
    case 2: {
      const names = Array.from({ length: below(random, 65) }, () => ({
        source: address(),
        standing: pick(random, ["seen", "answered", "verified"] as const),
        packets: random(),
      }));
      const sources = names.length + below(random, 1_048_576);
      return { type: "unlogged", scans: random(), sources, names, completed };
    }
    case 3:
      return {
        type: "shared",
        network: `${address().replace(/\/.*/, "")}/${1 + below(random, 128)}`,
        sources: 2 + random() % 1_048_576,
        scan: someScan(random),
        completed,
      };
    case 4:
      return {
        type: "end",
        source: address(),
        destination: address(),
        otherDestinations: below(random, 2) === 0,
        protocol: pick(random, ["tcp", "udp", "sctp", "ip"] as const),
        duration: random() * (1 + below(random, 100)) / 8,
        packets: random(),
        ports: random() & 0xffff,
        openPorts: somePorts(random, 64),
        verified: below(random, 2) === 0,
        firstSeen: someTime(random),
        completed,
      };
    default:
      return someScan(random);
  }
}

/** What an interface may be called, or a host. */
const NAMES = ["eth0", "\n", "\x1b[2J", '"', "\u2028", "\ud800", "é"];

function checkJson(report: Report, random: Random): void {
  const name = pick(random, NAMES);
  const options = { host: pick(random, NAMES), interfaceName: () => name };
  const json = formatJson(report, options);
  assert(!json.includes("\n"), "a JSON object is not one line");
  assertEquals(JSON.parse(json).message, formatReport(report));
}

function checkFrame(line: string, random: Random): void {
  const facility = pick(random, Object.keys(FACILITIES)) as Facility;
  const level = pick(random, Object.keys(LEVELS)) as Level;
  const frame = frameSyslog(line, START + random(), { facility, level });
  const priority = FACILITIES[facility] * 8 + LEVELS[level];
  const header = new RegExp(
    `^<${priority}>[A-Z][a-z]{2} [ 1-3]\\d \\d\\d:\\d\\d:\\d\\d scanlogd: `,
  );
  assert(header.test(frame), frame);
  assert(frame.endsWith(`: ${line}`), frame);
}

/** {@linkcode formatReport}, {@linkcode formatJson}, {@linkcode frameSyslog}. */
export const lines: Target = {
  name: "lines",
  unit: "texts",
  code: ["format/"],
  seeds: () => [],
  generate: (random) =>
    Uint8Array.from({ length: below(random, 300) }, () => random()),
  run(input): Outcome {
    const random = numbersOf(input);
    const report = someReport(random);
    checkReport(report);
    checkJson(report, random);
    const text = formatReport(report, { maxLine: random() % 300, utc: true });
    const all = text.split("\n");
    for (const line of all) checkFrame(line, random);
    const length = magnitude(text.length);
    return { units: 1, signature: `${report.type} ${all.length} ${length}` };
  },
};
