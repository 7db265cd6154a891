/**
 * Files of which nobody knows who is ours, as tcpdump writes them on an Ethernet
 * interface: refusals tell, and what is usual between strangers does not.
 */

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
import { portsFrom } from "../watch.ts";
import {
  address,
  ends,
  type Fate,
  HOST,
  SCANNER,
  SECOND,
  type Technique,
  Traffic,
  watch,
} from "./traffic.ts";

/** The sources that are found where no packet tells its direction. */
function found(traffic: Traffic): string[] {
  for (const { segment } of traffic.packets) {
    segment.direction = DIRECTION_UNKNOWN;
  }
  return [...watch(traffic).decisions];
}

function scan(technique: Technique, fate: Fate, first = 1): Traffic {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(first, 60).entries()) {
    traffic.probe(technique, fate, ends({ port, time: i * 20 }));
  }
  return traffic;
}

const SCANS: readonly [Technique, Fate][] = [
  ["syn", "refused"],
  ["syn", "silent"],
  ["ack", "refused"],
  ["window", "refused"],
  ["maimon", "refused"],
  ["udp", "refused"],
  ["udp", "silent"],
  ["sctp", "refused"],
];

for (const [technique, fate] of SCANS) {
  for (const first of [1, 40_000]) {
    const name = `${technique}, ${fate}, ports from ${first} on`;
    Deno.test(`one scanner: ${name}`, () => {
      const [decision, ...others] = found(scan(technique, fate, first));
      assertEquals([decision?.split(" ")[0], others.length], [SCANNER, 0]);
    });
  }
}

Deno.test("an ACK scan that nobody answers may be the half of old connections", () => {
  assertEquals(found(scan("ack", "silent")), []);
});

Deno.test("asking twice by ACK makes no capture of one direction", () => {
  const traffic = scan("ack", "silent").add(scan("ack", "silent"));
  for (const port of portsFrom(1, 30)) {
    traffic.probe("syn", "silent", ends({ port, host: "198.51.100.3" }));
  }
  assertEquals(found(traffic).length, 1);
});

Deno.test("half-open scans do not make scanners of those that answer", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(40_000, 60).entries()) {
    const sourcePort = 45_000 + i;
    traffic.probe("syn", "open", ends({ port, sourcePort, time: i * 20 }));
  }
  const sources = found(traffic).map((decision) => decision.split(" ")[0]);
  assertEquals(sources.filter((source) => source === HOST), []);
});

Deno.test("a client that breaks off 60 connections to a high port is refused nothing", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 60; i++) {
    const one = ends({ port: 49_443, sourcePort: 51_000 + i, time: i * 20 });
    traffic.connect(one, "stays");
    // What the server still sends meets a RST of each port.
    traffic.send(one, { flags: TCP_ACK }, 10);
    traffic.receive(one, { flags: TCP_RST, sequence: 9 }, 11);
  }
  assertEquals(found(traffic), []);
});

Deno.test("a database that closes 60 idle connections, older than the capture", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 60; i++) {
    const one = ends({ port: 5432, sourcePort: 51_000 + i, time: i * 20 });
    traffic.send(one, { flags: TCP_FIN | TCP_ACK });
    traffic.receive(one, { flags: TCP_RST, sequence: 9 }, 1);
  }
  assertEquals(found(traffic), []);
});

/** Datagrams to many hosts, some of which answer or refuse. */
function datagrams(
  count: number,
  port: (i: number) => number,
  fate: (i: number) => Fate,
): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i < count; i++) {
    const host = address("203.0", i + 1);
    traffic.probe("udp", fate(i), {
      ...ends({ host, port: port(i), sourcePort: 6881, time: i * 50 }),
    });
  }
  return traffic;
}

Deno.test("a file sharing program meets 400 peers, of which few answer", () => {
  const fate = (i: number): Fate =>
    i % 3 === 0 ? "open" : i % 3 === 1 ? "silent" : "refused";
  assertEquals(found(datagrams(400, (i) => 10_000 + i * 37, fate)), []);
});

Deno.test("a resolver meets 100 name servers, of which some are gone", () => {
  const fate = (i: number): Fate => i % 4 === 0 ? "silent" : "open";
  assertEquals(found(datagrams(100, () => 53, fate)), []);
});

