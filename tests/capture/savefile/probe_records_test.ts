/** Probes written and read again. */

import fc from "fast-check";
import {
  parseProbe,
  ProbeFormat,
  segmentOf,
} from "../../../capture/savefile/probe_records.ts";
import type { ProbeRecord } from "../../../detect/report/probe_record.ts";
import { formatProbe } from "../../../format/probe.ts";
import { ProbeLine } from "../../../capture/savefile/probe_line.ts";
import { ProbeQueue } from "../../../capture/savefile/probe_queue.ts";
import {
  CaptureFileError,
  SavefileReader,
} from "../../../capture/savefile/savefile.ts";
import type { Packet } from "../../../detect/packet/packet.ts";
import { PROBE_BYTES } from "../../../detect/packet/probe_packet.ts";
import { formatAddress, type Segment } from "../../../library/packet.ts";
import { probeOf } from "../../fleet/probes.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../assert.ts";
import { START } from "../../packets.ts";
import { ipv4, ipv6 } from "../../format/reports.ts";
import { assertProbe } from "../../schema.ts";

const encoder = new TextEncoder();
const port = fc.nat(65_535);

const records: fc.Arbitrary<ProbeRecord> = fc.tuple(
  fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6)),
  fc.constantFrom(
    "tcp" as const,
    "udp" as const,
    "sctp" as const,
    "ip" as const,
  ),
  fc.record({
    time: fc.nat(4_102_444_800_000),
    sourcePort: port,
    ttl: fc.nat(255),
    destinationPort: port,
    outcome: fc.constantFrom("refused" as const, "silent" as const),
  }, { requiredKeys: ["time", "destinationPort", "outcome"] }),
  fc.nat(255),
).map(([[source, destination], protocol, rest, flags]) => ({
  ...rest,
  source,
  destination,
  protocol,
  ...(protocol === "ip" && { destinationPort: rest.destinationPort & 0xff }),
  ...(protocol === "tcp" && { flags }),
}));

/** What comes out of lines, in the order of their times, and what is refused. */
function read(
  text: string,
  sizes: readonly number[] = [1 << 16],
): [Segment[], number] {
  const found: Segment[] = [];
  const format = new ProbeFormat((packet) => found.push(probeOf(packet)), {
    now: () => Infinity,
    lateness: Infinity,
  });
  const bytes = encoder.encode(text);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length];
    const chunk = bytes.slice(at, at + size);
    format.take(new DataView(chunk.buffer), 0, chunk.length);
    at += size;
  }
  format.end();
  return [found, format.refused];
}

function inOrder(all: readonly ProbeRecord[]): Segment[] {
  return all.toSorted((a, b) => a.time - b.time).map(segmentOf);
}

Deno.test("the line of the design", () => {
  const record: ProbeRecord = {
    time: START,
    source: "192.0.2.1",
    sourcePort: 40_000,
    destination: "198.51.100.2",
    destinationPort: 22,
    protocol: "tcp",
    flags: 2,
    ttl: 51,
    outcome: "silent",
  };
  assertEquals(
    formatProbe(record, "web1"),
    '{"timestamp":"2026-01-01T06:40:13.000Z","event_type":"probe","host":"web1",' +
      '"src_ip":"192.0.2.1","src_port":40000,"dest_ip":"198.51.100.2",' +
      '"dest_port":22,"proto":"TCP","tcp_flags":"02","ttl":51,"outcome":"silent"}',
  );
});

