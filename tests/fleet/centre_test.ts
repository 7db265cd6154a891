/** Scans over many hosts are found in what these have judged. */

import fc from "fast-check";
import {
  Detector,
  type DetectorOptions,
  formatReport,
  type Report,
  toEvent,
} from "../../mod.ts";
import { Segment, TCP_SYN } from "../../library/packet.ts";
import { assert, assertEquals } from "../assert.ts";
import { amount } from "../long.ts";
import { START } from "../packets.ts";
import { seeded, shuffled } from "../random.ts";
import {
  crowd,
  type CrowdProbe,
  hostAddress,
  inOrder,
  PATIENT,
  scanners,
  SHARERS,
  SWEEPER,
} from "./crowd.ts";
import { packetOf } from "./probes.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Probe {
  source: string;
  destination: string;
  port?: number;
  time: number;
  sourcePort?: number;
  /** The host's name [the destination]. */
  host?: string;
}

function reportsOf(
  probes: Iterable<Probe>,
  options: DetectorOptions = {},
): Report[] {
  const reports: Report[] = [];
  const detector = new Detector((report) => reports.push(report), {
    ...{ fromFile: true, logBurst: 0, random: seeded(1) },
    ...options,
  });
  for (const { port = 22, time, sourcePort = 0, ...ends } of probes) {
    const segment = Segment.from({
      ...{ ...ends, sourcePort, destinationPort: port },
      ...{ flags: TCP_SYN, ttl: 51, time: START + time },
    });
    detector.packet(packetOf(segment, ends.host ?? ends.destination));
  }
  detector.finish();
  return reports;
}

function* ofCrowd(probes: readonly CrowdProbe[]): Generator<Probe> {
  for (const { host, ...probe } of inOrder(probes)) {
    yield { ...probe, destination: hostAddress(host) };
  }
}

/** Who is named, and when, in milliseconds since the beginning. */
function named(reports: readonly Report[]): [string, number][] {
  return reports.flatMap((report): [string, number][] =>
    report.type === "scan"
      ? [[report.source, report.completed - START]]
      : report.type === "shared"
      ? [[report.network, report.completed - START]]
      : []
  );
}

/** One source probes hosts `first` to `last` - 1, one in so many milliseconds. */
function* sweep(
  first: number,
  last: number,
  gap: number,
  rest: Partial<Probe> = {},
): Generator<Probe> {
  for (let i = first; i < last; i++) {
    const time = (i - first) * gap;
    yield { source: SWEEPER, destination: hostAddress(i), time, ...rest };
  }
}

const SEEDS = Array.from({ length: amount(2, 20) }, (_, i) => i + 1);

Deno.test("three scanners are named once each, and of the background one in a thousand at most", () => {
  const ours = [SWEEPER, PATIENT, SHARERS];
  let background = 0;
  for (const seed of SEEDS) {
    const all = [
      ...crowd({ seed, sources: 5000, hosts: 1000 }),
      ...scanners(1000, seed),
    ];
    const found = named(reportsOf(ofCrowd(all)));
    for (const scanner of ours) {
      assertEquals(found.filter(([who]) => who === scanner).length, 1, scanner);
    }
    const others = found.filter(([who]) => !ours.includes(who));
    background += others.length;
  }
  // Of 5,000 sources five on an average day.
  const most = 5 * SEEDS.length;
  console.log(`${background} of ${1000 * most} sources of the background`);
  assert(background <= most, `${background} of ${1000 * most}`);
  assert(background > 0, "the background is so small that nobody is near");
});

Deno.test("a day without scanners has as few lines, however large the fleet", () => {
  for (const hosts of [20, 100, amount(500, 5000)]) {
    const found = named(reportsOf(ofCrowd(crowd({
      ...{ seed: 3, sources: 5000, hosts },
    }))));
    assert(found.length <= 5, `${hosts} hosts: ${found.join(" ")}`);
  }
});

Deno.test("it is named by the very probe that completes it", () => {
  const first = [...sweep(0, 40, 1)].map((probe, i) => ({
    ...probe,
    source: `100.64.${i}.1`,
  }));
  const slow = [...sweep(0, 40, MINUTE)].map((probe) => ({
    ...probe,
    time: probe.time + 1000,
  }));
  // Half of the hosts within an hour.
  assertEquals(named(reportsOf([...first, ...slow])), [
    [SWEEPER, 1000 + 19 * MINUTE],
  ]);
  // Seventeen in twenty within a day.
  const slower = slow.map((probe) => ({
    ...probe,
    time: probe.time + (probe.time - 1000) * 9,
  }));
  assertEquals(named(reportsOf([...first, ...slower])), [
    [SWEEPER, 1000 + 33 * 10 * MINUTE],
  ]);
  // Not if it takes longer than is remembered.
  const slowest = slow.map((probe) => ({
    ...probe,
    time: 1000 + (probe.time - 1000) * 45,
  }));
  assertEquals(named(reportsOf([...first, ...slowest])), []);
});

