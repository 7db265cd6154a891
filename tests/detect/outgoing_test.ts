/** Scans by our own hosts are found, and their clients are innocent. */

import {
  Detector,
  type DetectorOptions,
  formatReport,
  Packet,
  Segment,
} from "../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  LINKTYPE_RAW,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
} from "../../library/packet.ts";
import type { Report } from "../../detect/report/report.ts";
import { assert, assertEquals, assertLess } from "../assert.ts";
import { icmpUnreachable, ipv4, NEXT_UDP, udp } from "../packets.ts";
import { below, pick, type Random, withRunSeed } from "../random.ts";

const US = "192.0.2.10";
const START = Date.UTC(2026, 0, 1);

type Fate = "open" | "closed" | "silent";

/** One of our host's attempts to open a connection. */
interface Attempt {
  /** Milliseconds since the beginning. */
  at: number;
  host: string;
  port: number;
  fate: Fate;
  sourcePort?: number;
  flags?: number;
  source?: string;
}

interface Event {
  at: number;
  run: (detector: Detector) => void;
}

function eventsOf(attempt: Attempt): Event[] {
  const { at, host, port, fate, source = US } = attempt;
  const { flags = TCP_SYN, sourcePort = 40_000 } = attempt;
  const events: Event[] = [{
    at,
    run: (detector) => {
      const segment = Segment.from({
        ...{ source, destination: host, sourcePort, destinationPort: port },
        ...{ flags, time: START + at, direction: DIRECTION_OUT },
      });
      detector.segment(segment);
    },
  }];
  if (fate === "silent") return events;
  const answer = fate === "open" ? TCP_SYN | TCP_ACK : TCP_RST | TCP_ACK;
  const later = at + 30;
  events.push({
    at: later,
    run: (detector) =>
      detector.segment(Segment.from({
        ...{ source: host, destination: source },
        ...{ sourcePort: port, destinationPort: sourcePort },
        ...{ flags: answer, time: START + later, direction: DIRECTION_IN },
      })),
  });
  return events;
}

/** A client of the kernel's tries again after 1, 3, 7 and 15 s. */
function withRepeats(attempt: Attempt): Attempt[] {
  if (attempt.fate !== "silent") return [attempt];
  return [0, 1000, 3000, 7000, 15_000].map((later) => ({
    ...attempt,
    at: attempt.at + later,
  }));
}

const LIVE: DetectorOptions = {
  local: [US, "2001:db8::10"],
  outgoing: true,
  logBurst: 0,
};

function reportsOf(
  attempts: readonly Attempt[],
  options: DetectorOptions = LIVE,
): Report[] {
  return run(attempts.flatMap(eventsOf), options);
}

function run(
  events: readonly Event[],
  options: DetectorOptions = LIVE,
): Report[] {
  const reports: Report[] = [];
  const detector = new Detector((report) => reports.push(report), options);
  for (const { at, run } of events.toSorted((a, b) => a.at - b.at)) {
    detector.advance(START + at);
    run(detector);
  }
  detector.advance(START + 86_400_000);
  detector.finish();
  return reports;
}

function linesOf(attempts: readonly Attempt[], options = LIVE): string[] {
  return reportsOf(attempts, options).map((report) =>
    formatReport(report, { utc: true })
  );
}

const PORTS = [21, 22, 23, 25, 53, 80, 110, 111, 135, 139];

function scan(host: string, fate: Fate, gap = 10): Attempt[] {
  return PORTS.map((port, i) => ({ at: i * gap, host, port, fate }));
}

/** The host of a number, in a large network. */
function hostOf(number: number): string {
  return `198.${18 + (number >> 16)}.${(number >> 8) & 0xff}.${number & 0xff}`;
}

for (const fate of ["closed", "silent"] as const) {
  Deno.test(`a scan of another host's ${fate} ports is found`, () => {
    assertEquals(linesOf(scan("198.51.100.1", fate)), [
      "outgoing: 192.0.2.10:40000 to 198.51.100.1 ports 21, 22, 23, 25, 53, 80, ..., fSrpauxy, TOS 00, TTL 64 @00:00:00",
    ]);
  });
}

Deno.test("nobody who does not ask for it hears of outgoing scans", () => {
  for (const outgoing of [undefined, false]) {
    const options = { ...LIVE, outgoing };
    assertEquals(reportsOf(scan("198.51.100.1", "silent"), options), []);
  }
});

