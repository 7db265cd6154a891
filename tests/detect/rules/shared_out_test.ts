/** Scans that a network shares out: when they are told, and what proves them. */

import { Detector, type DetectorOptions, type Report } from "../../../mod.ts";
import { DIRECTION_UNKNOWN } from "../../../library/packet.ts";
import { assertEquals } from "../../assert.ts";
import { START } from "../../packets.ts";
import { seeded } from "../../random.ts";
import { portsFrom } from "../../watch.ts";
import { segmentAt } from "../segments.ts";
import {
  address,
  ends,
  type Fate,
  hosts,
  SECOND,
  type Technique,
  Traffic,
  watch,
} from "../traffic.ts";

const NETWORK = "203.0.113.0/24";
const HOME = { home: hosts("198.51.0.0/16") };

/** One port of many hosts, which a network's sources ask in turn. */
function sweep(count: number, network = "203.0.113"): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i < count; i++) {
    const host = address("198.51", 256 + i);
    const source = `${network}.${1 + i % 100}`;
    traffic.probe("syn", "refused", {
      ...ends({ source, host, port: 445, time: i * 2 * SECOND }),
    });
  }
  return traffic;
}

/** The networks that are told of, as long as packets may yet come. */
function toldLive(traffic: Traffic, options: DetectorOptions): string[] {
  const reports: Report[] = [];
  const detector = new Detector((report) => reports.push(report), {
    ...options,
    random: seeded(1),
  });
  const { packets } = traffic;
  for (const { segment, time } of packets) {
    detector.segment(segmentAt(segment, START + time));
  }
  const last = START + packets[packets.length - 1].time;
  for (let wait = 0; wait < 10 * SECOND; wait += SECOND) {
    detector.advance(last + wait);
  }
  return reports.flatMap((report) =>
    report.type === "shared" ? [report.network] : []
  );
}

Deno.test("it is told once it is decided, though no source gives cause to judge it", () => {
  assertEquals(toldLive(sweep(200), HOME), [NETWORK]);
});

Deno.test("what came last counts when no more packets come", () => {
  // 3 for the first host, 1 for each other: 63 are needed.
  assertEquals([...watch(sweep(61), HOME).decisions], [`${NETWORK} shared`]);
  assertEquals([...watch(sweep(60), HOME).decisions], []);
});

Deno.test("several networks are told of when no more packets come", () => {
  const traffic = sweep(61);
  for (const packet of sweep(80, "203.0.114").packets) {
    traffic.packets.push({ ...packet, time: packet.time + 200 * SECOND });
  }
  assertEquals(
    [...watch(traffic, HOME).decisions],
    [`${NETWORK} shared`, "203.0.114.0/24 shared"],
  );
});

/** Each source asks two or three ports of a host of which nobody knows whose it is. */
function ports(
  technique: Technique,
  count: number,
  fate: (i: number) => Fate,
): Traffic {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, count).entries()) {
    const source = `203.0.113.${1 + i % 100}`;
    const one = ends({ source, port, time: i * SECOND });
    traffic.probe(technique, fate(i), one);
  }
  for (const { segment } of traffic.packets) {
    segment.direction = DIRECTION_UNKNOWN;
  }
  return traffic;
}

Deno.test("ICMP errors prove it", () => {
  const traffic = ports("udp", 90, () => "refused");
  assertEquals([...watch(traffic).decisions], [`${NETWORK} shared`]);
});

Deno.test("targets that prove nothing leave room for those that do", () => {
  const traffic = ports("syn", 300, (i) => i < 150 ? "silent" : "refused");
  assertEquals([...watch(traffic).decisions], [`${NETWORK} shared`]);
});
