/** The library as somebody else's script uses it. */

import {
  AddressSet,
  CaptureFileError,
  Detector,
  findScans,
  formatJson,
  formatReport,
  Packet,
  type PacketInit,
  type Report,
  Segment,
  type SegmentInit,
  toEvent,
} from "../mod.ts";
import {
  DIRECTION_OUT,
  LINKTYPE_RAW,
  parseAddress,
  TCP_SYN,
} from "../library/packet.ts";
import { SavefileReader } from "../library/savefile.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import {
  concat,
  LINKS,
  NETWORKS,
  pcap,
  SCAN_LINE,
  SCAN_PORTS,
  scanFile,
  START,
  tcp,
} from "./packets.ts";

const FILE = scanFile(SCAN_PORTS);

async function linesOf(scans: AsyncIterable<Report>): Promise<string[]> {
  const lines: string[] = [];
  for await (const report of scans) {
    lines.push(formatReport(report, { utc: true }));
  }
  return lines;
}

/** The file in two chunks that part a record. */
const HALVES = [FILE.subarray(0, 100), FILE.subarray(100)];

Deno.test("findScans() takes bytes, chunks, and streams", async () => {
  async function* later() {
    yield* HALVES;
  }
  const inputs = [FILE, HALVES, later(), ReadableStream.from(HALVES)];
  for (const input of inputs) {
    assertEquals(await linesOf(findScans(input)), [SCAN_LINE]);
  }
});

Deno.test("findScans() gives a scan as soon as its chunk is read", async () => {
  let isRest = false;
  function* chunks() {
    yield FILE;
    isRest = true;
    yield new Uint8Array(3);
  }
  const scans = findScans(chunks(), { classic: true });
  assertEquals((await scans.next()).done, false);
  assert(!isRest);
  await assertRejects(() => scans.next(), CaptureFileError, "cut off");
});

Deno.test("findScans() stops reading when its caller stops", async () => {
  let isClosed = false;
  const scans = findScans((function* () {
    try {
      yield FILE;
      yield FILE.subarray(24);
    } finally {
      isClosed = true;
    }
  })());
  await scans.next();
  await scans.return();
  assert(isClosed);
});

Deno.test("findScans() passes on what its source throws, after the scans", async () => {
  function* broken() {
    yield FILE;
    throw new TypeError("the disk is gone");
  }
  const scans = findScans(broken());
  assertEquals((await scans.next()).done, false);
  await assertRejects(() => scans.next(), TypeError, "the disk is gone");
});

Deno.test("findScans() takes the detector's options, and refuses bad ones", async () => {
  const ignore = AddressSet.from(["192.0.2.0/24"]);
  assertEquals(await linesOf(findScans(FILE, { ignore })), []);
  const [short] = await linesOf(findScans(FILE, { minPorts: 2 }));
  assertEquals(short.includes("ports 22, ..., "), true);
  assertEquals(await linesOf(findScans(FILE, { ignore: "192.0.2.1" })), []);
  assertThrows(
    () => findScans(FILE, { minPorts: 1 }),
    RangeError,
    "Cannot set minPorts",
  );
});

Deno.test("a scan is found over every link and in every kind of packet", async () => {
  for (const link of LINKS) {
    for (const network of NETWORKS) {
      if (!link.versions.includes(network.version)) continue;
      const file = pcap(
        { littleEndian: true, nanoseconds: false, linkType: link.linkType },
        SCAN_PORTS.map((destinationPort, i) => ({
          seconds: START / 1000,
          fraction: i,
          bytes: link.wrap(
            network.wrap(tcp({ destinationPort })),
            network.version,
          ),
        })),
      );
      // Small tables: those of the defaults take longer to make than to fill.
      const lines = await linesOf(findScans(file, { sources: 16 }));
      // What the host sent itself is no scan of it.
      const expected = link.direction === DIRECTION_OUT ? [] : [
        network.version === 4 ? SCAN_LINE : SCAN_LINE
          .replace("192.0.2.1:40000", "[2001:db8:0:1::7]:40000")
          .replace("198.51.100.2", "2001:db8:ffff::2"),
      ];
      assertEquals(lines, expected, `${network.name} over ${link.name}`);
    }
  }
});

Deno.test("reader, detector and formatter work together by hand, too", () => {
  const lines: string[] = [];
  const detector = new Detector((report) =>
    lines.push(formatReport(report, { utc: true }))
  );
  const reader = new SavefileReader((packet) => detector.packet(packet));
  reader.push(FILE);
  reader.end();
  detector.finish();
  assertEquals(lines, [SCAN_LINE]);
  assertEquals(detector.counters.packets, SCAN_PORTS.length);
});

Deno.test("a detector outlives a damaged file and goes on with the next", () => {
  const detector = new Detector(() => {});
  const read = (file: Uint8Array) => {
    const reader = new SavefileReader((packet) => detector.packet(packet));
    reader.push(file);
    reader.end();
  };
  assertThrows(() => read(concat(FILE, [0])), CaptureFileError);
  read(FILE);
  assertEquals(detector.counters.packets, 2 * SCAN_PORTS.length);
});

Deno.test("a detector takes its memory at once and keeps it", () => {
  const small = new Detector(() => {}, { sources: 16 });
  const large = new Detector(() => {});
  assert(large.byteLength > small.byteLength + 65_000 * 64);
  assertEquals([small.sources, small.evicted], [0, 0]);
});

