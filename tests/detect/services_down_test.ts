/** Services that were used lately and are gone: their users are no scanners. */

import { emptyPortTimes } from "../../detect/probe/port_memory.ts";
import { type DetectorOptions, PortMemory } from "../../mod.ts";
import {
  DIRECTION_UNKNOWN,
  TCP_ACK,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
} from "../../library/packet.ts";
import { assertEquals } from "../assert.ts";
import { START } from "../packets.ts";
import { portsFrom } from "../watch.ts";
import {
  ends,
  type Fate,
  HOST,
  hosts,
  HOUR,
  SECOND,
  type Technique,
  Traffic,
  watch,
} from "./traffic.ts";

/** Whose hosts they are, and whether packets tell their direction. */
const KNOWN: readonly (readonly [string, DetectorOptions, boolean])[] = [
  ["the watched host", { local: hosts(HOST) }, true],
  ["hosts at home", { home: hosts("198.51.0.0/16") }, false],
  ["neighbours", {
    promiscuous: true,
    ...{ local: hosts("198.51.100.99"), onLink: hosts("198.51.100.0/24") },
  }, false],
  ["anybody's hosts", {}, false],
];

function assertSilent(traffic: Traffic): void {
  const lines = KNOWN.map(([name, options, isDirected]) => {
    for (const { segment } of isDirected ? [] : traffic.packets) {
      segment.direction = DIRECTION_UNKNOWN;
    }
    return [name, watch(traffic, options).lines];
  });
  assertEquals(lines, KNOWN.map(([name]) => [name, []]));
}

for (const technique of ["syn", "udp", "sctp"] as const) {
  Deno.test(`30 services are polled by ${technique}, and down for half an hour`, () => {
    const traffic = new Traffic();
    for (let round = 0; round < 70; round++) {
      for (const [i, port] of portsFrom(9_100, 30).entries()) {
        const time = round * 30 * SECOND + i * 7;
        poll(traffic, technique, round < 10 ? "open" : "refused", {
          port,
          time,
        });
      }
    }
    assertSilent(traffic);
  });
}

function poll(
  traffic: Traffic,
  technique: Technique,
  fate: Fate,
  init: { port: number; time: number },
): void {
  const one = ends({ ...init, sourcePort: 44_000 });
  if (technique === "syn" && fate === "open") traffic.connect(one);
  else traffic.probe(technique, fate, one);
}

Deno.test("30 services by UDP are down of which the kernel listed the sockets", () => {
  const times = emptyPortTimes();
  const lists = START + HOUR;
  for (const port of portsFrom(9_100, 30)) {
    times.receivers[2 * port + 1] = Math.floor(lists / 1000);
  }
  const options = { local: hosts(HOST), portMemory: new PortMemory(times) };
  const decisions = [9_100, 9_200].map((first) => {
    const traffic = new Traffic();
    for (const [i, port] of portsFrom(first, 30).entries()) {
      const time = 2 * HOUR + i * 7;
      traffic.probe("udp", "silent", ends({ port, time }));
    }
    return watch(traffic, options).decisions.size;
  });
  assertEquals(decisions, [0, 1]);
});

/** Connections to 30 services, each used again after an hour. */
function idle(isRefused: boolean): Traffic {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(15_000, 30).entries()) {
    const one = ends({ port, sourcePort: 40_000 + i, time: i * 10 });
    traffic.connect(one, "stays");
    const later = { ...one, time: HOUR + i * 50 };
    for (const wait of [0, 0.4, 1.2, 2.8]) {
      traffic.receive(later, { flags: TCP_ACK | TCP_PSH }, wait * SECOND);
    }
    if (isRefused) traffic.send(later, { flags: TCP_RST }, 0.2);
  }
  return traffic;
}

for (const isRefused of [true, false]) {
  const what = isRefused ? "refused" : "dropped";
  Deno.test(`idle connections to 30 services that are gone are ${what}`, () => {
    assertSilent(idle(isRefused));
  });
}

Deno.test("ports of which nobody has opened any are scanned by ACK, whoever connects", () => {
  const traffic = idle(true);
  for (const [i, port] of portsFrom(20, 30).entries()) {
    traffic.probe("ack", "refused", ends({ port, time: 2 * HOUR + i * 10 }));
  }
  for (const [name, options] of KNOWN.slice(0, 2)) {
    assertEquals([name, watch(traffic, options).lines.length], [name, 1]);
  }
});

Deno.test("ports from which the host connected an hour ago are scanned by ACK", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(2_000, 60).entries()) {
    const server = ends({ source: "192.0.2.80", sourcePort: 443, port });
    traffic.send({ ...server, time: i * 10 }, { flags: TCP_SYN });
    traffic.probe("ack", "refused", ends({ port, time: HOUR + i * 10 }));
  }
  for (const [name, options] of KNOWN.slice(0, 2)) {
    assertEquals([name, watch(traffic, options).lines.length], [name, 1]);
  }
});