Deno.test("one poller asks 40 devices, and half of them are off", () => {
  const fate = (i: number): Fate => i % 2 === 0 ? "silent" : "open";
  assertEquals(found(datagrams(40, () => 161, fate)), []);
});

Deno.test("a game's answers to 60 players behind one address, one direction", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 600; i++) {
    const one = ends({
      port: 40_000 + i % 60,
      sourcePort: 27_015,
      time: i * 5,
    });
    traffic.receive(one, { protocol: PROTOCOL_UDP, flags: 0 });
  }
  assertEquals(found(traffic), []);
});

Deno.test("a UDP scan and the end of a call are told apart by the number of ports", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 400; i++) {
    const port = 20_000 + i % 4;
    traffic.receive(ends({ port, time: i * 20 }), {
      protocol: PROTOCOL_UDP,
      flags: 0,
    });
  }
  assertEquals(found(traffic), []);
});

Deno.test("a half of 40 services in use is no scan", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(8000, 40).entries()) {
    const one = ends({ port, sourcePort: 52_000 + i, time: i * 0.05 * SECOND });
    traffic.receive(one, { flags: TCP_SYN, sequence: 1 });
    traffic.receive(one, { flags: TCP_ACK, sequence: 2 }, 1);
  }
  assertEquals(found(traffic), []);
});

for (const count of [8, 14]) {
  Deno.test(`a client whose network is dead asks ${count} sites, none answers`, () => {
    const traffic = new Traffic();
    for (let i = 0; i < count; i++) {
      const host = address("203.0", i * 300);
      const one = ends({
        host,
        port: 443,
        sourcePort: 51_000 + i,
        time: i * 40,
      });
      for (const wait of [0, 1000, 3000]) {
        traffic.receive(one, { flags: TCP_SYN, sequence: i }, wait);
      }
    }
    assertEquals(found(traffic), []);
  });
}

Deno.test("one port of 80 hosts, none of which answers, is scanned", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 80; i++) {
    const host = address("203.0", i);
    traffic.probe("syn", "silent", ends({ host, port: 445, time: i * 20 }));
  }
  assertEquals(found(traffic), [`${SCANNER} sweep`]);
});

Deno.test("who shares files and scans is a scanner", () => {
  const traffic = datagrams(400, (i) => 10_000 + i * 37, () => "silent");
  for (const [i, port] of portsFrom(1, 200).entries()) {
    traffic.probe("syn", "refused", ends({ port, time: 30 * SECOND + i * 20 }));
  }
  assertEquals(found(traffic), [`${SCANNER} classic`]);
});

Deno.test("a SYN and an ACK to each port make no half of a capture", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 60).entries()) {
    const one = ends({ port, time: i * 20 });
    traffic.receive(one, { flags: TCP_SYN, sequence: 1 });
    traffic.receive(one, { flags: TCP_ACK, sequence: 2 }, 0.05);
    traffic.send(one, { flags: TCP_RST | TCP_ACK, acknowledgement: 2 }, 0.2);
    traffic.send(one, { flags: TCP_RST, sequence: 0 }, 0.3);
  }
  assertEquals(found(traffic).length, 1);
});

Deno.test("a refused scan that a network shares out", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 240; i++) {
    const source = `203.0.113.${1 + i % 60}`;
    const one = ends({ source, port: 1 + i, time: i * 500 });
    traffic.probe("syn", "refused", one);
  }
  assertEquals(found(traffic), ["203.0.113.0/24 shared"]);
});

Deno.test("a UDP sweep that 200 hosts refuse", () => {
  assertEquals(
    found(datagrams(200, () => 161, () => "refused")),
    [`${SCANNER} sweep`],
  );
});

Deno.test("a resolver meets 400 name servers, of which some refuse", () => {
  const fate = (i: number): Fate => i % 4 === 0 ? "refused" : "open";
  assertEquals(found(datagrams(400, () => 53, fate)), []);
});

for (const flags of [TCP_RST, TCP_RST | TCP_ACK]) {
  Deno.test(`a half of 40 services after a client's reset (flags ${flags})`, () => {
    const traffic = new Traffic();
    traffic.receive(ends({ source: "192.0.2.9", port: 443 }), { flags });
    for (const [i, port] of portsFrom(1000, 40).entries()) {
      const one = ends({
        source: "192.0.2.8",
        ...{ port, sourcePort: 52_000 + i, time: SECOND + i * 50 },
      });
      traffic.receive(one, { flags: TCP_SYN, sequence: 1 });
      traffic.receive(one, { flags: TCP_ACK, sequence: 2 }, 20);
    }
    assertEquals(found(traffic), []);
  });
}