Deno.test("the reports of an outgoing scan say so", () => {
  const options = { ...LIVE, ends: true, logBurst: 1 };
  const reports = reportsOf([
    ...scan("198.51.100.1", "closed"),
    { at: 95, host: "198.51.100.1", port: 443, fate: "open" },
    ...scan("198.51.100.2", "silent"),
  ], options);
  const told = reports.map((
    report,
  ) => [report.type, "direction" in report && report.direction]);
  assertEquals(told, [
    ["scan", "outgoing"],
    ["flood", false],
    ["unlogged", "outgoing"],
    ["end", "outgoing"],
  ]);
});

Deno.test("a scan by IPv6, and by flags that no connection has, is found", () => {
  for (const flags of [0, 0x01, 0x29]) {
    const attempts = scan("2001:db8:1::1", "silent").map((attempt) => ({
      ...{ ...attempt, flags, source: "2001:db8::10" },
    }));
    const [line] = linesOf(attempts);
    assert(line?.startsWith("outgoing: [2001:db8::10]:40000 to 2001:db8:1::1"));
  }
});

Deno.test("a slow scan is found once", () => {
  const lines = linesOf(scan("198.51.100.1", "closed", 600_000));
  assertEquals(lines.length, 1);
  assert(lines[0].startsWith("outgoing: 192.0.2.10"), lines[0]);
});

Deno.test("hosts of ours that are named by home alone are watched too", () => {
  const attempts = scan("198.51.100.1", "silent").map((attempt) => ({
    ...attempt,
    source: "192.0.2.99",
  }));
  const options = { home: "192.0.2.0/24", outgoing: true };
  assertEquals(linesOf(attempts, options).length, 1);
  const inside = attempts.map((each) => ({ ...each, host: "192.0.2.50" }));
  for (const line of linesOf(inside, options)) {
    assert(!line.startsWith("outgoing"), line);
  }
});

Deno.test("this host's scan of a neighbour is outgoing, whoever is ours", () => {
  const attempts = scan("192.0.2.50", "silent");
  for (
    const more of [
      { home: "192.0.2.0/24" },
      { promiscuous: true, onLink: ["192.0.2.0/24"] },
    ]
  ) {
    const options = { ...LIVE, ...more };
    const lines = linesOf(attempts, options);
    assertEquals(lines.length, 1);
    assert(lines[0].startsWith("outgoing: "), lines[0]);
    const open = attempts.map((each) => ({ ...each, fate: "open" as const }));
    assertEquals(linesOf(open, options), []);
  }
});

Deno.test("a copy of any packet changes nothing", async () => {
  await withRunSeed((random) => {
    const attempts = [
      ...inTime(random, 500, 20, () => ({
        host: hostOf(below(random, 10)),
        port: pick(random, PORTS),
        fate: fate(random, 40, 30),
      })),
      ...sweep(300, 445, 10),
    ];
    const events = attempts.flatMap(eventsOf);
    const lines = (all: Event[]) =>
      run(all).map((report) => formatReport(report, { utc: true }));
    assertEquals(lines(events.flatMap((each) => [each, each])), lines(events));
  });
});

Deno.test("ignored sources and ports are no scan", () => {
  const attempts = scan("198.51.100.1", "silent");
  for (const ignore of [US, `${US}=1-1023`]) {
    assertEquals(reportsOf(attempts, { ...LIVE, ignore }), []);
  }
  const ignore = "198.51.100.1";
  assertEquals(reportsOf(attempts, { ...LIVE, ignore }).length, 1);
});

function sweep(count: number, port: number, pause: number): Attempt[] {
  return Array.from({ length: count }, (_, i) => ({
    at: i * pause,
    host: hostOf(i),
    port,
    fate: i % 40 === 0 ? "open" : i % 5 === 0 ? "closed" : "silent",
  }));
}

for (const pause of [0.01, 1, 10, 100]) {
  Deno.test(`one port of 1,000 hosts, one each ${pause} ms, is a sweep`, () => {
    const reports = reportsOf(sweep(1000, 443, pause));
    assertEquals(reports.length, 1);
    const [report] = reports;
    assert(report.type === "scan");
    assertEquals([report.rule, report.direction], ["sweep", "outgoing"]);
    assertEquals(report.completingPort, 443);
    assert(report.otherDestinations);
    assert(report.hosts !== undefined && report.hosts >= 128);
  });
}

Deno.test("eight more ports of a /24 are eight sweeps", () => {
  const ports = [22, 80, 443, 3306, 5432, 6379, 8080, 8443];
  const attempts = ports.flatMap((port, i) =>
    sweep(254, port, 1).map((each) => ({ ...each, at: each.at + i * 300 }))
  );
  const ended = reportsOf(attempts).filter(({ type }) => type === "scan");
  assertEquals(ended.length, ports.length);
});

