/** gzip, streams and the platform's clock. */

import { findScans, formatReport, type SearchOptions } from "../../mod.ts";
import { gunzip, ScanStream, systemClock } from "../../library/web.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../assert.ts";
import {
  DESTINATION,
  SCAN_LINE,
  SCAN_PORTS,
  scanFile,
  SOURCE,
} from "../packets.ts";
import { asked, capture } from "./live_capture.ts";

const FILE = scanFile(SCAN_PORTS);

/** The bytes in chunks of a size. */
function streamOf(
  bytes: Uint8Array,
  size = bytes.length,
): ReadableStream<Uint8Array> {
  return ReadableStream.from((function* () {
    for (let i = 0; i < bytes.length; i += size) {
      yield bytes.subarray(i, i + size);
    }
  })());
}

async function bytesOf(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());
}

const PACKED = await bytesOf(
  new Blob([FILE]).stream().pipeThrough(new CompressionStream("gzip")),
);

Deno.test("gunzip() unpacks what is packed, however it is cut", async () => {
  for (const size of [1, 2, 3, 1000]) {
    for (const bytes of [PACKED, FILE, FILE.subarray(0, 1), new Uint8Array()]) {
      const expected = bytes === PACKED ? FILE : bytes;
      assertEquals(await bytesOf(gunzip(streamOf(bytes, size))), expected);
    }
  }
});

Deno.test("gunzip() says that packed data is damaged", async () => {
  const cut = PACKED.subarray(0, PACKED.length - 9);
  await assertRejects(() => bytesOf(gunzip(streamOf(cut))), TypeError);
  const wrong = PACKED.slice();
  wrong[20] ^= 0xff;
  await assertRejects(() => bytesOf(gunzip(streamOf(wrong))), TypeError);
});

Deno.test("gunzip() asks for no more than it is asked for, and closes", async () => {
  let closed: unknown;
  let pulled = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(FILE.subarray(0, 24));
    },
    cancel: (reason) => {
      closed = reason;
    },
  }, { highWaterMark: 0 });
  const reader = gunzip(source).getReader();
  assertEquals(pulled, 0);
  await reader.read();
  assertEquals(pulled, 1);
  await reader.cancel("enough");
  assertEquals(closed, "enough");
});

Deno.test("gunzip() says what may be wrong, and passes on what the source says", async () => {
  const twice = new Uint8Array([...PACKED, ...PACKED]);
  await assertRejects(
    () => bytesOf(gunzip(streamOf(twice, 7))),
    TypeError,
    "something follows it, such as a second file packed by itself",
  );
  for (const start of [new Uint8Array(), FILE, PACKED.subarray(0, 20)]) {
    const failure = new Error("the disk is gone");
    const source = ReadableStream.from((function* () {
      yield start;
      throw failure;
    })());
    const error = await assertRejects(() => bytesOf(gunzip(source)), Error);
    assert(error === failure);
  }
});

Deno.test("what gunzip() reads is closed though it brings nothing", async () => {
  for (const start of [new Uint8Array(), FILE, PACKED.subarray(0, 20)]) {
    const closed = Promise.withResolvers<unknown>();
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(start),
      cancel: closed.resolve,
    });
    const stop = new AbortController();
    const scans = findScans(gunzip(source), { signal: stop.signal });
    const next = assertRejects(() => scans.next(), Error, "enough");
    stop.abort(new Error("enough"));
    await next;
    assert(await closed.promise === stop.signal.reason);
  }
});

Deno.test("a ScanStream refuses a signal, which pipeThrough() takes", () => {
  const options: SearchOptions = { signal: AbortSignal.abort() };
  assertThrows(() => new ScanStream(options), TypeError, "to pipeThrough()");
});

Deno.test("options of a ScanStream that are no object are refused", () => {
  for (const options of [null, 5, "minPorts", () => 1]) {
    assertThrows(
      () => new ScanStream(options as unknown as SearchOptions),
      TypeError,
      "Cannot read the options: they must be an object, got ",
    );
  }
});

Deno.test("gunzip() refuses at the call what is no stream, by name", () => {
  const sources: [unknown, string][] = [
    [null, "null"],
    [undefined, "undefined"],
    ["capture.pcap.gz", "a string"],
    [PACKED, "Uint8Array"],
    [new Blob([]), "Blob"],
  ];
  for (const [source, name] of sources) {
    assertThrows(
      () => gunzip(source as ReadableStream<Uint8Array>),
      TypeError,
      `Cannot unpack the source: it must be a ReadableStream, got ${name}`,
    );
  }
});

Deno.test("a packed capture goes through pipeThrough() to its reports", async () => {
  const scans = new ScanStream();
  const lines: string[] = [];
  const reports = gunzip(streamOf(PACKED, 7)).pipeThrough(scans);
  for await (const report of reports) {
    lines.push(formatReport(report, { utc: true }));
  }
  assertEquals(lines, [SCAN_LINE]);
  assertEquals(scans.counters.packets, SCAN_PORTS.length);
});

Deno.test("a ScanStream fails on both sides, and ends on both", async () => {
  const damaged = new ScanStream();
  const writer = damaged.writable.getWriter();
  const reading = damaged.readable.getReader().read();
  writer.write(new Uint8Array(64)).catch(() => {});
  await assertRejects(() => reading, Error, "not a capture file");
  await writer.closed.catch(() => {});

  const left = new ScanStream();
  const feeding = left.writable.getWriter();
  await left.readable.cancel(new Error("enough"));
  await assertRejects(() => feeding.closed, Error, "enough");
});

Deno.test("the platform's clock reports a live scan in time", async () => {
  const pipe = new TransformStream<Uint8Array, Uint8Array>();
  const writer = pipe.writable.getWriter();
  const scans = findScans(pipe.readable, {
    live: systemClock,
    local: DESTINATION,
  });
  const first = scans.next();
  await writer.write(capture(asked(SOURCE, SCAN_PORTS)));
  const { value } = await first; // though nothing else is written
  assert(value !== undefined);
  assertEquals(formatReport(value, { utc: true }), SCAN_LINE);
  await writer.close();
  assertEquals((await scans.next()).done, true);
});
