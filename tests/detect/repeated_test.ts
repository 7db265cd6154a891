/** Who asks the same ports again goes on with one scan, and is told once. */

import type { DetectorOptions } from "../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
} from "../../library/packet.ts";
import { assertEquals } from "../assert.ts";
import { portsFrom } from "../watch.ts";
import {
  ends,
  HOST,
  hosts,
  SCANNER,
  SECOND,
  type Technique,
  Traffic,
  watch,
} from "./traffic.ts";

const KNOWN: Readonly<Record<string, DetectorOptions>> = {
  "the watched host": { local: hosts(HOST) },
  "hosts at home": { home: hosts("198.51.0.0/16") },
  "neighbours": {
    promiscuous: true,
    ...{ local: hosts("198.51.100.99"), onLink: hosts("198.51.100.0/24") },
  },
  "anybody's hosts": {},
};

/** 30 closed ports, all of them asked again and again. */
function rounds(technique: Technique, pause: number): Traffic {
  const traffic = new Traffic();
  for (let round = 0; round < 30; round++) {
    for (const [i, port] of portsFrom(8_000, 30).entries()) {
      const sourcePort = 40_000 + round;
      const time = round * pause + i;
      traffic.probe(technique, "refused", ends({ port, sourcePort, time }));
    }
  }
  return traffic;
}

/** A connect scan of a host that drops: old ports are asked while it pauses. */
function dropped(): Traffic {
  const traffic = new Traffic();
  const ask = (port: number, second: number) =>
    traffic.receive(
      ends({ port, sourcePort: 40_000 + port, time: second * SECOND }),
    );
  for (const port of portsFrom(1, 10)) {
    for (const second of [0, 1, 2]) ask(port, second + port / 100);
  }
  for (const port of portsFrom(20, 40)) ask(port, 3.2 + port / 100);
  return traffic;
}

/** How many lines each kind of hosts gives. */
function linesOf(
  traffic: Traffic,
  others: DetectorOptions = {},
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, options] of Object.entries(KNOWN)) {
    if (options.local === undefined || options.promiscuous) {
      for (const { segment } of traffic.packets) {
        segment.direction = DIRECTION_UNKNOWN;
      }
    }
    counts[name] = watch(traffic, { ...options, ...others })
      .lines.length;
  }
  return counts;
}

const ONCE = Object.fromEntries(Object.keys(KNOWN).map((name) => [name, 1]));

for (const technique of ["syn", "ack", "udp", "sctp"] as const) {
  Deno.test(`30 ports asked by ${technique} each 2 s are one scan`, () => {
    assertEquals(linesOf(rounds(technique, 2 * SECOND)), ONCE);
  });
}

Deno.test("a scan whose new ports wait for old ones to be asked again", () => {
  assertEquals(linesOf(dropped()), ONCE);
});

for (const [technique, pause] of [["fin", 20], ["udp", 0.5]] as const) {
  Deno.test(`2300 ports by ${technique}, of which few are remembered until they are judged`, () => {
    const traffic = new Traffic();
    for (const [i, port] of portsFrom(1, 2_300).entries()) {
      traffic.probe(technique, "refused", ends({ port, time: i * pause }));
    }
    assertEquals(linesOf(traffic, { scanDelay: 50 }), ONCE);
  });
}

for (const fate of ["refused", "silent"] as const) {
  Deno.test(`our host's scan of another one is told once, ${fate}`, () => {
    const again = new Traffic();
    const long = new Traffic();
    for (let i = 0; i < 900; i++) {
      const us = { source: HOST, host: SCANNER };
      const time = Math.floor(i / 30) * 2 * SECOND + i % 30;
      again.probe("syn", fate, ends({ ...us, port: 8_000 + i % 30, time }));
      long.probe("syn", fate, ends({ ...us, port: 1 + i, time: i * 20 }));
    }
    const options = { local: hosts(HOST), outgoing: true };
    const lines = [again, long].map((traffic, i) => {
      for (const { segment } of traffic.packets) {
        const isOurs = segment.source === HOST;
        segment.direction = isOurs ? DIRECTION_OUT : DIRECTION_IN;
      }
      const scanDelay = [3 * SECOND, 50][i];
      return watch(traffic, { ...options, scanDelay }).lines.length;
    });
    assertEquals(lines, [1, 1]);
  });
}
