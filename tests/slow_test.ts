/**
 * Scans that take minutes and hours, and peers that do nothing wrong for days.
 */

import {
  Detector,
  formatJson,
  formatReport,
  type Protocol,
  type Report,
  type Rule,
  Segment,
} from "../mod.ts";
import { DIRECTION_IN } from "../library/packet.ts";
import { assertEquals, assertLessOrEqual, assertMatch } from "./assert.ts";
import {
  DESTINATION,
  DESTINATION6,
  SOURCE,
  SOURCE6,
  START,
} from "./packets.ts";
import { seeded } from "./random.ts";
import {
  association,
  connection,
  datagram,
  DAY,
  fileOf,
  type Frame,
  HOUR,
  inOrder,
  MINUTE,
  onlyOutgoing,
  probeWith,
  reportsOf,
  scansOf,
  SECOND,
  type SlowScan,
  slowScan,
  T0,
  T1,
} from "./slow.ts";
import { portsFrom } from "./watch.ts";

/** nmap's most common ports below 1024, and some more. */
const PRIVILEGED = [
  ...[80, 23, 443, 21, 22, 25, 110, 445, 139, 143, 53, 135, 111, 995, 993],
  ...[587, 199, 113, 548, 179, 81, 465, 515, 514, 7, 26, 79, 106, 119, 389],
];
const RST = 0x04;
const HIGH = [...portsFrom(5_900, 20), ...portsFrom(8_000, 20)];

/** The scan is told once, by this rule, with these ports. */
function assertToldOnce(
  frames: Iterable<Frame>,
  expected: { rule: Rule; protocol?: Protocol; ports?: readonly number[] },
  options = {},
): string {
  const reports = reportsOf(frames, options);
  const lines = reports.map((report) => formatReport(report, { utc: true }));
  assertEquals(reports.length, 1, lines.join("\n"));
  const [scan] = scansOf(reports);
  const { rule, protocol = "tcp" } = expected;
  assertEquals([scan.rule, scan.protocol], [rule, protocol], lines[0]);
  if (expected.ports !== undefined) {
    const { ports } = scan;
    assertEquals(ports, expected.ports.slice(0, ports.length), lines[0]);
    assertEquals(scan.completingPort, expected.ports[ports.length], lines[0]);
  }
  return lines[0];
}

function assertSilent(frames: Iterable<Frame>, options = {}): void {
  const reports = reportsOf(frames, options);
  assertEquals(reports.map((report) => formatReport(report)), []);
}

const TIMINGS = [
  { name: "every 3.2 s", gap: 3_200, jitter: 0 },
  { name: "-T1", gap: T1, jitter: 0 },
  { name: "-T1 with jitter", gap: T1, jitter: 0.5 },
  { name: "-T0", gap: T0, jitter: 0 },
  { name: "-T0 with jitter", gap: T0, jitter: 0.5 },
];
const VERSIONS = [4, 6] as const;
const PORT_KINDS = [["privileged", PRIVILEGED], ["high", HIGH]] as const;

for (const { name, gap, jitter } of TIMINGS) {
  for (const version of VERSIONS) {
    for (const [kind, ports] of PORT_KINDS) {
      for (const answer of ["refuse", "drop"] as const) {
        Deno.test(`${name}, IPv${version}, ${kind} ports, ${answer}: one slow scan`, () => {
          const scan: SlowScan = { version, ports, gap, jitter, answer };
          const line = assertToldOnce(slowScan(scan), { rule: "slow", ports });
          const [source, destination] = version === 4
            ? [SOURCE, DESTINATION]
            : [`[${SOURCE6}]`, DESTINATION6];
          const start = `${source}:40000 to ${destination} ports ${ports[0]}, `;
          assertEquals(line.slice(0, start.length), start);
          assertMatch(line, /, fSrpauxy, TOS 00, TTL 64 @06:40:13$/);
        });
      }
    }
  }
}

Deno.test("open ports in between do not hide a slow scan, and are no part of it", () => {
  const closed = PRIVILEGED.slice(0, 20);
  const frames = inOrder(
    slowScan({ ports: closed, gap: T1 }),
    slowScan({ ports: [8080, 8443, 3306], gap: T1, time: 5, answer: "open" }),
  );
  assertToldOnce(frames, { rule: "slow", ports: closed });
});

