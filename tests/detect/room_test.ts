/** What a source costs whose record is full, as long as it is not judged. */

import { Detector } from "../../mod.ts";
import { DIRECTION_UNKNOWN, Segment, TCP_SYN } from "../../library/packet.ts";
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
