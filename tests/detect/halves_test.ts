/**
 * Captures of one direction, and services that never answer: what goes on is no
 * scan, though nobody sees the other half of it.
 */

import type { DetectorOptions } from "../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_UNKNOWN,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
} from "../../library/packet.ts";
import { assertEquals } from "../assert.ts";
import { portsFrom } from "../watch.ts";
import {
  address,
  type Ends,
  ends,
  HOST,
  hosts,
  SCANNER,
  SECOND,
  Traffic,
  watch,
} from "./traffic.ts";

/** The sources that are found where no packet tells its direction. */
function found(traffic: Traffic, options: DetectorOptions = {}): string[] {
  for (const { segment } of traffic.packets) {
    segment.direction = DIRECTION_UNKNOWN;
  }
  const decisions = [...watch(traffic, options).decisions];
  return decisions.map((decision) => decision.split(" ")[0]);
}

/** Only what comes in. */
function incoming({ packets }: Traffic): Traffic {
  const traffic = new Traffic();
  for (const packet of packets) {
    if (packet.segment.direction === DIRECTION_IN) traffic.packets.push(packet);
  }
  return traffic;
}

Deno.test("a client of 60 ports for 10 s each, of which only what comes in was captured", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 60).entries()) {
    const one = ends({ port, sourcePort: 40_000 + i, time: i * 100 });
    traffic.connect({ ...one, delay: 15 }, "fin", 10 * SECOND);
  }
  const half = incoming(traffic);
  for (const options of [{}, { home: hosts(HOST) }]) {
    assertEquals(found(half, options), []);
  }
});

/** A poller of 30 controllers, over connections older than the capture. */
function polls(): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i < 30; i++) {
    for (let poll = 0; poll < 10; poll++) {
      const one = ends({
        ...{ host: address("198.51", 256 + i), port: 502 },
        ...{ sourcePort: 40_000 + i, time: poll * 5 * SECOND + i * 20 },
      });
      traffic.receive(one, { flags: TCP_ACK | TCP_PSH });
      traffic.receive(one, { flags: TCP_ACK }, 50);
    }
  }
  return traffic;
}

Deno.test("a poller of 30 controllers, of which only what comes in was captured", () => {
  for (const options of [{}, { home: hosts("198.51.0.0/16") }]) {
    assertEquals(found(polls(), options), []);
  }
});

Deno.test("who has been answered once continues nothing at silent ports", () => {
  const traffic = new Traffic();
  traffic.connect(ends({ port: 443 }));
  for (const [i, port] of portsFrom(1, 60).entries()) {
    const one = ends({ port, time: SECOND + i * 20 });
    traffic.receive(one, { flags: TCP_ACK | TCP_PSH });
  }
  assertEquals(found(traffic, { home: hosts(HOST) }), [SCANNER]);
});

/** Datagrams to 40 ports of a host, which nobody answers. */
function datagrams(times: readonly number[], copies = 1): Traffic {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(10_000, 40).entries()) {
    for (const time of times) {
      for (let copy = 0; copy < copies; copy++) {
        const one = ends({ port, time: time + i * 0.5 + copy * 0.1 });
        traffic.probe("udp", "silent", one);
      }
    }
  }
  return traffic;
}

Deno.test("40 streams of datagrams to a host at home that nobody answers", () => {
  const times = Array.from({ length: 100 }, (_, i) => i * 200);
  // First where packets tell their directions.
  assertEquals([...watch(datagrams(times)).decisions], []);
  for (const options of [{}, { home: hosts(HOST) }]) {
    assertEquals(found(datagrams(times), options), []);
  }
});

Deno.test("a UDP scan asks each port six times, and each packet is captured twice", () => {
  const traffic = datagrams([0, 500, 1000, 1500, 2000, 2500], 2);
  for (const options of [{}, { home: hosts(HOST) }]) {
    assertEquals(found(traffic, options), [SCANNER]);
  }
});

Deno.test("40 streams of 2000 datagrams a second, nearer to each other than copies", () => {
  const times = Array.from({ length: 1000 }, (_, i) => i * 0.5);
  for (const options of [{}, { home: hosts(HOST) }]) {
    assertEquals(found(datagrams(times), options), []);
  }
});

Deno.test("streams of 12 clients of one network, each to ten ports", () => {
  const traffic = new Traffic();
  for (let client = 0; client < 12; client++) {
    for (let i = 0; i < 1000; i++) {
      traffic.probe(
        "udp",
        "silent",
        ends({
          source: `192.0.2.${client}`,
          port: 10_000 + client * 100 + i % 10,
          time: i * 10 + client,
        }),
      );
    }
  }
  assertEquals(found(traffic, { home: hosts(HOST) }), []);
});

/** Clients load from services over connections older than the capture. */
function downloads(flags: number, gap: number): Traffic {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 40).entries()) {
    for (let time = i; time < 10 * SECOND; time += gap) {
      traffic.receive(ends({ port, sourcePort: 40_000 + i, time }), { flags });
    }
  }
  return traffic;
}

Deno.test("a client loads from 40 services, of which only what comes in was captured", () => {
  for (const options of [{}, { home: hosts(HOST) }]) {
    assertEquals(found(downloads(TCP_ACK, 100), options), []);
  }
});

Deno.test("an ACK scan that asks each port again now and then loads nothing", () => {
  const home = hosts(HOST);
  assertEquals(found(downloads(TCP_ACK, 600), { home }), [SCANNER]);
  assertEquals(found(downloads(TCP_ACK | TCP_FIN, 100), { home }), [SCANNER]);
});

/** What looks like halves of connections, sent before the first refusal comes. */
const PRETENCES: readonly [string, (traffic: Traffic, one: Ends) => void][] = [
  ["data", (traffic, one) => {
    traffic.receive(one, { flags: TCP_ACK | TCP_PSH });
    traffic.send(one, { flags: TCP_RST }, 100);
  }],
  ["an ACK after each SYN", (traffic, one) => {
    traffic.receive(one);
    traffic.receive(one, { flags: TCP_ACK }, 0.1);
    traffic.send(one, { flags: TCP_RST | TCP_ACK }, 100);
  }],
  ["streams of datagrams", (traffic, one) => {
    for (let i = 0; i < 7; i++) {
      traffic.probe("udp", "refused", { ...one, time: one.time + i * 10 });
    }
  }],
];

for (const [name, pretend] of PRETENCES) {
  Deno.test(`a scan that is refused is found behind ${name}`, () => {
    const traffic = new Traffic();
    for (const [i, port] of portsFrom(1, 100).entries()) {
      pretend(traffic, ends({ port, time: i * 0.2, delay: 100 }));
    }
    assertEquals(found(traffic, { home: hosts(HOST) }), [SCANNER]);
  });
}

Deno.test("what went on in a file and was answered may be reset", () => {
  const traffic = polls();
  for (const { time, segment } of [...traffic.packets]) {
    const { source, sourcePort, destination, destinationPort } = segment;
    const one = ends({
      ...{ source, sourcePort, time, delay: 5 },
      ...{ host: destination, port: destinationPort },
    });
    traffic.send(one, { flags: TCP_ACK }, 5);
    if (time > 45 * SECOND) traffic.send(one, { flags: TCP_RST }, 1000);
  }
  assertEquals(found(traffic, { home: hosts("198.51.0.0/16") }), []);
});