Deno.test("a probe repeated since nobody answered is no second port", () => {
  // nmap tries a silent port twice and more.
  const twice = PRIVILEGED.flatMap((port) => [port, port]);
  const frames = slowScan({ ports: twice, gap: T1, answer: "drop" });
  assertToldOnce(frames, { rule: "slow", ports: PRIVILEGED });
});

Deno.test("a RST after each probe does not hide a slow scan", () => {
  const scan = { ports: PRIVILEGED, gap: 3_300, answer: "drop" } as const;
  const frames = inOrder(
    slowScan(scan),
    slowScan({ ...scan, time: 1, make: probeWith(RST) }),
  );
  assertToldOnce(frames, { rule: "slow", ports: PRIVILEGED });
});

Deno.test("packets that all have RST are no slow scan", () => {
  const scan = { ports: PRIVILEGED, gap: 3_300, answer: "drop" } as const;
  assertSilent(inOrder(
    slowScan({ ...scan, make: probeWith(RST) }),
    slowScan({ ...scan, time: 1, make: probeWith(RST) }),
  ));
});

Deno.test("a port probed 49.7 days ago is no part of a slow scan", () => {
  // 2^32 milliseconds and 5 s, where a clock of 32 bits would wrap around.
  const later = slowScan({
    ports: PRIVILEGED.slice(1, 7),
    gap: 10 * SECOND,
    time: 2 ** 32 + 5 * SECOND,
  });
  const first = slowScan({ ports: PRIVILEGED.slice(0, 1), gap: T1 });
  assertSilent(inOrder(first, later), { slowWindow: HOUR });
});

for (const time of [-8.64e15, 8.64e15, -Infinity, Infinity, NaN]) {
  Deno.test(`a slow scan at a wall time of ${time} can be written`, () => {
    const reports: Report[] = [];
    const detector = new Detector((report) => reports.push(report), {
      random: seeded(1),
      sources: 1024,
    });
    for (const [i, destinationPort] of PRIVILEGED.entries()) {
      const probe = Segment.from({
        source: SOURCE,
        destination: DESTINATION,
        sourcePort: 40_000,
        destinationPort,
        flags: 0x02,
        time: i * T1,
        direction: DIRECTION_IN,
      });
      probe.wallTime = time;
      detector.segment(probe);
    }
    detector.finish();
    assertEquals(scansOf(reports).length, 1);
    for (const report of reports) {
      JSON.parse(formatJson(report));
      assertEquals(formatReport(report).includes("NaN"), false);
    }
  });
}

// Floods.

/** Gives a detector this many forged probes, each of a source of its own. */
function flood(
  detector: Detector,
  start: number,
  rate: number,
  duration: number,
  random: () => number,
): void {
  const probe = Segment.from({
    source: SOURCE,
    destination: DESTINATION,
    sourcePort: 40_000,
    destinationPort: 80,
    flags: 0x02,
    time: start,
    direction: DIRECTION_IN,
  });
  const count = rate * duration / SECOND;
  for (let i = 0; i < count; i++) {
    probe.source3 = random() | 0;
    probe.sequence = random();
    probe.time = probe.wallTime = start + i * duration / count;
    detector.segment(probe);
  }
}

/** After how many probes with -T0 a scan is told; Infinity: never. */
function probesUntilTold(calm: number, rate: number): number {
  let probes = 0;
  let told = Infinity;
  const detector = new Detector((report) => {
    if (report.type !== "scan" || report.source !== SCANNER) return;
    told = Math.min(told, probes);
  }, { random: seeded(1) });
  const random = seeded(9);
  for (const port of portsFrom(1, 20)) {
    const time = START + probes * T0;
    probes++;
    detector.segment(Segment.from({
      source: SCANNER,
      destination: DESTINATION,
      sourcePort: 40_000,
      destinationPort: port,
      flags: 0x02,
      time,
      direction: DIRECTION_IN,
    }));
    if (probes > calm) flood(detector, time, rate, T0, random);
    detector.advance(time + T0);
    if (told < Infinity) break;
  }
  return told;
}

const SCANNER = "203.0.113.66";

Deno.test("1000 forged sources a second do not hide a scan that had begun", () => {
  // Seven ports make a scan; the last one is told when it is over.
  assertLessOrEqual(probesUntilTold(4, 1_000), 8);
});

