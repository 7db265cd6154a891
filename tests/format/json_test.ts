import fc from "fast-check";
import {
  type Decoys,
  formatJson,
  formatReport,
  type Scan,
  type ScanEnd,
} from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { START } from "../packets.ts";
import * as reports from "./reports.ts";

const OPTIONS = {
  host: "web1",
  interfaceName: (index: number) => index === 2 ? "eth0" : undefined,
  utc: true,
};

const SCAN: Scan = {
  type: "scan",
  rule: "refusals",
  protocol: "tcp",
  verified: true,
  source: "2001:db8::/64",
  sourcePort: 0,
  destination: "2001:db8:1::1",
  otherDestinations: true,
  ports: [22, 23],
  completingPort: 80,
  flagsAlwaysSet: 0x02,
  flagsEverSet: 0xc2,
  tos: 8,
  ttl: 64,
  firstSeen: START,
  completed: START + 1500,
  interfaceIndex: 2,
};

function parsed(report: Parameters<typeof formatJson>[0], options = OPTIONS) {
  return JSON.parse(formatJson(report, options));
}

Deno.test("a scan has all that is known of it", () => {
  assertEquals(parsed(SCAN), {
    timestamp: "2026-01-01T06:40:14.500Z",
    event_type: "portscan",
    src_ip: "2001:db8::/64",
    src_port: 0,
    dest_ip: "2001:db8:1::1",
    other_destinations: true,
    proto: "TCP",
    dest_ports: [22, 23, 80],
    tcp_flags: "02",
    tcp_flags_ever_set: "c2",
    tos: 8,
    ttl: 64,
    first_seen: "2026-01-01T06:40:13.000Z",
    rule: "refusals",
    verified: true,
    interface: "eth0",
    host: "web1",
    message: formatReport(SCAN, { utc: true }),
  });
});

Deno.test("what is not known is left out", () => {
  const { sourcePort, tos, ttl, interfaceIndex, ...scan } = SCAN;
  const all = Object.keys(parsed(SCAN));
  const keys = Object.keys(JSON.parse(formatJson(scan)));
  assertEquals(
    all.filter((key) => !keys.includes(key)),
    ["src_port", "tos", "ttl", "interface", "host"],
  );
  assertEquals([sourcePort, tos, ttl, interfaceIndex], [0, 8, 64, 2]);
});

Deno.test("only TCP has flags", () => {
  for (const protocol of ["udp", "sctp"] as const) {
    const object = parsed({ ...SCAN, rule: protocol, protocol });
    assertEquals(object.proto, protocol.toUpperCase());
    assertEquals(object.rule, protocol);
    assert(!("tcp_flags" in object) && !("tcp_flags_ever_set" in object));
  }
});

Deno.test("a sweep's port is told once", () => {
  const sweep = { ...SCAN, rule: "sweep" as const, ports: [80] };
  assertEquals(parsed(sweep).dest_ports, [80]);
});

Deno.test("no address of decoys is the source", () => {
  const decoys: Decoys = {
    type: "decoys",
    sources: 100,
    names: ["192.0.2.1", "192.0.2.2"],
    likely: "192.0.2.2",
    scan: SCAN,
    completed: START + 4500,
  };
  assertEquals(parsed(decoys), {
    timestamp: "2026-01-01T06:40:17.500Z",
    event_type: "portscan",
    sources: 100,
    source_ips: ["192.0.2.1", "192.0.2.2"],
    likely_src_ip: "192.0.2.2",
    src_port: 0,
    dest_ip: "2001:db8:1::1",
    other_destinations: true,
    proto: "TCP",
    dest_ports: [22, 23, 80],
    tcp_flags: "02",
    tcp_flags_ever_set: "c2",
    tos: 8,
    ttl: 64,
    first_seen: "2026-01-01T06:40:13.000Z",
    rule: "decoys",
    interface: "eth0",
    host: "web1",
    message: formatReport(decoys, { utc: true }),
  });
  const { likely: _, ...unlikely } = decoys;
  assert(!("likely_src_ip" in parsed(unlikely)));
});

