/**
 * The table of sources, through the detector: what it keeps shows in whether a
 * scan is found.
 */

import { Segment } from "../../../detect/packet/segment.ts";
import { Detector } from "../../../mod.ts";
import { TCP_SYN } from "../../../library/packet.ts";
import { assertEquals, assertGreater, assertLess } from "../../assert.ts";
import { seeded } from "../../random.ts";
import { portsFrom, SEVEN, START, Watch } from "../../watch.ts";

const SIX = SEVEN.slice(0, 6);
const LAST = SEVEN[6];

/** A table of one bucket: sixteen sources. */
const ONE_BUCKET = { sources: 16 };

function source(i: number): string {
  return `203.0.113.${i + 1}`;
}

/** Sixteen sources that sent a SYN to these ports each. */
function fullBucket(ports: readonly number[], options = {}, time = 0): Watch {
  const watch = new Watch({ ...ONE_BUCKET, ...options });
  for (let i = 0; i < 16; i++) watch.scan(ports, { source: source(i), time });
  return watch;
}

Deno.test("sources are rounded up to a power of two", () => {
  const capacity = (sources: number) => {
    const watch = new Watch({ sources });
    const segment = Segment.from({
      source: "10.0.0.1",
      destination: "192.0.2.1",
      sourcePort: 1,
      destinationPort: 1,
      flags: TCP_SYN,
      time: START,
    });
    const random = seeded(4);
    for (let i = 0; i < 20_000; i++) {
      segment.source3 = random() | 0;
      watch.detector.segment(segment);
    }
    return watch.detector.sources;
  };
  assertEquals([16, 17, 100, 128].map(capacity), [16, 32, 128, 128]);
});

Deno.test("sixteen sources fit a table of sixteen, and all are found", () => {
  const watch = fullBucket(SIX, { logBurst: 0 });
  assertEquals([watch.detector.sources, watch.detector.evicted], [16, 0]);
  for (let i = 0; i < 16; i++) {
    watch.send({ source: source(i), destinationPort: LAST });
  }
  assertEquals(watch.scans.length, 16);
});

Deno.test("a new source always gets in", () => {
  const watch = fullBucket(SIX);
  watch.scan(SEVEN, { source: "198.51.100.7" });
  assertEquals(watch.scans.map((scan) => scan.source), ["198.51.100.7"]);
  assertEquals([watch.detector.sources, watch.detector.evicted], [16, 1]);
});

Deno.test("an outdated entry goes first, however heavy it is", () => {
  const watch = new Watch({ ...ONE_BUCKET, logBurst: 0 });
  watch.scan(SIX, { source: source(0) });
  for (let i = 1; i < 16; i++) {
    watch.send({ source: source(i), time: 1000, destinationPort: 21 });
  }
  watch.send({ source: "198.51.100.7", time: 3001 });
  assertEquals([watch.detector.sources, watch.detector.evicted], [16, 0]);
  // The light ones are still there: six further ports complete their scans.
  for (let i = 1; i < 16; i++) {
    watch.scan(SEVEN.slice(1), { source: source(i), time: 3001 });
  }
  assertEquals(watch.detector.counters.scans, 15);
});

Deno.test("an entry that lies in the future is outdated, and goes first too", () => {
  const watch = new Watch(ONE_BUCKET);
  watch.scan(SIX, { source: source(0), time: 10 });
  for (let i = 1; i < 16; i++) watch.send({ source: source(i), time: 0 });
  watch.send({ source: "198.51.100.7", time: 5 });
  assertEquals(watch.detector.evicted, 0);
});

Deno.test("an entry is not outdated after 3 s: then the lightest goes", () => {
  const watch = fullBucket([22]);
  watch.send({ source: "198.51.100.7", time: 3000 });
  assertEquals(watch.detector.evicted, 1);
  watch.send({ source: "198.51.100.8", time: 3001 });
  assertEquals(watch.detector.evicted, 1);
});