for (
  const [what, flags] of [["data", TCP_ACK | TCP_PSH], [
    "a keepalive",
    TCP_ACK,
  ]] as const
) {
  Deno.test(`a laptop wakes: 21 servers reset its old connections at ${what}`, () => {
    const traffic = new Traffic();
    for (let i = 0; i < 21; i++) {
      const one = ends({
        ...{ host: address("203.0", i * 300), port: 443 },
        ...{ sourcePort: 51_000 + i, time: i * 50 },
      });
      traffic.receive(one, { flags });
      traffic.send(one, { flags: TCP_RST }, 20);
    }
    assertEquals(found(traffic), []);
  });
}

for (const isSeen of [true, false]) {
  const how = isSeen ? "seen" : "missing";
  Deno.test(`a client was restarted, its server on a high port sends on (${how})`, () => {
    const traffic = new Traffic();
    for (let i = 0; i < 25; i++) {
      const one = ends({
        ...{ sourcePort: 49_666, port: 50_000 + i, time: i * 60 },
      });
      if (isSeen) traffic.receive(one, { flags: TCP_ACK | TCP_PSH });
      traffic.send(one, { flags: TCP_RST }, 0.2);
    }
    assertEquals(found(traffic), []);
  });
}

Deno.test("25 streams of datagrams that nobody answers", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 25; i++) {
    for (let k = 0; k < 20; k++) {
      const [sourcePort, port] = [40_000 + i, 5000 + 2 * i];
      const one = ends({ sourcePort, port, time: i + k * 500 });
      traffic.probe("udp", "silent", one);
    }
  }
  assertEquals(found(traffic), []);
});

Deno.test("a player asks 60 servers at two ports, of which a third is gone", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 60; i++) {
    for (const port of [27_015, 27_016]) {
      const host = address("203.0", i * 37);
      const one = ends({ host, port, time: i * 40, delay: 30 });
      traffic.probe("udp", i % 3 === 0 ? "silent" : "open", one);
    }
  }
  assertEquals(found(traffic), []);
});

Deno.test("a slow UDP scan that is refused, with a SYN after every second port", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 60).entries()) {
    const time = i * 4 * SECOND;
    traffic.probe("udp", "refused", ends({ port, time }));
    if (i % 2 === 1) traffic.probe("syn", "silent", ends({ time: time + 10 }));
  }
  assertEquals(found(traffic), [`${SCANNER} udp`]);
});

Deno.test("a UDP scan that nobody answers asks each port twice", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 60).entries()) {
    const one = ends({ port, time: i * 20 });
    traffic.probe("udp", "silent", one);
    traffic.probe("udp", "silent", { ...one, time: one.time + SECOND });
  }
  assertEquals(found(traffic).length, 1);
});

Deno.test("a record full of silent ports, asked slowly, lets a fast scan in", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(20_000, 130).entries()) {
    traffic.probe("syn", "silent", ends({ port, time: i * 3200 }));
  }
  for (const [i, port] of portsFrom(1, 100).entries()) {
    const time = 131 * 3200 + i * 20;
    traffic.probe("syn", "silent", ends({ port, time }));
  }
  assertEquals(found(traffic), [`${SCANNER} classic`]);
});

Deno.test("what waits to be judged is not forgotten when its source has paused", () => {
  const traffic = new Traffic();
  const asks = (port: number, time: number, source = SCANNER) =>
    traffic.probe("syn", "silent", ends({ source, port, time }));
  for (const port of portsFrom(1, 6)) asks(port, 0);
  asks(20_000, 1500);
  asks(7, 2900); // a scan, which is judged three seconds later
  for (const port of [1, 2]) asks(port, 3400); // again: not decided by then
  // What is judged again then comes behind these.
  for (const port of portsFrom(31, 7)) asks(port, 5895, "198.51.100.9");
  asks(20_000, 5910, "198.51.100.10");
  asks(20_001, 6410);
  assertEquals(found(traffic).includes(`${SCANNER} classic`), true);
});

