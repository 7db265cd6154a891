/** Who comes again is seen again: hosts write a known probe once an hour. */

import { Detector, type ProbeRecord, type Report, toEvent } from "../../mod.ts";
import { DIRECTION_IN, Segment, TCP_SYN } from "../../library/packet.ts";
import { assert, assertEquals } from "../assert.ts";
import { hosts } from "../detect/traffic.ts";
import { START } from "../packets.ts";
import { below, seeded } from "../random.ts";
import { hostAddress, SWEEPER } from "./crowd.ts";
import { packetOf } from "./probes.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const HOSTS = 40;

/** Daemons that watch a host each, from the beginning to the end. */
class Fleet {
  readonly records: ProbeRecord[] = [];
  readonly #daemons = Array.from(
    { length: HOSTS },
    (_, host) =>
      new Detector(() => assert(false, "a host alone names somebody"), {
        ...{ random: seeded(host), sources: 64, logBurst: 0 },
        local: hosts(hostAddress(host)),
        probes: (record) => this.records.push(record),
      }),
  );

  /** A host is probed; it drops the probe. */
  probe(host: number, time: number, source = SWEEPER): void {
    this.#daemons[host].segment(Segment.from({
      ...{ source, sourcePort: 40_000, destination: hostAddress(host) },
      ...{ destinationPort: 445, flags: TCP_SYN, ttl: 51 },
      ...{ time: START + time, direction: DIRECTION_IN },
    }));
  }

  /** What a centre says that hears of all of it. */
  found(): Report[] {
    for (const daemon of this.#daemons) daemon.finish();
    const reports: Report[] = [];
    const centre = new Detector((report) => reports.push(report), {
      ...{ fromFile: true, logBurst: 0, random: seeded(1) },
    });
    const inOrder = this.records.toSorted((a, b) => a.time - b.time);
    for (const { destination, ...record } of inOrder) {
      const { source, sourcePort = 0, destinationPort, time, flags = 0 } =
        record;
      const segment = Segment.from({
        ...{ source, sourcePort, destination, destinationPort, time, flags },
      });
      centre.packet(packetOf(segment, destination));
    }
    centre.finish();
    return reports.filter(({ type }) => type === "scan");
  }
}

/** When each of these was complete, in hours since the beginning. */
function hoursOf(reports: readonly Report[]): number[] {
  return reports.map((report) =>
    (Date.parse(toEvent(report).timestamp) - START) / HOUR
  );
}

type Visit = [time: number, host: number];

/** The hosts are visited, and by others each day, which makes all known. */
function visited(visits: readonly Visit[], days: number): Fleet {
  const all = visits.map(([time, host]) => ({ time, host, source: SWEEPER }));
  for (let day = 0; day < days; day++) {
    for (let host = 0; host < HOSTS; host++) {
      const source = `100.64.${host}.${day}`;
      all.push({ time: day * DAY + host, host, source });
    }
  }
  const fleet = new Fleet();
  for (const { time, host, source } of all.sort((a, b) => a.time - b.time)) {
    fleet.probe(host, time, source);
  }
  return fleet;
}

Deno.test("who was slow at first is found when he comes daily", () => {
  const visits: Visit[] = [];
  for (let day = 0; day < 12; day++) {
    // Eight further hosts a day; from the fifth day on all of them.
    for (let host = 0; host < Math.min(HOSTS, 8 * (day + 1)); host++) {
      visits.push([day * DAY + 12 * HOUR + host * 10_000, host]);
    }
  }
  const hours = hoursOf(visited(visits, 12).found()).map(Math.floor);
  // On the third day more than half of the hosts are reached.
  assertEquals(hours, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((d) => 24 * d + 12));
});

Deno.test("whatever he has done before, a fast sweep is found", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = seeded(seed);
    const visits: Visit[] = [];
    // Four in five hosts, each once in half a day; and then all of them.
    for (let host = 0; host < HOSTS * 0.8; host++) {
      const phase = below(random, 12 * HOUR);
      for (let round = 0; round < 6; round++) {
        visits.push([round * 12 * HOUR + phase, host]);
      }
      visits.push([3 * DAY + host * 10_000, host]);
    }
    const hours = hoursOf(visited(visits, 3).found()).map(Math.floor);
    assertEquals(hours, [72], `seed ${seed}`);
  }
});

Deno.test("who asks all the time is written once an hour", () => {
  const fleet = new Fleet();
  for (let time = 0; time < 10 * HOUR; time += 20_000) fleet.probe(1, time);
  fleet.found();
  const { length } = fleet.records;
  assert(length >= 10 && length <= 12, `${length}`);
});
