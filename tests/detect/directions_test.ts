/**
 * Files that tell the directions of packets, as those of `tcpdump -i any` do, and
 * not who is ours: a host's own, a router's, and halves of them.
 */

import type { DetectorOptions } from "../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  PROTOCOL_UDP,
  TCP_ACK,
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
  Traffic,
  watch,
} from "./traffic.ts";

/** Those whose scans are found. */
function found(traffic: Traffic, options: DetectorOptions = {}): string[] {
  const decisions = [...watch(traffic, options).decisions];
  return decisions.map((decision) => decision.split(" ")[0]);
}

/** Strangers, each asked at a port of its own or at the same. */
function strangers(count: number, port?: number): Ends[] {
  return Array.from({ length: count }, (_, i) =>
    ends({
      host: address("203.0", 256 + i),
      port: port ?? 20_001 + 7 * i,
      sourcePort: 40_000,
      time: i * 100,
    }));
}

Deno.test("60 peers refuse what the watched host sends", () => {
  for (const port of [undefined, 500]) {
    const traffic = new Traffic();
    for (const one of strangers(60, port)) traffic.refusedBy(one, 30);
    assertEquals(found(traffic), []);
  }
});

/** What a router sees: what it passes on comes in and goes out again. */
function routed({ packets }: Traffic): Traffic {
  const traffic = new Traffic();
  for (const { time, segment } of packets) {
    const isIn = { ...segment, direction: DIRECTION_IN };
    const isOut = { ...segment, direction: DIRECTION_OUT };
    traffic.packets.push({ time, segment: isIn });
    traffic.packets.push({ time: time + 0.03, segment: isOut });
  }
  return traffic;
}

Deno.test("a client behind a router meets dead hosts", () => {
  const traffic = new Traffic();
  for (const one of strangers(40, 443)) {
    traffic.receive(one);
    traffic.receive(one, {}, 1000);
    traffic.connect({ ...one, port: 80, delay: 20 });
  }
  assertEquals(found(routed(traffic)), []);
});

Deno.test("a client behind a router sends datagrams to strangers", () => {
  const traffic = new Traffic();
  for (const one of strangers(60)) {
    traffic.receive(one, { protocol: PROTOCOL_UDP, flags: 0 });
  }
  assertEquals(found(routed(traffic)), []);
});

/** The same of a router that puts its own address into what it passes on. */
function translated(clients: Traffic): Traffic {
  const traffic = routed(clients);
  for (const { segment } of traffic.packets) {
    if (segment.direction === DIRECTION_OUT) segment.source = "203.0.113.1";
  }
  return traffic;
}

Deno.test("a client behind a router with NAT meets dead hosts", () => {
  const traffic = new Traffic();
  for (const one of strangers(40, 443)) {
    traffic.receive(one);
    traffic.receive(one, {}, 1000);
  }
  assertEquals(found(translated(traffic)), []);
});

Deno.test("clients behind a router with NAT share out no scan", () => {
  const traffic = new Traffic();
  for (const [i, one] of strangers(80).entries()) {
    const source = address("192.0", 512 + i % 20);
    traffic.receive({ ...one, source });
  }
  assertEquals(found(translated(traffic)), []);
});

/** A client in a router's network, strangers that refuse it, and old connections. */
function refusedClient(): Traffic {
  const traffic = new Traffic();
  for (const [i, one] of strangers(60, 443).entries()) {
    if (i % 3 === 0) traffic.refuse({ ...one, delay: 20 });
    else if (i % 3 === 1) traffic.connect({ ...one, delay: 20 });
    else {
      traffic.receive(one, { flags: TCP_ACK });
      traffic.send(one, { flags: TCP_RST }, 20);
    }
  }
  for (const one of strangers(60)) traffic.refuse({ ...one, delay: 20 });
  return traffic;
}

for (const home of ["198.51.100.1", "192.0.2.0/24"]) {
  Deno.test(`strangers refuse a client behind a router, home ${home}`, () => {
    assertEquals(found(routed(refusedClient()), { home: hosts(home) }), []);
  });
}

for (const fate of ["silent", "refused"] as const) {
  Deno.test(`a scan through a router, ${fate}`, () => {
    const traffic = new Traffic();
    for (const [i, port] of portsFrom(1, 60).entries()) {
      traffic.probe("syn", fate, ends({ port, time: i * 20 }));
    }
    assertEquals(found(routed(traffic)), [SCANNER]);
  });
}

/** Only what comes in: `tcpdump -i any dst host ...`. */
function incoming({ packets }: Traffic): Traffic {
  const traffic = new Traffic();
  for (const packet of packets) {
    if (packet.segment.direction === DIRECTION_IN) traffic.packets.push(packet);
  }
  return traffic;
}

Deno.test("a client of 60 ports, of which only what comes in was captured", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 60).entries()) {
    traffic.connect(
      ends({ port, sourcePort: 40_000 + i, time: i * 100, delay: 15 }),
    );
  }
  for (const options of [{}, { home: hosts(HOST) }]) {
    assertEquals(found(incoming(traffic), options), []);
  }
});

Deno.test("a scan of which only what comes in was captured", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 60).entries()) {
    traffic.probe("syn", "refused", ends({ port, time: i * 20 }));
  }
  assertEquals(found(incoming(traffic)), [SCANNER]);
});

Deno.test("a router refuses what a client of ours sends elsewhere", () => {
  const traffic = new Traffic();
  for (const one of strangers(60)) traffic.unreachable(one, 0.2);
  assertEquals(found(traffic, { home: hosts("192.0.2.0/24") }), []);
  assertEquals(found(traffic, { home: hosts("203.0.0.0/16") }), [SCANNER]);
});

Deno.test("hosts of one IPv6 prefix are one source, but not if they are ours", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 60).entries()) {
    const source = `2001:db8::${(i + 1).toString(16)}`;
    const host = "2001:db8:0:1::1";
    const one = ends({ source, host, port, time: i * 100 });
    traffic.receive(one);
    traffic.send(one, { flags: TCP_RST }, 0.2);
  }
  const home = "2001:db8:0:1::/64";
  assertEquals(found(traffic, { home }), ["2001:db8::/64"]);
  assertEquals(found(traffic, { home: [home, "2001:db8::/64"] }), []);
});

Deno.test("datagrams to an address that ends in 255, of a host or of a network", () => {
  const traffic = new Traffic();
  const host = "198.51.100.255";
  for (const [i, port] of portsFrom(1, 60).entries()) {
    traffic.receive(ends({ host, port, time: i * 20 }), {
      ...{ protocol: PROTOCOL_UDP, flags: 0 },
    });
  }
  assertEquals(found(traffic, { local: hosts(host) }), [SCANNER]);
  assertEquals(found(traffic, { home: hosts("198.51.100.0/24") }), []);
});
