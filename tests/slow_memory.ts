/**
 * Drives a detector with everything that fills its tables, and prints what it
 * takes, as JSON. Run with `--v8-flags=--expose-gc`.
 *
 * @module
 */

// The first of all, so that it sees every buffer.
import { allocatedBy } from "./slow_buffers.ts";

import {
  Detector,
  type DetectorOptions,
  type Packet,
  type ReportHandler,
  Segment,
} from "../mod.ts";
import { packetOf } from "./fleet/probes.ts";
import { below, seeded } from "./random.ts";
import {
  association,
  connection,
  datagram,
  type Frame,
  halfOpen,
  inOrder,
  MINUTE,
  slowScan,
  T1,
  watchFrames,
} from "./slow.ts";
import { portsFrom } from "./watch.ts";

/** What is measured after a round. */
export interface Sample {
  /** What the detector says of its tables, in bytes. */
  byteLength: number;
  /** JavaScript objects in use, in bytes. */
  heapUsed: number;
}

/** What a detector has taken for its tables, and what it says of that, in bytes. */
export interface Tables {
  allocated: number;
  byteLength: number;
}

/** What the script prints. */
export interface Samples {
  /** Bytes of buffers that were allocated to make the detector. */
  allocated: number;
  /** The same with the defaults, and what the detector says of it. */
  defaults: Tables;
  /** The same once it has taken a probe of a fleet. */
  fleet: Tables;
  /** Right after the start. */
  start: Sample;
  /** After each round. */
  rounds: Sample[];
  /** Bytes of buffers that were allocated while packets were looked at. */
  allocatedLater: number;
  /** Packets looked at. */
  packets: number;
  /** Reports by type. */
  reports: Record<string, number>;
  /** Sources forgotten early. */
  evicted: number;
}

const ROUNDS = 3;
const PROBE = {
  ...{ source: "203.0.113.1", sourcePort: 40_000 },
  ...{ destination: "198.51.100.1", destinationPort: 22, flags: 2, time: 1e6 },
};
const random = seeded(3);

function randomPeer(): string {
  const bytes = Array.from({ length: 3 }, () => below(random, 256));
  return `198.${bytes.join(".")}`;
}

function randomPeer6(): string {
  const words = Array.from({ length: 3 }, () => below(random, 65_536));
  return `2001:db8:${words.map((word) => word.toString(16)).join(":")}::1`;
}

const MAKERS = [halfOpen, connection, datagram, association];
const REFUSALS = ["refuse", "drop"] as const;
/** Services of the host; whoever scans other ports finds them closed. */
const FIRST_OPEN = 900;

/** Many peers, one packet or connection each. */
function* crowd(count: number, start: number): Generator<Frame> {
  for (let i = 0; i < count; i++) {
    const version = i % 2 === 0 ? 4 : 6;
    const port = below(random, 1_024);
    yield* MAKERS[below(random, MAKERS.length)]({
      version,
      peer: version === 4 ? randomPeer() : randomPeer6(),
      port,
      answer: port >= FIRST_OPEN ? "open" : REFUSALS[below(random, 2)],
      time: start + i / 50,
    });
  }
}

/** Scans of all kinds by many peers. */
function* scans(count: number, start: number): Generator<Frame> {
  for (let i = 0; i < count; i++) {
    yield* slowScan({
      peer: randomPeer(),
      ports: portsFrom(1 + below(random, FIRST_OPEN - 30), 30),
      gap: 1,
      make: MAKERS[i % MAKERS.length],
      answer: REFUSALS[i % 2],
      time: start + i * 30,
    });
  }
}

/** Slow scans side by side. */
function slowScans(count: number, start: number): Frame[] {
  return inOrder(...Array.from({ length: count }, (_, i) =>
    slowScan({
      peer: randomPeer(),
      ports: portsFrom(1, 10),
      gap: T1,
      jitter: 0.5,
      make: MAKERS[i % MAKERS.length],
      answer: REFUSALS[i % 2],
      time: start + i,
    })));
}

/** Sources that probe in lockstep. */
function* lockstep(count: number, start: number): Generator<Frame> {
  for (let scan = 0; scan < count; scan++) {
    const peers = Array.from({ length: 31 }, randomPeer);
    for (const port of portsFrom(1 + scan, 10)) {
      for (const peer of peers) {
        yield* halfOpen({ peer, port, time: start + scan * 1_000 + port });
      }
    }
  }
}

function sample(detector: Detector): Sample {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("start with --v8-flags=--expose-gc");
  gc();
  gc();
  const { heapUsed } = Deno.memoryUsage();
  return { byteLength: detector.byteLength, heapUsed };
}

/** A detector, and how many bytes of buffers it has taken. */
function make(
  report: ReportHandler,
  options: DetectorOptions,
): [Detector, number] {
  let detector!: Detector;
  const allocated = allocatedBy(() => {
    detector = new Detector(report, { random: seeded(1), ...options });
  });
  return [detector, allocated];
}

/** What a detector takes, and what it does for a packet. */
function tablesFor(packet?: Packet): Tables {
  const [detector, atStart] = make(() => {}, {});
  const later = allocatedBy(() => {
    if (packet !== undefined) detector.packet(packet);
  });
  return { allocated: atStart + later, byteLength: detector.byteLength };
}

function measure(): Samples {
  const defaults = tablesFor();
  const fleet = tablesFor(packetOf(Segment.from(PROBE), "web1"));
  const reports: Record<string, number> = {};
  const [detector, allocated] = make(({ type }) => {
    reports[type] = (reports[type] ?? 0) + 1;
  }, { sources: 1_024, logBurst: 50, ends: true });
  const start = sample(detector);
  const rounds: Sample[] = [];
  let allocatedLater = 0;
  const watch = (frames: Iterable<Frame>) => {
    const all = [...frames];
    allocatedLater += allocatedBy(() => watchFrames(detector, all));
  };
  for (let round = 0; round < ROUNDS; round++) {
    const time = round * 10 * MINUTE;
    watch(crowd(10_000, time));
    watch(scans(500, time + MINUTE));
    watch(slowScans(100, time + 3 * MINUTE));
    watch(lockstep(20, time + 7 * MINUTE));
    rounds.push(sample(detector));
  }
  return {
    allocated,
    defaults,
    fleet,
    start,
    rounds,
    allocatedLater,
    packets: detector.counters.packets,
    reports,
    evicted: detector.evicted,
  };
}

if (import.meta.main) console.log(JSON.stringify(measure()));
