/**
 * A million random and mutated packets through one detector: it must not
 * throw, must not read past a packet's end, and must not grow.
 */

import { Detector } from "../mod.ts";
import { REFUSAL } from "../library/packet.ts";
import { assert, assertEquals, assertGreater } from "./assert.ts";
import { decode } from "./decode.ts";
import {
  type Bytes,
  extension,
  fragmentHeader,
  FRAGMENTS,
  ipv6,
  kindsOf,
  type Network,
  NETWORKS,
  NEXT_FRAGMENT,
  NEXT_ROUTING,
  NEXT_SCTP,
  NEXT_TCP,
  NEXT_UDP,
  packetAmid,
  packetOf,
  quoting,
  sctp,
  SCTP_NETWORKS,
  START,
  tcp,
  udp,
} from "./packets.ts";
import { below, pick, type Random, seeded, withRunSeed } from "./random.ts";

const PACKETS = 1_000_000;

/** Many extension headers in a row, and a fragment in a fragment. */
const DEEP: readonly Network[] = [{
  name: "nine extension headers",
  version: 6,
  wrap: (segment) => {
    let payload = extension(NEXT_TCP, segment);
    for (let i = 1; i < 9; i++) payload = extension(NEXT_ROUTING, payload);
    return ipv6(payload, { next: NEXT_ROUTING });
  },
}, {
  name: "a fragment in a fragment",
  version: 6,
  wrap: (segment) => {
    const inner = fragmentHeader(NEXT_TCP, segment, { isMore: true });
    const outer = fragmentHeader(NEXT_FRAGMENT, inner, { isMore: true });
    return ipv6(outer, { next: NEXT_FRAGMENT });
  },
}];

/** What this host refuses, with a UDP payload that looks like a DNS answer. */
const REFUSALS: readonly Network[] = [
  ...quoting(tcp(), NEXT_TCP),
  ...quoting(
    udp({ sourcePort: 53, payload: new Uint8Array(12).fill(0x80) }),
    NEXT_UDP,
  ),
  ...quoting(sctp(), NEXT_SCTP),
];

/** Packets of every kind, each with its link type. */
const MODELS: readonly [linkType: number, Bytes][] = [
  ...kindsOf(NETWORKS),
  ...kindsOf(FRAGMENTS),
  ...kindsOf(DEEP),
  ...kindsOf(SCTP_NETWORKS),
  ...kindsOf(REFUSALS),
].map(({ link, build }) => [link.linkType, build()]);

/** Makes packets in one buffer: a model with some bytes changed, or noise. */
class Mutator {
  readonly #random: Random;
  readonly #buffer = new Uint8Array(512);

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next packet; the one before is gone then. */
  next(): [linkType: number, bytes: Bytes] {
    const random = this.#random;
    const [linkType, model] = pick(random, MODELS);
    const isNoise = below(random, 16) === 0;
    const length = isNoise ? below(random, 128) : this.#copy(model);
    const bytes = this.#buffer.subarray(0, length);
    if (isNoise) { for (let i = 0; i < length; i++) bytes[i] = random(); }
    // Mostly the frame's own link type, at times another, unknown ones too.
    return [below(random, 16) === 0 ? below(random, 300) : linkType, bytes];
  }

  /** Copies a model with up to seven changes; returns how long it became. */
  #copy(model: Bytes): number {
    const random = this.#random;
    this.#buffer.set(model);
    for (let n = below(random, 8); n > 0; n--) {
      const at = below(random, model.length);
      // Small and large numbers break lengths and offsets best.
      const extremes = [0, 1, 4, 8, 0x7f, 0x80, 0xff, random()];
      this.#buffer[at] = pick(random, extremes);
    }
    const isCut = below(random, 4) === 0;
    return isCut ? below(random, model.length + 1) : model.length;
  }
}

Deno.test("a million random and mutated packets change nothing but the counts", () =>
  withRunSeed((random, seed) => {
    console.log(`SCANLOGD_SEED=${seed}`);
    let reports = 0;
    let refusals = 0;
    const detector = new Detector(() => reports++, {
      random,
      sources: 1024,
      logBurst: 0,
    });
    const { byteLength } = detector;
    const mutator = new Mutator(random);
    let time = START;
    for (let i = 0; i < PACKETS; i++) {
      const [linkType, bytes] = mutator.next();
      time += below(random, 16) === 0 ? below(random, 2000) - 900 : 0;
      // Alone in its view: reading past the end throws a RangeError.
      const packet = packetOf(bytes, linkType, time);
      detector.packet(packet);
      if (decode(packet).outcome === REFUSAL) refusals++;
    }
    assertEquals(detector.byteLength, byteLength);
    assert(detector.sources <= 1024);

    // The run reached everything that can become of a packet.
    const { counters } = detector;
    assertEquals(counters.packets, PACKETS);
    const outcomes = {
      ...counters,
      notLocal: 1, // every address is local here
      suppressed: 1, // and there is no flood limit
      unwrittenProbes: 1, // nor does anybody want to have probes written
    };
    for (const [outcome, count] of Object.entries(outcomes)) {
      assertGreater(count, 0, `${outcome} of ${PACKETS} packets`);
    }
    assertEquals(reports, counters.scans);
    const { otherProtocols, damaged, tooDeep, fragments, segments } = counters;
    // Each packet is at least one of these.
    const sum = otherProtocols + damaged + tooDeep + fragments + segments +
      refusals;
    assertGreater(refusals, 0);
    assert(sum >= PACKETS, `${sum}`);
  }));

Deno.test("what stands around a packet never changes what is made of it", () =>
  withRunSeed((random) => {
    // The same keys: two detectors that decide alike as long as they see alike.
    const [alone, amid] = [0, 1].map(() => {
      const reports: unknown[] = [];
      const detector = new Detector((report) => reports.push(report), {
        random: seeded(1),
        sources: 1024,
        logBurst: 0,
      });
      return { detector, reports };
    });
    const mutator = new Mutator(random);
    for (let i = 0; i < 50_000; i++) {
      const [linkType, bytes] = mutator.next();
      const filler = random() & 0xff;
      alone.detector.packet(packetOf(bytes, linkType));
      amid.detector.packet(packetAmid(bytes, linkType, filler));
    }
    assertEquals({ ...amid.detector.counters }, { ...alone.detector.counters });
    assertEquals(amid.reports, alone.reports);
    assertGreater(alone.detector.counters.segments, 10_000);
  }));

Deno.test("every byte of every kind of packet may be anything", () => {
  const detector = new Detector(() => {}, { random: seeded(1), sources: 16 });
  let packets = 0;
  for (const [linkType, model] of MODELS) {
    for (let at = 0; at < model.length - tcp().length; at++) {
      for (const value of [0x00, 0x01, 0x2c, 0x33, 0x3c, 0x45, 0x60, 0xff]) {
        const bytes = model.slice();
        bytes[at] = value;
        detector.packet(packetOf(bytes, linkType));
        packets++;
      }
    }
  }
  assertEquals(detector.counters.packets, packets);
});
