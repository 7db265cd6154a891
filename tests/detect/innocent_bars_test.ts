/** Innocent traffic, with the times of packets as in reality: no line. */

import type { DetectorOptions } from "../../mod.ts";
import {
  DIRECTION_UNKNOWN,
  PROTOCOL_UDP,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
} from "../../library/packet.ts";
import { assertEquals } from "../assert.ts";
import { below, type Random, seeded } from "../random.ts";
import {
  address,
  DAY,
  type Ends,
  hosts,
  HOUR,
  MINUTE,
  SECOND,
  Traffic,
  watch,
} from "./traffic.ts";

const PEER = "192.0.2.1";
const HOST = "198.51.100.2";
const HOME: DetectorOptions = { home: hosts("198.51.0.0/16") };
/** The services of a mail server and then some. */
const SERVICES = [21, 22, 25, 53, 80, 110, 143, 443, 465, 587, 993, 995];

function ends(init: Partial<Ends> = {}): Ends {
  return {
    ...{ source: PEER, sourcePort: 40_000, host: HOST, port: 443, time: 0 },
    ...init,
  };
}

function assertSilent(traffic: Traffic, options: DetectorOptions = {}): void {
  assertEquals(watch(traffic, options).lines, []);
}

function ownHosts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => address("198.51", 256 + i));
}

Deno.test("60 short connections to 16 own hosts, SYN-ACKs repeated, reset at the end", () => {
  const own = ownHosts(16);
  const traffic = new Traffic();
  for (let i = 0; i < 60; i++) {
    const connection = ends({
      sourcePort: 40_000 + i,
      host: own[i % 16],
      time: i * 40,
    });
    traffic.connect(connection, "reset", 1500);
    const acknowledgement = 47_001 + i;
    const flags = TCP_SYN | TCP_ACK;
    for (const after of [1000, 1200]) {
      traffic.send(
        connection,
        { flags, sequence: 5_000, acknowledgement },
        after,
      );
    }
  }
  assertSilent(traffic, { local: hosts(...own) });
  assertSilent(traffic, HOME);
});

Deno.test("60 answered hosts at 443 in 3 s", () => {
  const traffic = new Traffic();
  for (const [i, host] of ownHosts(60).entries()) {
    traffic.connect(
      ends({ host, sourcePort: 40_000 + i, time: i * 50, delay: 20 }),
    );
  }
  assertSilent(traffic, HOME);
  assertSilent(traffic, { promiscuous: true });
});

Deno.test("500 answered hosts at 443 over a day", () => {
  const traffic = new Traffic();
  for (const [i, host] of ownHosts(500).entries()) {
    const time = i * DAY / 500;
    traffic.connect(ends({ host, sourcePort: 33_000 + i, time, delay: 20 }));
  }
  assertSilent(traffic, HOME);
});

/** A SYN that nobody answers, sent again as Linux does. */
function unanswered(traffic: Traffic, connection: Ends): void {
  for (const after of [0, 1, 3, 7, 15, 31]) {
    traffic.receive(connection, { sequence: 1 }, after * SECOND);
  }
}

Deno.test("a crawler that meets 15 dead hosts among 200 in a day", () => {
  const traffic = new Traffic();
  for (const [i, host] of ownHosts(200).entries()) {
    const time = i * DAY / 200;
    const connection = ends({ host, sourcePort: 33_000 + i, time, delay: 30 });
    if (i % 13 === 6) unanswered(traffic, connection);
    else traffic.connect(connection);
  }
  assertSilent(traffic, HOME);
});

Deno.test("100 open high ports asked at once", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 100; i++) {
    traffic.connect(
      ends({ port: 20_000 + i, sourcePort: 40_000 + i, time: i * 0.1 }),
      "fin",
      500,
    );
  }
  assertSilent(traffic);
});

/** One client opens all services, whose backends are 30 to 200 ms away. */
function openForwarded(traffic: Traffic, source: string, time: number): void {
  for (const [i, port] of SERVICES.entries()) {
    const delay = 30 + (i * 170) / (SERVICES.length - 1);
    const sourcePort = 40_000 + i;
    traffic.connect(ends({ source, sourcePort, port, time: time + i, delay }));
  }
}