Deno.test("1000 forged sources a second do not hide a scan with -T0", () => {
  assertLessOrEqual(probesUntilTold(0, 1_000), 19);
});

// Long scans.

Deno.test("a scan of 1000 ports with -T1 is told once", () => {
  const ports = portsFrom(1, 1_000);
  assertToldOnce(slowScan({ ports, gap: T1 }), { rule: "slow", ports });
});

Deno.test("a scan of 250 ports with -T0 is told once", () => {
  const ports = portsFrom(1, 250);
  assertToldOnce(slowScan({ ports, gap: T0 }), { rule: "slow", ports });
});

for (const version of VERSIONS) {
  for (const { name, gap, jitter } of TIMINGS) {
    Deno.test(`UDP ${name}, IPv${version}: found once`, () => {
      const ports = [7, 9, 13, 17, 19, 37, 49, 67, 68, 69, 111, 123, 137, 138];
      const scan = { version, ports, gap, jitter, make: datagram };
      const [report, ...more] = scansOf(reportsOf(slowScan(scan)));
      assertEquals(more, []);
      assertEquals(report?.protocol, "udp");
      assertMatch(formatReport(report), /, udp(, TOS 00)?(, TTL \d+)? @/);
    });
  }
}

/** nmap's scans besides -sS, by their flags. */
const FLAGS = { "-sF": 0x01, "-sN": 0x00, "-sX": 0x29, "-sM": 0x11 };

for (const [option, flags] of Object.entries(FLAGS)) {
  for (const answer of ["refuse", "drop"] as const) {
    for (const gap of [3_200, T1, T0]) {
      Deno.test(`${option} each ${gap / SECOND} s, ${answer}: found once`, () => {
        const make = probeWith(flags);
        const scan = { ports: PRIVILEGED, gap, answer, make };
        assertToldOnce(slowScan(scan), { rule: "slow", ports: PRIVILEGED });
      });
    }
  }
}

for (const gap of [3_200, T1, T0]) {
  Deno.test(`-sA each ${gap / SECOND} s, refused: found once`, () => {
    // Live, the kernel keeps the probes: only the refusals are seen.
    const scan = { ports: PRIVILEGED, gap, make: probeWith(0x10) };
    const frames = onlyOutgoing(slowScan(scan));
    assertToldOnce(frames, { rule: "slow", ports: PRIVILEGED });
  });
}

Deno.test("SCTP INIT to 30 ports that ABORT: one scan", () => {
  const ports = portsFrom(1, 30);
  const frames = slowScan({ ports, gap: 10, make: association });
  const line = assertToldOnce(frames, {
    rule: "sctp",
    protocol: "sctp",
    ports,
  });
  assertMatch(line, /, sctp, TOS 00, TTL 64 @06:40:13$/);
});

for (const gap of [T1, T0]) {
  Deno.test(`SCTP INIT each ${gap / SECOND} s: one slow scan`, () => {
    const frames = slowScan({ ports: PRIVILEGED, gap, make: association });
    const line = assertToldOnce(frames, { rule: "slow", protocol: "sctp" });
    assertMatch(line, /, sctp, /);
  });
}

Deno.test("outgoing SCTP ABORTs alone are evidence, fast and slow", () => {
  for (const gap of [10, T1]) {
    const scan = { ports: PRIVILEGED, gap, make: association };
    const [report, ...more] = scansOf(reportsOf(onlyOutgoing(slowScan(scan))));
    assertEquals(more, []);
    assertEquals(report?.protocol, "sctp", `each ${gap} ms`);
  }
});

// The window.

/** An hour holds twelve of them, 21 would make a scan. */
const SLOW_HIGH = slowScan({ ports: HIGH, gap: T0 });

Deno.test("the window ends: an hour is too short for -T0 and high ports", () => {
  assertToldOnce(SLOW_HIGH, { rule: "slow" });
  assertSilent(SLOW_HIGH, { slowWindow: HOUR });
});

Deno.test("what came before the window began does not count", () => {
  // Six ports, then a day's pause, then six others.
  const frames = inOrder(
    slowScan({ ports: PRIVILEGED.slice(0, 6), gap: T1 }),
    slowScan({
      ports: PRIVILEGED.slice(6, 12),
      gap: T1,
      time: DAY + 10 * MINUTE,
    }),
  );
  assertSilent(frames);
  assertToldOnce(frames, { rule: "slow" }, { slowWindow: 2 * DAY });
});

