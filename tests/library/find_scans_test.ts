/** A search of a live stream: what time decides is reported in time. */

import {
  type Clock,
  findScans,
  formatReport,
  type SearchOptions,
} from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../assert.ts";
import { TCP_ACK, TCP_SYN } from "../../library/packet.ts";
import { DESTINATION, SCAN_LINE, SCAN_PORTS, scanFile } from "../packets.ts";
import { answered, asked, capture, records } from "./live_capture.ts";

const FILE = scanFile(SCAN_PORTS);

/** A clock that stands still until it is told otherwise. */
class FakeClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Set<{ due: number; callback: () => void }>();
  /** Told each time a timer is set. */
  onTimer: () => void = () => {};

  now(): number {
    return this.#now;
  }

  schedule(callback: () => void, milliseconds: number): () => void {
    const timer = { due: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    this.onTimer();
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass up to the next timer; returns how long that was. */
  toNextTimer(): number {
    const [first] = [...this.#timers].sort((a, b) => a.due - b.due);
    const passed = first.due - this.#now;
    this.#now = first.due;
    this.#timers.delete(first);
    first.callback();
    return passed;
  }

  /** Lets time pass without anybody noticing. */
  skip(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** A pipe into which a test writes. */
class Pipe {
  readonly #stream = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#stream.writable.getWriter();
  readonly readable = this.#stream.readable;

  write(bytes: Uint8Array): Promise<void> {
    return this.#writer.write(bytes);
  }

  end(): Promise<void> {
    return this.#writer.close();
  }

  /** Why nobody reads any more; waits for it. */
  closed(): Promise<unknown> {
    return this.#writer.closed.then(() => undefined, (reason) => reason);
  }
}

/** Resolves once the clock has a timer. */
function timerOf(clock: FakeClock): Promise<void> {
  return new Promise((resolve) => clock.onTimer = resolve);
}

Deno.test("a scan is reported when it is due, though no packet follows", async () => {
  const clock = new FakeClock();
  const pipe = new Pipe();
  const scans = findScans(pipe.readable, { live: clock });
  const first = scans.next();
  const isAsleep = timerOf(clock);
  await pipe.write(FILE);
  await isAsleep;
  let waited = 0;
  let report;
  first.then((result) => report = result.value);
  while (report === undefined) {
    assertEquals(clock.timers, 1);
    waited += clock.toNextTimer();
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(formatReport(report, { utc: true }), SCAN_LINE);
  // By the rules' longest grace, and not before.
  assert(waited > 0 && waited <= 3000, `${waited}`);
  assertEquals(scans.counters.packets, SCAN_PORTS.length);
  await pipe.end();
  assertEquals((await scans.next()).done, true);
  assertEquals(clock.timers, 0);
});

Deno.test("bytes that are no packet yet keep no scan from being due", async () => {
  for (const piece of [new Uint8Array(0), FILE.subarray(24, 26)]) {
    const clock = new FakeClock();
    const pipe = new Pipe();
    const scans = findScans(pipe.readable, { live: clock });
    const first = scans.next();
    let report;
    first.then((result) => report = result.value);
    await pipe.write(FILE);
    for (let i = 0; i < 16 && report === undefined; i++) {
      await new Promise((resolve) => setTimeout(resolve));
      clock.skip(500);
      await pipe.write(piece);
      await new Promise((resolve) => setTimeout(resolve));
      // The clock is set right, and back.
      if (clock.timers > 0) clock.skip(-250);
    }
    assert(report !== undefined);
    assertEquals(formatReport(report, { utc: true }), SCAN_LINE);
    await scans.return();
  }
});

Deno.test("a file in one piece is read as far as it is asked for", async () => {
  const many = Array.from(
    { length: 2000 },
    (_, i) =>
      asked(`198.51.${100 + (i >> 8)}.${i & 255}`, SCAN_PORTS, i * 1000),
  );
  const stop = new AbortController();
  const scans = findScans(capture(many.flat()), {
    logBurst: 0,
    signal: stop.signal,
  });
  assertEquals((await scans.next()).done, false);
  assert(scans.counters.packets < 2000);
  stop.abort(new Error("enough"));
  let rest = 0;
  await assertRejects(
    async () => {
      for await (const _ of scans) rest++;
    },
    Error,
    "enough",
  );
  assert(rest < 200, `${rest}`);
});

Deno.test("without a clock it waits for the end", async () => {
  const pipe = new Pipe();
  const scans = findScans(pipe.readable);
  const first = scans.next();
  await pipe.write(FILE);
  await pipe.end();
  assertEquals((await first).done, false);
  assertEquals((await scans.next()).done, true);
});

Deno.test("who takes his time with a report decides nothing by it", async () => {
  const clock = new FakeClock();
  const open = [993, 995, 443, 587, 465, 636, 990];
  const first = [
    ...asked("192.0.2.1", SCAN_PORTS),
    ...asked("192.0.2.9", open, 6), // when the first scan is due
  ];
  const answers = answered("192.0.2.9", open, TCP_SYN | TCP_ACK, 7);
  const chunks = [capture(first), records(answers)];
  const sources: string[] = [];
  const scans = findScans(chunks, { live: clock, local: DESTINATION });
  for await (const report of scans) {
    assert(report.type === "scan");
    sources.push(report.source);
    clock.skip(60_000); // the answers lie ready meanwhile
  }
  assertEquals(sources, ["192.0.2.1"]);
  assertEquals(scans.counters.packets, 21);
  assertEquals(scans.evicted, 0);
});

Deno.test("a signal ends a search that waits, after what is pending", async () => {
  const stop = new AbortController();
  const pipe = new Pipe();
  const scans = findScans(pipe.readable, { signal: stop.signal });
  const first = scans.next();
  await pipe.write(FILE);
  await pipe.write(new Uint8Array(0)); // taken once the file was read
  const reason = new Error("enough");
  stop.abort(reason);
  assertEquals((await first).done, false);
  await assertRejects(() => scans.next(), Error, "enough");
  assertEquals(scans.error, reason);
  // Its source is closed, although it was being read.
  assertEquals(await pipe.closed(), reason);
  assertEquals((await scans.next()).done, true);
});

Deno.test("a signal that was given before lets nothing be read", async () => {
  let isRead = false;
  function* source() {
    isRead = true;
    yield FILE;
  }
  const scans = findScans(source(), { signal: AbortSignal.abort("early") });
  const error = await scans.next().catch((error) => error);
  assertEquals(error, "early");
  assertEquals([isRead, scans.counters.packets], [false, 0]);
});

Deno.test("a search listens to its signal once, and no longer than it runs", async () => {
  let listeners = 0;
  let most = 0;
  const signal = {
    aborted: false,
    reason: undefined,
    addEventListener: () => most = Math.max(most, ++listeners),
    removeEventListener: () => listeners--,
  };
  const chunks = Array.from(FILE, (byte) => Uint8Array.of(byte));
  for await (const _ of findScans(chunks, { signal }));
  assertEquals([listeners, most], [0, 1]);
});

Deno.test("breaking off closes the source, and so does disposing", async () => {
  const endings: ((pipe: Pipe) => Promise<void>)[] = [
    async ({ readable }) => {
      for await (const _ of findScans(readable, { classic: true })) break;
    },
    async ({ readable }) => {
      await using scans = findScans(readable, { classic: true });
      await scans.next();
    },
  ];
  for (const endIt of endings) {
    const pipe = new Pipe();
    const ended = endIt(pipe);
    await pipe.write(FILE);
    await ended;
    assertEquals(await pipe.closed(), undefined);
  }
});

/** What callers without types write, and what they are told. */
const REFUSED: readonly [unknown, unknown, string][] = [
  ["capture.pcap", {}, "Cannot read the source: it must be a Uint8Array, a"],
  ["capture.pcap", {}, "to iterate over, got a string"],
  [undefined, {}, "Cannot read the source: it must be a Uint8Array, a Read"],
  [null, {}, "to iterate over, got null"],
  [5, {}, "to iterate over, got a number"],
  [new ArrayBuffer(3), {}, "to iterate over, got ArrayBuffer"],
  [FILE, { live: true }, "Cannot set live: it must be an object with the meth"],
  [FILE, { live: { now: Date.now } }, "the methods now and schedule"],
  [FILE, { signal: {} }, "Cannot set signal: it must be an object with the"],
  [FILE, { minPort: 3 }, "Cannot set minPort: there is no such option; there"],
  [FILE, { abort: 3 }, ", live, signal"],
];

Deno.test("wrong sources and options are refused at the call", () => {
  for (const [source, options, message] of REFUSED) {
    assertThrows(
      () => findScans(source as Uint8Array, options as SearchOptions),
      TypeError,
      message,
    );
  }
});

Deno.test("chunks that are none are refused when they come", async () => {
  for (const chunk of ["text", 7, undefined, new Uint16Array(3)]) {
    const scans = findScans([FILE, chunk] as Uint8Array[]);
    assertEquals((await scans.next()).done, false);
    await assertRejects(() => scans.next(), TypeError, "a chunk must be a");
  }
});
