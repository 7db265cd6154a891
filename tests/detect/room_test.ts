/** What a source costs whose record is full, as long as it is not judged. */

import { AddressSet, Detector } from "../../mod.ts";
import {
  DIRECTION_UNKNOWN,
  Segment,
  TCP_ACK,
  TCP_SYN,
} from "../../library/packet.ts";
import { assertLess } from "../assert.ts";

const PACKETS = 20_000;
const TRIES = 5;
/** All before the first target is decided. */
const GAP_MS = 0.1;

/** The best time that a source's packets take, in milliseconds. */
function timeOf(portOf: (i: number) => number): number {
  let best = Infinity;
  for (let round = 0; round < TRIES; round++) {
    const detector = new Detector(() => {}, { sources: 1024 });
    const segment = Segment.from({
      ...{ source: "192.0.2.66", destination: "198.51.100.2" },
      ...{ direction: DIRECTION_UNKNOWN },
      ...{ sourcePort: 50_000, destinationPort: 0, flags: TCP_SYN, time: 0 },
    });
    const begin = performance.now();
    for (let i = 0; i < PACKETS; i++) {
      segment.destinationPort = portOf(i);
      segment.time = segment.wallTime = i * GAP_MS;
      detector.segment(segment);
    }
    best = Math.min(best, performance.now() - begin);
  }
  return best;
}

Deno.test("a flood of ports does not go over all targets of its source each time", () => {
  const one = timeOf(() => 80);
  const many = timeOf((i) => i);
  assertLess(many, 8 * one, "20,000 ports against one of them");
});

/** The best time that a source's pairs of probes take, pauses between them. */
function timeOfPauses(isOneWay: boolean): number {
  let best = Infinity;
  for (let round = 0; round < TRIES; round++) {
    const home = AddressSet.from(["198.51.100.2"]);
    const detector = new Detector(() => {}, { sources: 1024, home });
    const segment = Segment.from({
      ...{ source: "192.0.2.66", destination: "198.51.100.2", time: 0 },
      ...{ sourcePort: 50_000, destinationPort: 80, flags: TCP_SYN },
    });
    const give = () => detector.segment(segment);
    // Connections that go on, though nobody was seen to accept them.
    for (let client = 1; client <= (isOneWay ? 3 : 0); client++) {
      segment.source3 = client << 24;
      for (segment.flags of [TCP_SYN, TCP_ACK]) give();
    }
    segment.source3 = 99 << 24;
    segment.flags = TCP_SYN;
    const begin = performance.now();
    for (let i = 0; i < PACKETS; i++) {
      segment.destinationPort = 10_000 + i % 2000;
      segment.time = segment.wallTime = (i >> 1) * 3100;
      give();
    }
    best = Math.min(best, performance.now() - begin);
  }
  return best;
}

Deno.test("where one direction is captured, nobody is judged for what was silent long ago", () => {
  assertLess(timeOfPauses(true), 4 * timeOfPauses(false));
});