Deno.test("what is written is read, in chunks of any size, and valid", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(records), sizes, fc.string(), (all, sizes, host) => {
      const lines = all.map((record) => formatProbe(record, host));
      for (const line of lines) assertProbe(line);
      assertEquals(read(lines.join("\n"), sizes), [inOrder(all), 0]);
      const others = lines.map((line) => `${line}\r\n`).join("");
      assertEquals(read(others, sizes), [inOrder(all), 0]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a probe becomes the packet that it was", () => {
  fc.assert(
    fc.property(records, (record) => {
      const segment = segmentOf(record);
      const { source0, source1, source2, source3 } = segment;
      assertEquals(
        formatAddress(source0, source1, source2, source3),
        record.source,
      );
      assertEquals(segment.destinationPort, record.destinationPort);
      assertEquals(segment.time, record.time);
      const numbers = {
        tcp: 6,
        udp: 17,
        sctp: 132,
        ip: record.destinationPort,
      };
      assertEquals(segment.protocol, numbers[record.protocol]);
    }),
  );
});

const GOOD = JSON.parse(formatProbe({
  time: START,
  source: "192.0.2.1",
  sourcePort: 40_000,
  destination: "198.51.100.2",
  destinationPort: 22,
  protocol: "tcp",
  flags: 2,
  ttl: 51,
  outcome: "refused",
}));

Deno.test("whatever is wrong in a field, it is refused", () => {
  const changes: Record<string, unknown>[] = [
    ...["", "x", "192.0.2", "192.0.2.1/24", "::1", 1, null, [], "1".repeat(999)]
      .flatMap((value) => [{ src_ip: value }, { dest_ip: value }]),
    ...[-1, 65_536, 1.5, "22", null, 1e300].map((value) => ({
      dest_port: value,
    })),
    ...[-1, 256, "64", {}].map((value) => ({ ttl: value })),
    ...["2", "002", "0G", 2, undefined].map((value) => ({ tcp_flags: value })),
    ...["tcp", "ICMP", "__proto__", 6].map((value) => ({ proto: value })),
    ...["open", "", undefined].map((value) => ({ outcome: value })),
    ...["portscan", undefined, 1].map((value) => ({ event_type: value })),
    ...["today", "2026-01-01", "2026-13-01T00:00:00Z", 0, undefined]
      .map((value) => ({ timestamp: value })),
    ...["2026-02-29", "2026-02-30", "2026-04-31"].map((day) => ({
      timestamp: `${day}T00:00:00.000Z`,
    })),
    { timestamp: "2026-01-01T24:00:00.000Z" },
    { timestamp: "2026-01-01T23:59:60.000Z" },
    { proto: "IP", dest_port: 256 },
  ];
  for (const change of changes) {
    const line = JSON.stringify({ ...GOOD, ...change });
    assertEquals(parseProbe(line), undefined, line);
    assertEquals(read(line)[0], [], line);
  }
  assert(parseProbe(JSON.stringify({ ...GOOD, more: [1] })) !== undefined);
});

Deno.test("what is no line of ours is counted, and hides no other", () => {
  const good = JSON.stringify(GOOD);
  const bad = [
    ...[
      "{",
      "null",
      "[]",
      "1",
      '"probe"',
      "\0",
      "{}",
      good + good,
      "{".repeat(2000),
    ],
    ...["x".repeat(100_000), `{"a":"${"b".repeat(3000)}"}`, good.slice(0, -1)],
  ];
  const lines = bad.flatMap((line) => [line, good]);
  for (const sizes of [[1 << 16], [1000], [7]]) {
    const [found, refused] = read(lines.join("\n"), sizes);
    assertEquals([found.length, refused], [bad.length, bad.length]);
  }
});

/** The same from the beginning of a file, whose format is not known. */
function readFile(text: string, size: number): [times: number[], number] {
  const times: number[] = [];
  const reader = new SavefileReader(({ time }) => times.push(time));
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) {
    reader.push(bytes.slice(at, at + size));
  }
  reader.end();
  return [times, reader.refused];
}