Deno.test("300 ports of a large network, at random and 10,000 a second, are found", async () => {
  await withRunSeed((random) => {
    const attempts = Array.from({ length: 80_000 }, (_, i): Attempt => ({
      at: i / 10,
      host: hostOf(below(random, 65_536)),
      port: 8000 + below(random, 300),
      fate: "silent",
    }));
    const ports = reportsOf(attempts).map((report) =>
      report.type === "scan" ? report.completingPort : -1
    );
    assertEquals(new Set(ports).size, ports.length);
    assert(ports.length > 250, `${ports.length} of 300 ports`);
  });
});

/** A datagram of ours, refused by an ICMP error. */
function refusal(at: number, init: Parameters<typeof udp>[0], host: string) {
  const quoted = ipv4(udp(init), {
    ...{ source: US, destination: host, protocol: NEXT_UDP },
  });
  const bytes = ipv4(icmpUnreachable(quoted), {
    ...{ source: host, destination: US, protocol: 1 },
  });
  const init2 = { bytes, linkType: LINKTYPE_RAW, time: START + at };
  const packet = Packet.from({ ...init2, direction: DIRECTION_IN });
  return { at, run: (detector: Detector) => detector.packet(packet) };
}

Deno.test("a UDP scan is found by what the other host refuses", () => {
  const events = PORTS.map((destinationPort, i) =>
    refusal(i * 1000, { sourcePort: 50_000, destinationPort }, "198.51.100.1")
  );
  const lines = run(events).map((each) => formatReport(each, { utc: true }));
  assertEquals(lines.length, 1);
  assert(lines[0].startsWith("outgoing: 192.0.2.10:50000 to 198.51.100.1"));
  assert(lines[0].includes(", udp "), lines[0]);
});

Deno.test("datagrams to clients that have left are no scan", () => {
  for (const sourcePort of [53, 443, 27_015]) {
    const events = Array.from({ length: 500 }, (_, i) =>
      refusal(
        i * 100,
        { sourcePort, destinationPort: 40_000 + i },
        "198.51.100.1",
      ));
    assertEquals(run(events), []);
  }
});

// Clients that meet dead hosts all day.

/** A time of each attempt: a while after the one before. */
function inTime(
  random: Random,
  count: number,
  pause: number,
  make: (number: number) => Omit<Attempt, "at">,
): Attempt[] {
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    at += random() / 2 ** 32 * 2 * pause;
    return { ...make(i), at };
  });
}

function fate(random: Random, open: number, closed: number): Fate {
  const chance = below(random, 100);
  return chance < open ? "open" : chance < open + closed ? "closed" : "silent";
}

const CLIENTS: Record<string, (random: Random) => Attempt[]> = {
  "a browser": (random) =>
    inTime(random, 2000, 50, () => ({
      host: hostOf(below(random, 600)),
      port: pick(random, [443, 443, 443, 80, 8443]),
      fate: fate(random, 90, 3),
    })),
  "a browser whose line is dead": (random) =>
    inTime(random, 100, 200, () => ({
      host: hostOf(below(random, 100)),
      port: pick(random, [443, 80]),
      fate: "silent",
    })),
  "a resolver by TCP": (random) =>
    inTime(random, 3000, 20, () => ({
      host: hostOf(below(random, 800)),
      port: 53,
      fate: fate(random, 70, 10),
    })),
  "a mail server that flushes its queue": (random) =>
    Array.from({ length: 600 }, (_, i) => ({
      // A hundred at a time, 30 s for each.
      at: Math.floor(i / 100) * 30_000 + below(random, 500),
      host: hostOf(i),
      port: 25,
      fate: fate(random, 40, 5),
    })),
  "a mail server whose hosts are all dead": (random) =>
    Array.from({ length: 600 }, (_, i) => ({
      at: Math.floor(i / 100) * 30_050 + below(random, 40),
      host: hostOf(i),
      port: 25,
      fate: "silent",
    })),
  "BitTorrent": (random) =>
    inTime(random, 6000, 33, () => ({
      host: hostOf(below(random, 20_000)),
      port: below(random, 10) === 0
        ? pick(random, [6881, 51_413])
        : 1024 + below(random, 64_000),
      fate: fate(random, 15, 15),
    })),
  "a crawler": (random) =>
    inTime(random, 20_000, 2, () => ({
      host: hostOf(below(random, 8000)),
      port: pick(random, [443, 80]),
      fate: fate(random, 85, 3),
    })),
  "a crawler whose line goes dead": (random) =>
    inTime(random, 24_000, 10, (i) => ({
      host: hostOf(i),
      port: 443,
      fate: i < 4000 ? fate(random, 90, 2) : "silent",
    })),
  "monitoring, after its hosts have lost power": (random) =>
    [0, 60_000, 120_000].flatMap((begin, round) =>
      Array.from({ length: 400 }, (_, i) => ({
        at: begin + below(random, 5000),
        host: hostOf(i),
        port: 9100,
        fate: (round === 0 ? "open" : "silent") as Fate,
      }))
    ),
  "an FTP server in active mode": (random) =>
    inTime(random, 200, 100, (i) => ({
      host: "198.51.100.1",
      port: 50_000 + i,
      sourcePort: 20,
      fate: "silent",
    })),
  "an FTP client in passive mode": (random) =>
    inTime(random, 200, 100, (i) => ({
      host: "198.51.100.1",
      port: 50_000 + i,
      fate: "open",
    })),
  "a peer-to-peer node of one well-known port": (random) =>
    inTime(random, 2000, 500, () => ({
      host: hostOf(below(random, 20_000)),
      port: 8333,
      fate: fate(random, 10, 10),
    })),
};