/** Connections to many hosts, some of which are dead. */
function connections(
  count: number,
  fate: (i: number) => Fate,
  { port = (_i: number): number => 443, gap = 60 } = {},
): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i < count; i++) {
    const one = ends({
      ...{ host: address("203.0", i * 37), port: port(i) },
      ...{ sourcePort: 40_000 + i, time: i * gap, delay: 20 },
    });
    if (fate(i) === "open") traffic.connect(one);
    else if (fate(i) === "refused") traffic.refuse(one);
    else {
      for (const wait of [0, 1000, 3000]) {
        traffic.receive(one, { flags: TCP_SYN, sequence: i }, wait);
      }
    }
  }
  return traffic;
}

for (
  const [what, traffic] of Object.entries({
    "a browser asks 200 sites, of which 10 refuse": connections(
      200,
      (i) => i < 10 ? "refused" : "open",
    ),
    "a page has the parts of 49 sites, of which half are blocked": connections(
      49,
      (i) => i % 2 === 0 ? "silent" : "open",
    ),
    "a page has the parts of 49 sites, and IPv6 is broken": connections(
      49,
      () => "silent",
    ),
    "a line breaks while a browser asks 60 sites": connections(
      60,
      (i) => i < 30 ? "open" : "silent",
    ),
    "a mail server meets dead hosts, and some that refuse": connections(
      400,
      (i) => i % 5 === 0 ? "silent" : i % 7 === 0 ? "refused" : "open",
      { port: () => 25, gap: 200 },
    ),
    "a file sharing program meets 300 peers by TCP, most of which are gone":
      connections(
        300,
        (i) => i % 4 === 0 ? "open" : i % 4 === 1 ? "refused" : "silent",
        { port: (i) => 1024 + i * 97 % 60_000, gap: 100 },
      ),
    "a node meets 300 others at one port, of which most are gone": connections(
      300,
      (i) => i % 5 < 2 ? "open" : "silent",
      { port: () => 8333, gap: 400 },
    ),
  })
) {
  Deno.test(what, () => assertEquals(found(traffic), []));
}

Deno.test("one port of 60 hosts that refuse, and two that answer", () => {
  const fate = (i: number): Fate => i % 30 === 0 ? "open" : "refused";
  const options = { port: () => 445, gap: 20 };
  assertEquals(found(connections(60, fate, options)).length, 1);
});

Deno.test("three ports of 30 hosts that do not answer", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 90; i++) {
    const port = [22, 80, 443][Math.floor(i / 30)];
    const host = address("203.0", i % 30);
    traffic.probe("syn", "silent", ends({ host, port, time: i * 20 }));
  }
  assertEquals(found(traffic).length, 1);
});

Deno.test("a scan is found by refusals alone, where only they were captured", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 50).entries()) {
    const refusal = { flags: TCP_RST | TCP_ACK, sequence: 0 };
    traffic.send(ends({ port, time: i * 20 }), refusal);
  }
  assertEquals(found(traffic), [`${SCANNER} refusals`]);
});

Deno.test("what is refused to a source that no host takes is no scan", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 50).entries()) {
    const refusal = { flags: TCP_RST | TCP_ACK, sequence: 0 };
    const one = ends({ source: "0.0.0.7", port, time: i * 20 });
    traffic.send(one, refusal);
  }
  assertEquals(found(traffic), []);
});

Deno.test("one client's half of the connections, beside both halves of another", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 40; i++) {
    const port = 30_000 + i;
    traffic.connect(ends({ source: "192.0.2.9", port, time: i * 50 }));
    const one = ends({ port, sourcePort: 52_000 + i, time: i * 50 });
    traffic.receive({ ...one, port: port + 100 }, { sequence: 1 });
    const rest = { flags: TCP_ACK, sequence: 2 };
    traffic.receive({ ...one, port: port + 100 }, rest, 20);
  }
  assertEquals(found(traffic), []);
});

Deno.test("where the answer was lost, what follows it proves the port open", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 40; i++) {
    const one = ends({ port: 7020 + i, sourcePort: 35_000 + i, time: i * 50 });
    traffic.receive(one, { flags: TCP_SYN, sequence: 1 });
    traffic.send(one, { flags: TCP_ACK | TCP_FIN }, 40);
  }
  assertEquals(found(traffic), []);
});