Deno.test("a file may begin anywhere in a line, or with an empty one", () => {
  const good = JSON.stringify({ ...GOOD, host: "web-\u00e9" });
  for (const size of [1, 3, 5, 16, 1 << 16]) {
    // All but the brace, which is a record of its own.
    for (let begin = 1; begin <= good.length; begin += size < 16 ? 7 : 1) {
      const refused = begin < good.length ? 1 : 0;
      assertEquals(
        readFile(`${good.slice(begin)}\n${good}\n`, size),
        [[START], refused],
        `from ${begin}, ${size} bytes at a time`,
      );
    }
    for (const start of ["\ufeff", "\n", "\r\n\r\n", "# a remark, or so\n"]) {
      const found = readFile(`${start}${good}\n`, size);
      assertEquals(found, [[START], start.includes("#") ? 1 : 0], start);
    }
  }
});

Deno.test("text of which no line is a record is no capture file", () => {
  for (const text of ["root:x:0:0:root:/root:/bin/bash\n", "x".repeat(9999)]) {
    const error = assertThrows(() => readFile(text, 1000), CaptureFileError);
    assertStringIncludes(error.message, "not a capture file: it starts with");
  }
  // It is said while a pipe stays open, such as tcpdump's without -w.
  const reader = new SavefileReader(() => {});
  const lines = encoder.encode(
    "06:40:13.000000 IP 192.0.2.1.1 > ...\n".repeat(16),
  );
  assertThrows(() => reader.push(lines), CaptureFileError);
});

Deno.test("ours are read without JSON.parse, and as it would read them", () => {
  const lines = new ProbeLine();
  fc.assert(
    fc.property(records, (record) => {
      const bytes = encoder.encode(formatProbe(record, "h\u00e9"));
      const segment = segmentOf({ ...record, ttl: 1, sourcePort: 2 });
      assert(lines.read(bytes, bytes.length, segment));
      assertEquals(segment, segmentOf(record));
    }),
    { numRuns: 500 },
  );
});

/** The times of packets that a queue has handed on. */
function queued(lateness: number, now = Infinity): [ProbeQueue, number[]] {
  const times: number[] = [];
  const take = ({ time }: Packet) => void times.push(time);
  return [new ProbeQueue(take, lateness, () => now), times];
}

const RECORD = new Uint8Array(PROBE_BYTES);

Deno.test("what comes out of order within the lateness is put in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(10_000), { maxLength: 5000 }),
      fc.integer({ min: 1, max: 5000 }),
      (delays, lateness) => {
        const [queue, times] = queued(lateness);
        const sent = delays.map((delay, i) => 10 * i - delay % lateness);
        for (const time of sent) queue.push(RECORD, time);
        queue.end();
        assertEquals(times, sent.toSorted((a, b) => a - b));
        assertEquals(queue.late, 0);
      },
    ),
  );
});

Deno.test("what is later counts, as late as it came, and is counted", () => {
  const [queue, times] = queued(100);
  for (const time of [1000, 1100, 1250, 950, 1200]) queue.push(RECORD, time);
  queue.end();
  assertEquals(times, [1000, 1100, 1100, 1200, 1250]);
  assertEquals(queue.late, 1);
});

Deno.test("a clock that is ahead makes no other late", () => {
  const [queue, times] = queued(100, 5000);
  for (const time of [4900, 1e15, 4950, 5050]) queue.push(RECORD, time);
  queue.end();
  assertEquals(times, [4900, 4950, 5000, 5050]);
  assertEquals(queue.late, 1);
});

Deno.test("a full queue hands on the oldest before their time", () => {
  const [queue, times] = queued(1e9);
  const count = 300_000;
  for (let i = 0; i < count; i++) queue.push(RECORD, i);
  assert(times.length > 100_000, `${times.length}`);
  queue.end();
  assertEquals(times.length, count);
  assert(times.every((time, i) => time === i));
});

Deno.test("while nothing comes, what waits is handed on in time", () => {
  const [queue, times] = queued(100);
  for (const time of [1000, 1050]) queue.push(RECORD, time);
  assertEquals(queue.idle(10), 40);
  assertEquals(times, []);
  assertEquals(queue.idle(50), 50);
  assertEquals(times, [1000]);
  assertEquals(queue.idle(100), Infinity);
  assertEquals(times, [1000, 1050]);
});
