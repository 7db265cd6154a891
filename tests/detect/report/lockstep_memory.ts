/**
 * Keeps a group of sources in lockstep alive while others join it, group after
 * group, and prints how the heap grows, as JSON. Run with
 * `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { Detector, Segment } from "../../../mod.ts";
import { DIRECTION_IN, TCP_SYN } from "../../../library/packet.ts";
import { DESTINATION, SOURCE } from "../../packets.ts";
import { seeded } from "../../random.ts";

/** Sources that complete a scan in each cycle. */
const SOURCES = 240;
const CYCLES = 600;
/** After so many cycles the code is compiled, and places are in use. */
const EARLY = 200;
/** The probes that all have in common. */
const COMMON = 1;

function heapUsed(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("start with --v8-flags=--expose-gc");
  gc();
  gc();
  return Deno.memoryUsage().heapUsed;
}

function measure(): { growth: number; groups: number } {
  let groups = 0;
  let early = 0;
  let time = 0;
  const detector = new Detector(({ type }) => {
    if (type === "decoys") groups++;
  }, { random: seeded(1), sources: 1024, logBurst: 0 });
  const segment = Segment.from({
    ...{ source: SOURCE, destination: DESTINATION, sourcePort: 40_000 },
    ...{ destinationPort: 1, flags: TCP_SYN, window: 1024, time },
    direction: DIRECTION_IN,
  });
  const first = segment.source3;
  const send = (source: number, port: number, sequence: number) => {
    segment.source3 = first + source;
    segment.destinationPort = port;
    segment.sequence = sequence;
    segment.time = segment.wallTime = time;
    detector.segment(segment);
  };
  for (let port = 1; port <= 7; port++) {
    for (let source = 0; source < 2; source++) send(source, port, COMMON);
  }
  for (let cycle = 0, sequence = COMMON; cycle < CYCLES; cycle++) {
    sequence++;
    for (let port = 1; port <= 7; port++) {
      for (let source = 2; source < 2 + SOURCES; source++) {
        send(source, port, sequence);
      }
    }
    send(2, 2000, COMMON);
    for (let i = 0; i < 2; i++) {
      time += 2100;
      send(0, 2000, COMMON);
      detector.advance(time);
    }
    if (cycle === EARLY) early = heapUsed();
  }
  return { growth: heapUsed() - early, groups };
}

if (import.meta.main) console.log(JSON.stringify(measure()));