Deno.test("12 forwarded services whose backends answer after 30 to 200 ms", () => {
  const one = new Traffic();
  openForwarded(one, PEER, 0);
  const options = { local: hosts(HOST), forwards: () => true };
  assertSilent(one, options);
  const many = new Traffic();
  for (let i = 0; i < 60; i++) {
    openForwarded(many, address("203.0", 256 + i * 300), i * 7);
  }
  assertSilent(many, options);
});

/** Checks of 12 services each 2 s, which refuse from one time to another. */
function checks(from: number, to: number, end: number): Traffic {
  const traffic = new Traffic();
  let sourcePort = 32_768;
  for (let time = 0; time < end; time += 2 * SECOND) {
    for (const [i, port] of SERVICES.entries()) {
      sourcePort = sourcePort === 60_999 ? 32_768 : sourcePort + 1;
      const check = ends({ port, sourcePort, time: time + i });
      if (time >= from && time < to) traffic.refuse(check);
      else traffic.connect(check, "reset", 1);
    }
  }
  return traffic;
}

Deno.test("a balancer that checks 12 services through an outage of 10 s", () => {
  assertSilent(checks(5 * MINUTE, 5 * MINUTE + 10 * SECOND, 10 * MINUTE));
});

Deno.test("a balancer that checks 12 services through an outage of 2 hours", () => {
  assertSilent(checks(5 * MINUTE, 5 * MINUTE + 2 * HOUR, 130 * MINUTE));
});

/** Other ports from `first` on, all different. */
function somePorts(random: Random, count: number, first: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(first + below(random, 65_536 - first));
  return [...ports];
}

Deno.test("150 backscattered SYN-ACKs", () => {
  const traffic = new Traffic();
  for (const [i, port] of somePorts(seeded(2), 150, 1).entries()) {
    const answer = ends({ sourcePort: 443, port, time: i * 50 });
    traffic.receive(answer, { flags: TCP_SYN | TCP_ACK, acknowledgement: 5 });
    traffic.send(answer, { flags: TCP_RST, sequence: 5 }, 0.1);
  }
  assertSilent(traffic);
});

Deno.test("80 forgotten downloads through a router", () => {
  const traffic = new Traffic();
  for (const [i, port] of somePorts(seeded(3), 80, 1024).entries()) {
    for (const after of [0, 0.3, 0.9, 2.1, 4.5]) {
      const time = i * 20 + after * SECOND;
      const download = ends({ sourcePort: 443, port, time });
      traffic.receive(download, { flags: TCP_ACK | TCP_PSH });
      traffic.send(download, { flags: TCP_RST }, 0.1);
    }
  }
  assertSilent(traffic);
});

Deno.test("a database that closes 60 idle connections of ours, older than the capture", () => {
  const closed = new Traffic();
  const forgotten = new Traffic();
  for (let i = 0; i < 60; i++) {
    const close = ends({ sourcePort: 5432, port: 32_800 + 7 * i, time: 5 * i });
    closed.receive(close, { flags: TCP_FIN | TCP_ACK });
    closed.send(close, { flags: TCP_ACK }, 40);
    forgotten.receive(close, { flags: TCP_FIN | TCP_ACK });
    forgotten.send(close, { flags: TCP_RST }, 0.1);
  }
  assertSilent(closed);
  assertSilent(forgotten);
});

Deno.test("12 NAT64 clients", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 12; i++) {
    for (const [j, port] of [113, SERVICES[i]].entries()) {
      traffic.refuse(ends({
        source: `64:ff9b::203.0.113.${i + 1}`,
        host: "2001:db8::2",
        sourcePort: 40_000 + i,
        port,
        time: 100 * i + j,
      }));
    }
  }
  assertSilent(traffic);
});

/** A datagram that nobody answers. */
function datagram(traffic: Traffic, to: Ends, ttl: number): void {
  traffic.receive(to, { protocol: PROTOCOL_UDP, flags: 0, ttl });
}

