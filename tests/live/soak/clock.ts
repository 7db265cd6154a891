/**
 * Clock steps, through the program's own clock: the machine's stays as it is.
 * What the capture asks the system for the time is answered here.
 *
 * @module
 */

import { CaptureClock } from "../../../capture/clock.ts";
import { libc } from "../../../ffi/libc.ts";
import { CLOCK_REALTIME } from "../../../ffi/linux.ts";
import { Detector, Packet } from "../../../mod.ts";
import { DIRECTION_IN, LINKTYPE_RAW } from "../../../library/packet.ts";
import { assert, assertEquals } from "../../assert.ts";
import { DESTINATION, ipv4, SCAN_PORTS, tcp } from "../../packets.ts";
import { below, pick, type Random } from "../../random.ts";

const HOUR = 3_600_000;
/** Steps of the wall clock in milliseconds, as NTP and administrators make them. */
const STEPS = [-24 * HOUR, -HOUR, -3001, -1, 0, 1, 3001, HOUR, 24 * HOUR];

/** Two clocks that tell what they are told to. */
class Clocks implements Disposable {
  /** Milliseconds since boot. */
  boot = 1000;
  /** Milliseconds since 1970. */
  wall = Date.UTC(2026, 0, 1);
  readonly #library: { clock_gettime: unknown } = libc();
  readonly #original = this.#library.clock_gettime;

  constructor() {
    this.#library.clock_gettime = (clock: number, timespec: Int32Array) => {
      const time = clock === CLOCK_REALTIME ? this.wall : this.boot;
      timespec[0] = Math.floor(time / 1000);
      timespec[2] = Math.round((time % 1000) * 1e6);
      return 0;
    };
  }

  /** Time passes. */
  pass(milliseconds: number): void {
    this.boot += milliseconds;
    this.wall += milliseconds;
  }

  [Symbol.dispose](): void {
    this.#library.clock_gettime = this.#original;
  }
}

/**
 * Scans while the wall clock is set, before, between and after its packets.
 * Each must be found once; the rules' time never goes back and never runs ahead.
 *
 * @returns How many scans there were.
 */
export function stepClock(random: Random, scans: number): number {
  using clocks = new Clocks();
  const clock = new CaptureClock();
  const found: string[] = [];
  const detector = new Detector(
    (report) => report.type === "scan" && found.push(report.source),
    { random, logBurst: 0, sources: 1024, local: [DESTINATION] },
  );
  let before = 0;
  for (let scan = 0; scan < scans; scan++) {
    const source = `10.${scan >> 16 & 255}.${scan >> 8 & 255}.${scan & 255}`;
    clocks.pass(20_000 + below(random, 1000));
    for (const destinationPort of SCAN_PORTS) {
      if (below(random, 4) === 0) clocks.wall += pick(random, STEPS);
      const stamp = clocks.wall;
      // It may also be set between the kernel's stamp and the reading. For a
      // packet after a long silence nobody could know how old it is then.
      const isFirst = destinationPort === SCAN_PORTS[0];
      if (!isFirst && below(random, 4) === 0) {
        clocks.wall += pick(random, STEPS);
      }
      clocks.pass(below(random, 8));
      clock.sample();
      const time = clock.timeOf(stamp);
      assert(time >= before && time <= clocks.boot, `${before} ${time}`);
      before = time;
      const sequence = scan * 16;
      const bytes = ipv4(tcp({ destinationPort, sequence }), { source });
      detector.packet(packetAt(bytes, time, stamp));
      clocks.pass(below(random, 50));
    }
    clocks.pass(10);
    clock.sample();
    detector.advance(clock.now);
  }
  const wanted = Array.from(
    { length: scans },
    (_, scan) => `10.${scan >> 16 & 255}.${scan >> 8 & 255}.${scan & 255}`,
  );
  assertEquals(found, wanted);
  return scans;
}

function packetAt(
  bytes: Uint8Array<ArrayBuffer>,
  time: number,
  wallTime: number,
): Packet {
  const packet = new Packet();
  packet.view = new DataView(bytes.buffer);
  packet.length = bytes.length;
  packet.linkType = LINKTYPE_RAW;
  packet.direction = DIRECTION_IN;
  packet.time = time;
  packet.wallTime = wallTime;
  return packet;
}