Deno.test("where all are live, the lightest goes", () => {
  for (let lightest = 0; lightest < 16; lightest++) {
    const watch = new Watch({ ...ONE_BUCKET, logBurst: 0 });
    for (let i = 0; i < 16; i++) {
      // 15 for the lightest, 18 for the others.
      const ports = i === lightest ? SIX.slice(1) : SIX;
      watch.scan(ports, { source: source(i) });
    }
    watch.send({ source: "198.51.100.7" });
    assertEquals(watch.detector.evicted, 1);
    const others = Array.from({ length: 16 }, (_, i) => i)
      .filter((i) => i !== lightest);
    for (const i of others) {
      watch.send({ source: source(i), destinationPort: LAST });
    }
    assertEquals(watch.scans.length, 15, `the lightest was ${lightest}`);
  }
});

Deno.test("among equally light ones each has the same chance to go", () => {
  // One heavier source stands before them: it must not shift the odds.
  const victims = new Map<number, number>();
  for (let seed = 0; seed < 600; seed++) {
    const watch = new Watch({
      ...ONE_BUCKET,
      logBurst: 0,
      random: seeded(seed),
    });
    watch.scan([...SIX, 1024], { source: source(0) });
    for (let i = 1; i < 16; i++) watch.scan(SIX, { source: source(i) });
    watch.scan([1, 2, 3, 4, 5, 6, 7], { source: "198.51.100.7" });
    for (let i = 0; i < 16; i++) {
      const before = watch.scans.length;
      watch.send({ source: source(i), destinationPort: LAST });
      if (watch.scans.length === before) {
        victims.set(i, (victims.get(i) ?? 0) + 1);
        break; // it came in again, in another's place
      }
    }
  }
  assertEquals(victims.size, 15);
  assertEquals(victims.has(0), false);
  // On average 40 times each, with a standard deviation of 6.
  for (const [i, times] of victims) {
    assertGreater(times, 15, `entry ${i}`);
    assertLess(times, 65, `entry ${i}`);
  }
});

Deno.test("a scanner survives a flood of spoofed sources between its probes", () => {
  const segment = Segment.from({
    source: "10.0.0.1",
    destination: "198.51.100.2",
    sourcePort: 1,
    destinationPort: 80,
    flags: TCP_SYN,
    time: START,
  });
  for (const sources of [1024, 65_536]) {
    const random = seeded(5);
    const watch = new Watch({ sources });
    watch.scan([21, 22]); // more than any of the flood has
    for (const destinationPort of SEVEN.slice(2)) {
      for (let i = 0; i < 100_000; i++) {
        segment.source3 = random() | 0;
        watch.detector.segment(segment);
      }
      watch.send({ destinationPort });
    }
    assertGreater(watch.detector.evicted, 400_000);
    assertEquals(watch.scans.map((scan) => scan.source), ["192.0.2.1"]);
  }
});

Deno.test("a million random sources leave size and memory as they are", () => {
  const random = seeded(6);
  const detector = new Detector(() => {}, { random });
  const { byteLength } = detector;
  const segment = Segment.from({
    source: "2001:db8::1",
    destination: "2001:db8::2",
    sourcePort: 1,
    destinationPort: 80,
    flags: TCP_SYN,
    time: START,
  });
  for (let i = 0; i < 1_000_000; i++) {
    segment.version = i % 2 === 0 ? 4 : 6;
    const isIpv4 = segment.version === 4;
    segment.source0 = isIpv4 ? 0 : random() | 0;
    segment.source1 = isIpv4 ? 0 : random() | 0;
    segment.source2 = isIpv4 ? 0xffff : random() | 0;
    segment.source3 = random() | 0;
    segment.time += random() % 3 === 0 ? 1 : 0;
    detector.segment(segment);
  }
  assertEquals(detector.byteLength, byteLength);
  assertEquals(detector.sources, 65_536);
});

Deno.test("a removed entry makes room again", () => {
  const watch = fullBucket(SIX);
  // An ACK that finds its entry outdated removes it.
  for (let i = 0; i < 16; i++) {
    watch.send({ source: source(i), flags: 0x10, time: 3001 });
  }
  assertEquals(watch.detector.sources, 0);
  for (let i = 0; i < 16; i++) {
    watch.scan(portsFrom(1, 7), { source: source(i), time: 3001 });
  }
  assertEquals(watch.detector.counters.scans, 16);
  assertEquals([watch.detector.sources, watch.detector.evicted], [16, 0]);
});