Deno.test("a detector does not keep the packet nor its bytes", () => {
  const reports: Report[] = [];
  const detector = new Detector((report) => reports.push(report));
  const packet = new Packet();
  const bytes = new Uint8Array(40);
  packet.view = new DataView(bytes.buffer);
  packet.length = 40;
  packet.linkType = 101;
  packet.time = packet.wallTime = START;
  for (const destinationPort of SCAN_PORTS) {
    bytes.set(NETWORKS[0].wrap(tcp({ destinationPort })));
    detector.packet(packet);
    bytes.fill(0xff); // reused at once
  }
  detector.finish();
  assertEquals(formatReport(reports[0], { utc: true }), SCAN_LINE);
});

Deno.test("Packet.from() makes what a capture would", () => {
  const reports: Report[] = [];
  const detector = new Detector((report) => reports.push(report));
  const frame = new Uint8Array(50);
  for (const destinationPort of SCAN_PORTS) {
    frame.set(NETWORKS[0].wrap(tcp({ destinationPort })), 5);
    detector.packet(Packet.from({
      bytes: frame.subarray(5, 45),
      linkType: LINKTYPE_RAW,
      time: START,
    }));
  }
  detector.finish();
  assertEquals(formatReport(reports[0], { utc: true }), SCAN_LINE);
});

Deno.test("Packet.from() refuses what is none", () => {
  const init = { bytes: new Uint8Array(20), linkType: 101, time: START };
  const wrong = [
    [{ bytes: [0x45] }, TypeError, "bytes must be a Uint8Array"],
    [{ time: NaN }, RangeError, "time must be a number of milliseconds, got N"],
    [{ time: "1" }, RangeError, "time must be a number of milliseconds, got 1"],
    [{ linkType: 65_536 }, RangeError, "linkType must be an integer from 0 to"],
    [{ linkType: undefined }, RangeError, "linkType must be an integer"],
    [{ originalLength: -1 }, RangeError, "originalLength must be an integer"],
    [{ interfaceIndex: 0.5 }, RangeError, "interfaceIndex must be an integer"],
    [{ direction: 3 }, RangeError, "direction must be an integer from 0 to 2"],
  ] as const;
  for (const [part, kind, message] of wrong) {
    const made = () => Packet.from({ ...init, ...part } as PacketInit);
    assertThrows<Error>(made, kind, message);
  }
});

const INIT: SegmentInit = {
  source: "192.0.2.1",
  destination: "192.0.2.2",
  sourcePort: 1,
  destinationPort: 2,
  flags: TCP_SYN,
  time: START,
};

Deno.test("Segment.from() takes the edges of every range", () => {
  const edges = {
    sourcePort: 0,
    destinationPort: 65_535,
    flags: 255,
    tos: 255,
  };
  const segment = Segment.from({ ...INIT, ...edges, ttl: 0 });
  const { sourcePort, destinationPort, flags, tos, ttl } = segment;
  assertEquals({ sourcePort, destinationPort, flags, tos }, edges);
  assertEquals([ttl, segment.time, segment.wallTime], [0, START, START]);
  assertEquals(
    [segment.source3, segment.destination3],
    ["192.0.2.1", "192.0.2.2"].map((text) => parseAddress(text).words[3]),
  );
  const six = Segment.from({
    ...INIT,
    source: "1:2:3:4:5:6:7:8",
    destination: "::9",
  });
  assertEquals(six.version, 6);
  assertEquals(
    [six.source0, six.source1, six.source2, six.source3],
    [0x10002, 0x30004, 0x50006, 0x70008],
  );
  assertEquals([six.destination0, six.destination3], [0, 9]);
});

const LIMITS = [
  ["sourcePort", 65_535],
  ["destinationPort", 65_535],
  ["flags", 255],
  ["tos", 255],
  ["ttl", 255],
] as const;

for (const [name, max] of LIMITS) {
  Deno.test(`Segment.from() refuses a ${name} outside 0 to ${max}`, () => {
    for (const value of [-1, max + 1, 0.5, NaN, Infinity]) {
      const error = assertThrows(
        () => Segment.from({ ...INIT, [name]: value }),
        RangeError,
      );
      assertEquals(
        error.message,
        `Cannot make a segment: ${name} must be an integer from 0 to ${max}, got ${value}`,
      );
    }
  });
}

Deno.test("Segment.from() refuses what is no address, and two families", () => {
  assertThrows(() => Segment.from({ ...INIT, source: "192.0.2" }), SyntaxError);
  assertThrows(
    () => Segment.from({ ...INIT, destination: "::1" }),
    SyntaxError,
    "192.0.2.1 and ::1 are of two address families",
  );
});

Deno.test("what is no packet, segment or report is refused in words, whatever it is", () => {
  const wrong: Record<string, (value: never) => unknown> = {
    "Cannot make a packet: ": (value) => Packet.from(value),
    "Cannot make a segment: ": (value) => Segment.from(value),
    "Cannot write a report: ": (value) => formatReport(value),
    "Cannot write a report: it": (value) => toEvent(value),
    "Cannot write a report: it must": (value) => formatJson(value),
  };
  for (const [says, call] of Object.entries(wrong)) {
    for (const value of [null, undefined, 5, "text"]) {
      assertThrows(() => call(value as never), TypeError, says);
    }
  }
  for (const value of [{}, [], { type: "toString" }]) {
    assertThrows(
      () => formatReport(value as never),
      TypeError,
      "its type must be one of scan, ",
    );
  }
  assertThrows(
    () => new Detector([1, "a"] as never),
    TypeError,
    'must be a function, got [1, "a"]',
  );
});