Deno.test("a window of 0: slow scans are not looked for", () => {
  assertSilent(SLOW_HIGH, { slowWindow: 0 });
  assertSilent(slowScan({ ports: PRIVILEGED, gap: T1 }), { slowWindow: 0 });
});

Deno.test("--classic looks for none", () => {
  assertSilent(SLOW_HIGH, { classic: true });
});

// Innocents.

function every(
  gap: number,
  duration: number,
  talk: (time: number, i: number) => Frame[],
): Frame[] {
  return Array.from(
    { length: Math.floor(duration / gap) },
    (_, i) => talk(i * gap, i),
  ).flat();
}

for (const answer of ["refuse", "drop"] as const) {
  Deno.test(`a peer that tries a closed port each minute for 3 days: ${answer}`, () => {
    assertSilent(
      every(
        MINUTE,
        3 * DAY,
        (time, i) =>
          connection({
            port: 443,
            time,
            answer,
            peerPort: 32_768 + i % 28_000,
          }),
      ),
    );
  });

  Deno.test(`a peer that tries 6 closed ports in a day: ${answer}`, () => {
    const ports = PRIVILEGED.slice(0, 6);
    assertSilent(
      every(
        4 * HOUR,
        DAY,
        (time, i) => connection({ port: ports[i], time, answer }),
      ),
    );
  });

  Deno.test(`a monitor that tries the same 6 closed ports each minute: ${answer}`, () => {
    const ports = PRIVILEGED.slice(0, 6);
    assertSilent(
      every(
        MINUTE,
        2 * DAY,
        (time) =>
          ports.flatMap((port, i) =>
            connection({ port, time: time + i, answer, peerPort: 32_768 + i })
          ),
      ),
    );
  });

  // Of as many networks: those of one would share out a scan.
  Deno.test(`500 peers that try one closed port each: ${answer}`, () => {
    assertSilent(every(10 * SECOND, 5_000 * SECOND, (time, i) =>
      connection({
        peer: `203.${i >> 8}.${i & 0xff}.1`,
        port: PRIVILEGED[i % PRIVILEGED.length],
        time,
        answer,
      })));
  });
}

Deno.test("a client of 15 open ports for a day", () => {
  const ports = PRIVILEGED.slice(0, 15);
  assertSilent(every(30 * SECOND, DAY, (time, i) =>
    connection({
      port: ports[i % ports.length],
      time,
      answer: "open",
      peerPort: 32_768 + i % 28_000,
    })));
});

Deno.test("a client of 2000 open high ports in a day, as of passive FTP", () => {
  assertSilent(every(40 * SECOND, DAY, (time, i) =>
    connection({
      port: 20_000 + i % 10_000,
      time,
      answer: "open",
      peerPort: 32_768 + i % 28_000,
    })));
});

Deno.test("a peer whose host lost some answers: open ports, seldom silent", () => {
  // A SYN that is lost is sent again a second later, and answered.
  assertSilent(every(10 * MINUTE, 2 * DAY, (time, i) => {
    const port = PRIVILEGED[i % PRIVILEGED.length];
    return inOrder(
      connection({ port, time, answer: "drop" }),
      connection({ port, time: time + SECOND, answer: "open" }),
    );
  }));
});

// The program itself.

async function readFile(
  file: Uint8Array,
  args: readonly string[],
): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-ffi", "--allow-read"],
      new URL("../main.ts", import.meta.url).pathname,
      ...["--read", "-", "--utc", "--no-drop", ...args],
    ],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(file);
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n").slice(0, -1);
}

Deno.test("--read finds a slow scan in a packed file, --slow-window splits it", async () => {
  const packed = new Blob([fileOf(SLOW_HIGH)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const file = new Uint8Array(await new Response(packed).arrayBuffer());
  const [line, ...more] = await readFile(file, []);
  assertEquals(more, []);
  assertEquals(
    line,
    "192.0.2.1:40000 to 198.51.100.2 ports 5900, 5901, 5902, 5903, 5904, 5905, 5906, ..., fSrpauxy, TOS 00, TTL 64 @06:40:13",
  );
  assertEquals(await readFile(file, ["--slow-window", "1h"]), []);
  assertEquals(await readFile(file, ["--slow-window", "0"]), []);
  assertEquals(await readFile(file, ["--classic"]), []);
});