for (const [name, make] of Object.entries(CLIENTS)) {
  Deno.test(`innocent: ${name}`, async () => {
    await withRunSeed((random) => {
      const attempts = make(random).flatMap(withRepeats);
      assertEquals(linesOf(attempts), []);
      // A scan in its midst is found all the same.
      const middle = attempts[attempts.length >> 1].at;
      const found = linesOf([
        ...attempts,
        ...scan("203.0.113.7", "silent").map((each) => ({
          ...each,
          at: each.at + middle,
        })),
      ]);
      assertEquals(found.length, 1, name);
      assert(found[0].startsWith("outgoing: 192.0.2.10:40000 to 203.0.113.7"));
    });
  });
}

Deno.test("a stranger's packets in our name, and forged answers, do nothing", () => {
  const attempts = scan("198.51.100.1", "silent");
  const events = attempts.flatMap(eventsOf);
  const forged = attempts.map(({ at, host, port }): Event => ({
    at,
    run: (detector) =>
      detector.segment(Segment.from({
        ...{ source: US, destination: host, destinationPort: port },
        ...{ sourcePort: 4, flags: TCP_SYN, time: START + at },
        direction: DIRECTION_IN,
      })),
  }));
  assertEquals(run(forged), []);
  assertEquals(run(events).length, 1);
});

Deno.test("whatever comes, and however the clock goes, tables stay as they are", async () => {
  await withRunSeed((random) => {
    let reports = 0;
    const detector = new Detector(() => reports++, {
      ...{ ...LIVE, home: "10.0.0.0/8", ends: true, sources: 1024 },
    });
    const { byteLength } = detector;
    const addresses = [US, "10.1.2.3", "198.51.100.1", "240.0.0.1"];
    const addresses6 = ["2001:db8::10", "2001:db8:1::1", "ff02::1", "::1"];
    let time = START;
    for (let i = 0; i < 100_000; i++) {
      time += below(random, 50) === 0 ? below(random, 80_000) - 39_000 : 1;
      const list = below(random, 4) === 0 ? addresses6 : addresses;
      const host = list === addresses ? hostOf(below(random, 3000)) : list[1];
      const [source, destination] = below(random, 3) === 0
        ? [pick(random, list), pick(random, list)]
        : below(random, 2) === 0
        ? [pick(random, list), host]
        : [host, pick(random, list)];
      const segment = Segment.from({
        ...{ source, destination, flags: below(random, 256), time },
        sourcePort: below(random, 65_536),
        destinationPort: below(random, 8) === 0
          ? below(random, 65_536)
          : pick(random, PORTS),
        direction: pick(random, [DIRECTION_IN, DIRECTION_OUT, 0] as const),
      });
      segment.protocol = pick(random, [6, 6, 6, 17, 132, 47]);
      detector.segment(segment);
      if (i % 100 === 0) detector.advance(time);
    }
    detector.finish();
    assertEquals(detector.byteLength, byteLength);
    assert(reports > 0);
  });
});

Deno.test("the tables are taken only if they are wanted, and are small", () => {
  const without = new Detector(() => {}, { ...LIVE, outgoing: false });
  const detector = new Detector(() => {}, LIVE);
  const extra = detector.byteLength - without.byteLength;
  assertLess(extra, 20 << 20);
  assert(extra > 1 << 20);
});