Deno.test("UDP traceroute to a host that drops", () => {
  const traffic = new Traffic();
  // Ten hops away, 30 at most, three a hop, 16 at once, 5 s to wait.
  for (let i = 27; i < 90; i++) {
    const ttl = Math.floor(i / 3) - 8;
    const time = Math.floor(i / 16) * 5 * SECOND + i;
    datagram(traffic, ends({ port: 33_434 + i, time }), ttl);
  }
  assertSilent(traffic);
});

for (const firstPort of [33_000, 33_434]) {
  Deno.test(`mtr by UDP, ports from ${firstPort} on, to a host that drops`, () => {
    const traffic = new Traffic();
    for (let i = 0; i < 5 * 60 * 5; i++) {
      const [port, time] = [firstPort + i, i * 0.2 * SECOND];
      datagram(traffic, ends({ port, time }), 1 + i % 5);
    }
    assertSilent(traffic);
  });
}

/** What a mirror of one direction sees of a client of 40 services. */
function oneDirection(): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i < 40; i++) {
    const use = ends({
      port: 80 + 97 * i,
      sourcePort: 40_000 + i,
      time: i * 3 * MINUTE,
    });
    const direction = DIRECTION_UNKNOWN;
    traffic.receive(use, { sequence: 1, direction });
    const data = { sequence: 2, acknowledgement: 5_001, direction };
    traffic.receive(use, { ...data, flags: TCP_ACK }, 20);
    traffic.receive(use, { ...data, flags: TCP_ACK | TCP_PSH }, 21);
    traffic.receive(use, { ...data, flags: TCP_FIN | TCP_ACK }, SECOND);
  }
  return traffic;
}

Deno.test("a capture of one direction with 40 services in use", () => {
  assertSilent(oneDirection(), { fromFile: true });
  assertSilent(oneDirection(), { fromFile: true, ...HOME });
});

Deno.test("8 browsers on a bridge that is watched", () => {
  const traffic = new Traffic();
  for (let browser = 0; browser < 8; browser++) {
    for (const [site, host] of ownHosts(24).entries()) {
      traffic.connect(
        ends({
          source: address("203.0", browser),
          sourcePort: 40_000 + site,
          host,
          time: 60 * site + browser,
          delay: 20,
        }),
        "fin",
        800,
      );
    }
  }
  // The bridge forwards: which way packets go is not known.
  for (const { segment } of traffic.packets) {
    segment.direction = DIRECTION_UNKNOWN;
  }
  assertSilent(traffic, { promiscuous: true });
});

Deno.test("CLDAP servers' answers to a forged question", () => {
  const traffic = new Traffic();
  for (const [i, port] of somePorts(seeded(4), 60, 1024).entries()) {
    const answer = ends({ sourcePort: 389, port, time: i * 30 });
    traffic.receive(answer, { protocol: PROTOCOL_UDP, flags: 0 });
    if (i % 5 === 0) traffic.unreachable(answer, 0.1);
  }
  assertSilent(traffic);
});

/** A server closes old connections that its clients, after a reboot, refuse. */
function forgotten(sourcePort: number, ports: readonly number[]): Traffic {
  const traffic = new Traffic();
  for (const [i, port] of ports.entries()) {
    const one = ends({
      source: "203.0.113.80",
      sourcePort,
      port,
      time: i * 30,
    });
    traffic.receive(one, { flags: TCP_FIN | TCP_ACK });
    traffic.send(one, { flags: TCP_RST }, 0.2);
  }
  return traffic;
}

Deno.test("a database's old connections to a rebooted client that begins at 1025", () => {
  const ports = Array.from({ length: 60 }, (_, i) => 1025 + 13 * i);
  assertSilent(forgotten(3306, ports), { home: hosts(`${HOST}/24`) });
});

Deno.test("an NFS server's eight connections to a rebooted client", () => {
  const ports = Array.from({ length: 8 }, (_, i) => 700 + 13 * i);
  assertSilent(forgotten(2049, ports), { local: hosts(HOST) });
});