Deno.test("the line is as ever, and JSON has the number of hosts", () => {
  const [scan] = reportsOf(sweep(0, 20, 100, { sourcePort: 40_000 }));
  assertEquals(
    formatReport(scan, { utc: true }),
    `${SWEEPER}:40000 to 198.18.0.0 and others, ports 22, ..., fSrpauxy, TTL 51 @06:40:13`,
  );
  const event = toEvent(scan);
  assert("hosts" in event && "rule" in event);
  assertEquals([event.hosts, event.targets, event.rule], [7, 7, "sweep"]);
  assertEquals("tos" in event, false);
});

Deno.test("further ports of the same hosts are told, and are no further hosts", () => {
  const ports = [21, 22, 23, 25, 80];
  const all = [...sweep(0, 6, 1000)].flatMap((probe) =>
    ports.map((port) => ({ ...probe, port }))
  );
  assertEquals(named(reportsOf(all)), []);
  const [scan] = reportsOf([...all, ...sweep(6, 7, 1, { time: 9000 })]);
  const event = toEvent(scan);
  assert("dest_ports" in event && "hosts" in event);
  assertEquals([event.dest_ports.toSorted(), event.hosts], [ports, 7]);
});

Deno.test("a scan that goes on is named once, until it pauses for an hour", () => {
  const twice = [
    ...sweep(0, 20, 1000),
    ...sweep(0, 20, 1000, {}).map((p) => ({
      ...p,
      time: p.time + 30 * MINUTE,
    })),
  ];
  assertEquals(named(reportsOf(twice)).length, 1);
  const later = twice.map((p) => ({ ...p, time: p.time + 2 * HOUR }));
  assertEquals(named(reportsOf([...twice, ...later])).length, 2);
});

Deno.test("the sources of a network that share the work are one line", () => {
  const random = seeded(4);
  for (const network of ["192.0.2.", "2001:db8:77:"]) {
    const isIpv6 = network.includes(":");
    const probes = Array.from({ length: 100 }, (_, i) => ({
      source: isIpv6 ? `${network}${i % 30}::1` : `${network}${i % 30}`,
      destination: isIpv6 ? `2001:db8:1::${i}` : hostAddress(i),
      time: i * 10_000,
    }));
    // Others make the hosts known.
    const others = shuffled(random, probes).map((probe, i) => ({
      ...probe,
      source: isIpv6 ? `2001:db8:${1000 + i}::1` : `100.64.${i}.1`,
      time: -1,
    }));
    const [report, ...more] = reportsOf([...others, ...probes]);
    assertEquals(more.filter(({ type }) => type !== "end"), []);
    assert(report.type === "shared", report.type);
    assertEquals(report.network, isIpv6 ? "2001:db8:77::/48" : "192.0.2.0/24");
    assertEquals([report.sources, report.scan.hosts], [30, 50]);
  }
});

Deno.test("two sources can share the work of an hour, and three that of a day", () => {
  const hosts = 100;
  const others = Array.from({ length: hosts }, (_, i): Probe => ({
    ...{ source: `100.64.${i}.1`, destination: hostAddress(i), time: i },
  }));
  const share = (sources: number, gap: number, left = 0): Probe[] =>
    Array.from({ length: hosts - left }, (_, i) => ({
      source: `192.0.2.${i % sources}`,
      destination: hostAddress(i),
      time: MINUTE + i * gap,
    }));
  for (const sources of [2, 3, 4, 6, 30]) {
    for (const gap of [10_000, 12 * MINUTE]) {
      // One of two has half of the hosts, which is enough for an hour.
      const found = named(reportsOf([...others, ...share(sources, gap, 2)]));
      const isFound = gap < MINUTE || sources >= 3;
      const who = isFound ? ["192.0.2.0/24"] : [];
      assertEquals(found.map(([who]) => who), who, `${sources} in ${gap}`);
    }
  }
  // One has done nearly all of it, and its neighbour a little.
  const one = share(1, 10_000).slice(0, 48);
  const neighbour = share(1, 10_000).slice(80).map((probe) => ({
    ...{ ...probe, source: "192.0.2.77" },
  }));
  assertEquals(named(reportsOf([...others, ...one, ...neighbour])), []);
});

Deno.test("what is ignored or impossible is no scan", () => {
  const all = [...sweep(0, 20, 10)];
  assertEquals(reportsOf(all, { ignore: `${SWEEPER}/32` }), []);
  const forged = all.map((probe) => ({ ...probe, source: "127.0.0.1" }));
  assertEquals(reportsOf(forged), []);
  // Every destination is taken for ours.
  assertEquals(named(reportsOf(all, { home: "192.0.2.1" })).length, 1);
});

Deno.test("whatever comes, at most one line a source and hour", () => {
  const probe = fc.record({
    source: fc.nat(3).map((i) => `192.0.${i}.1`),
    destination: fc.nat(60).map(hostAddress),
    port: fc.nat(65_535),
    gap: fc.nat(MINUTE),
  });
  fc.assert(
    fc.property(fc.array(probe, { maxLength: 400 }), (probes) => {
      let time = 0;
      const all = probes.map(({ gap, ...rest }) => ({
        ...rest,
        time: time += gap,
      }));
      const times = new Map<string, number>();
      for (const [who, when] of named(reportsOf(all))) {
        const last = times.get(who) ?? -Infinity;
        assert(when - last > HOUR, `${who} after ${when - last} ms`);
        times.set(who, when);
      }
    }),
    { numRuns: amount(50, 2000) },
  );
});