Deno.test("what a network shares out names no address that could be banned", () => {
  const { source: _, ...scan } = SCAN;
  const object = parsed({
    type: "shared",
    network: "198.51.100.0/24",
    sources: 60,
    scan: { ...scan, source: "198.51.100.7", targets: 70, hosts: 2 },
    completed: START + 4500,
  });
  assertEquals(
    [object.rule, object.sources, object.src_network, object.message],
    [
      "shared out",
      60,
      "198.51.100.0/24",
      "60 sources of 198.51.100.0/24 to 2001:db8:1::1 and others, ports 22, 23, ..., fSrpau?? @06:40:13",
    ],
  );
  assertEquals([object.targets, object.hosts], [70, 2]);
  assert(!JSON.stringify(object).includes("198.51.100.7"));
});

Deno.test("what our own hosts do says so", () => {
  const object = parsed({ ...SCAN, direction: "outgoing" });
  assertEquals(object.direction, "outgoing");
  assert(object.message.startsWith("outgoing: [2001:db8::/64]:0 to "));
  assert(!("direction" in parsed(SCAN)));
});

Deno.test("a flood has a type and a message", () => {
  assertEquals(parsed({ type: "flood", completed: START }), {
    timestamp: "2026-01-01T06:40:13.000Z",
    event_type: "portscan_flood",
    host: "web1",
    message: "More possible port scans follow",
  });
});

Deno.test("what the flood limit kept back has all names; its message has the lines", () => {
  const names = Array.from({ length: 64 }, (_, i) => ({
    source: `192.0.2.${i}`,
    standing: i === 0 ? "verified" as const : "seen" as const,
    packets: 100 - i,
  }));
  const unlogged = {
    type: "unlogged" as const,
    scans: 90,
    sources: 70,
    names,
    completed: START,
  };
  const object = parsed(unlogged);
  assertEquals(object, {
    timestamp: "2026-01-01T06:40:13.000Z",
    event_type: "portscan_unlogged",
    scans: 90,
    sources: 70,
    names: names.map(({ source, standing, packets }) => ({
      src_ip: source,
      standing,
      packets,
    })),
    host: "web1",
    message: formatReport(unlogged),
  });
  assertEquals(object.message.split("\n").length, 5);
});

const END: ScanEnd = {
  type: "end",
  source: "192.0.2.1",
  destination: "198.51.100.2",
  otherDestinations: false,
  protocol: "sctp",
  duration: 2345.5,
  packets: 1005,
  ports: 1000,
  openPorts: [22, 80],
  verified: false,
  firstSeen: START,
  completed: START + 2345,
};

Deno.test("the end of a scan has its duration in seconds", () => {
  assertEquals(parsed(END), {
    timestamp: "2026-01-01T06:40:15.345Z",
    event_type: "portscan_end",
    src_ip: "192.0.2.1",
    dest_ip: "198.51.100.2",
    other_destinations: false,
    proto: "SCTP",
    duration: 2.3455,
    packets: 1005,
    ports: 1000,
    open_ports: [22, 80],
    verified: false,
    first_seen: "2026-01-01T06:40:13.000Z",
    host: "web1",
    message: formatReport(END, { utc: true }),
  });
});

Deno.test("every report is one line of JSON with the text's lines in it", () => {
  fc.assert(
    fc.property(reports.report, fc.nat(8192), (report, maxLine) => {
      const text = formatJson(report, { maxLine });
      assert(!text.includes("\n"));
      const { message, timestamp } = JSON.parse(text);
      assertEquals(message, formatReport(report, { maxLine }));
      assertEquals(Date.parse(timestamp), report.completed);
    }),
  );
});

Deno.test("a time that is no date is written as the nearest one", () => {
  const last = "+275760-09-13T00:00:00.000Z";
  const first = "-271821-04-20T00:00:00.000Z";
  const cases: [number, string][] = [
    [Infinity, last],
    [8.64e15 + 2, last],
    [-8.64e15 - 2, first],
    [-Infinity, first],
    [NaN, "1970-01-01T00:00:00.000Z"],
  ];
  for (const [time, expected] of cases) {
    const report = { ...SCAN, firstSeen: time, completed: time };
    const { timestamp, first_seen, message } = parsed(report);
    assertEquals([timestamp, first_seen], [expected, expected]);
    assertMatch(message, / @00:00:00$/);
  }
});
