/** Ways round the rules that were tried from outside, and must not work. */

import { emptyPortTimes } from "../../detect/probe/port_memory.ts";
import { Detector, PortMemory, Segment } from "../../mod.ts";
import {
  PROTOCOL_UDP,
  TCP_ACK,
  TCP_PSH,
  TCP_SYN,
} from "../../library/packet.ts";
import { assertEquals } from "../assert.ts";
import { START } from "../packets.ts";
import { portsFrom, SEVEN } from "../watch.ts";
import {
  address,
  ends,
  HOST,
  hosts,
  HOUR,
  MINUTE,
  SCANNER,
  SECOND,
  Traffic,
  watch,
} from "./traffic.ts";

const HOME = { home: hosts("198.51.0.0/16") };
/** Whose hosts are scanned is known by their network, or as the watched host. */
const KNOWN = { home: HOME, local: { local: hosts(HOST) } };

/** Ports of the host, asked by SYN. */
function scan(fate: "refused" | "silent", count: number, init = {}): Traffic {
  const traffic = new Traffic();
  const first = ends(init);
  for (const [i, port] of portsFrom(1000, count).entries()) {
    traffic.probe("syn", fate, { ...first, port, time: first.time + i });
  }
  return traffic;
}

Deno.test("a neighbour in the same network shares nothing with who scans slowly", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(1, 80).entries()) {
    traffic.probe("syn", "refused", ends({ port, time: i * 10 * SECOND }));
  }
  for (let i = 0; i < 20; i++) {
    const [source, time] = ["192.0.2.9", i * 30 * SECOND + 7];
    traffic.connect(ends({ source, port: 443, sourcePort: 40_000 + i, time }));
  }
  const { decisions } = watch(traffic, HOME);
  assertEquals([...decisions], [`${SCANNER} slow`]);
});

Deno.test("devices that answered by UDP and fall silent are no scanned ones", () => {
  const traffic = new Traffic();
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 30; i++) {
      const time = round * MINUTE + i * 50;
      const host = address("198.51", 256 + i);
      const fate = round > 4 && i < 10 ? "silent" : "open";
      traffic.probe("udp", fate, ends({ host, port: 161, time }));
    }
  }
  assertEquals([...watch(traffic, HOME).decisions], []);
});

Deno.test("a record that its source has filled lets refused ports in", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 128; i++) {
    const host = address("198.51", 1000 + i);
    traffic.probe("fin", "open", ends({ host, port: 80, time: i * 0.1 }));
  }
  traffic.add(scan("refused", 1000, { time: 20 }));
  for (let i = 0; i < 128; i++) {
    const host = address("198.51", 1000 + i);
    const [sourcePort, time] = [41_000 + i, 1500 + i * 0.1];
    traffic.connect(ends({ host, port: 80, sourcePort, time }));
  }
  assertEquals([...watch(traffic, HOME).decisions], [`${SCANNER} refusals`]);
});

Deno.test("one lost SYN-ACK makes no capture of one direction for good", () => {
  const traffic = new Traffic();
  const lost = ends({ source: "192.0.2.7", port: 80 });
  traffic.receive(lost, { flags: TCP_SYN, sequence: 5 });
  traffic.receive(lost, { flags: TCP_ACK, sequence: 6 }, 1);
  for (let i = 0; i < 50; i++) {
    const [sourcePort, time] = [30_000 + i, SECOND + i * 2 * SECOND];
    traffic.connect(ends({ source: "192.0.2.8", port: 443, sourcePort, time }));
  }
  for (const [i, port] of portsFrom(1, 100).entries()) {
    const time = 5 * SECOND + i * 4 * SECOND;
    traffic.probe("syn", "silent", ends({ port, time }));
  }
  for (const { segment } of traffic.packets) segment.direction = 0;
  assertEquals([...watch(traffic, HOME).decisions], [`${SCANNER} slow`]);
});

Deno.test("an IPv6 address that ends in ff is no broadcast address", () => {
  const traffic = new Traffic();
  const [source, host] = ["2001:db8:1::7", "2001:db8:2::ff"];
  for (const [i, port] of portsFrom(1, 40).entries()) {
    const one = ends({ source, host, port, time: i * 20 });
    traffic.receive(one, { protocol: PROTOCOL_UDP, flags: 0 });
  }
  const home = hosts("2001:db8:2::/64");
  assertEquals(watch(traffic, { home }).decisions.size, 1);
});

Deno.test("packets a millisecond out of order are one scan", () => {
  let reports = 0;
  const detector = new Detector(() => reports++, HOME);
  for (const [i, destinationPort] of SEVEN.entries()) {
    const time = START + (i % 2 === 0 ? i + 2 : i);
    detector.segment(Segment.from({
      ...{ source: SCANNER, sourcePort: 50_000, destination: HOST },
      ...{ destinationPort, flags: TCP_SYN, time },
    }));
  }
  detector.finish();
  assertEquals(reports, 1);
});

for (const [name, options] of Object.entries(KNOWN)) {
  Deno.test(`a UDP scan of ports from which the host asked, with ${name}`, () => {
    const traffic = new Traffic();
    for (let i = 0; i < 100; i++) {
      const port = 2000 + i;
      const server = ends({
        source: "192.0.2.53",
        sourcePort: 53,
        port,
        time: i * SECOND,
      });
      traffic.send(server, { protocol: PROTOCOL_UDP, flags: 0 });
      traffic.probe("udp", "refused", ends({ port, time: HOUR + i * 20 }));
    }
    assertEquals(watch(traffic, options).decisions.size, 1);
  });
}

Deno.test("one scanner's half connections make no capture of one direction", () => {
  const traffic = new Traffic();
  const half = ends({ source: "203.0.113.99", port: 80 });
  for (const port of portsFrom(1, 9)) {
    traffic.receive({ ...half, port }, { flags: TCP_SYN, sequence: 5 });
    traffic.receive({ ...half, port }, { flags: TCP_ACK, sequence: 6 }, 1);
  }
  for (const [i, port] of portsFrom(1, 100).entries()) {
    const time = 5 * SECOND + i * 4 * SECOND;
    traffic.probe("syn", "silent", ends({ port, time }));
  }
  for (const { segment } of traffic.packets) segment.direction = 0;
  const { decisions } = watch(traffic, HOME);
  assertEquals(decisions.has(`${SCANNER} slow`), true);
});

/** A client whose connections to 12 services are older than what was seen. */
function restart(): Traffic {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(636, 12).entries()) {
    const one = ends({ port, sourcePort: 50_000 + i, time: i * 10 });
    traffic.send(one, { flags: TCP_ACK | TCP_PSH });
    traffic.refuse({ ...one, sourcePort: 51_000 + i, time: MINUTE + i * 10 });
  }
  return traffic;
}

for (const [name, options] of Object.entries(KNOWN)) {
  Deno.test(`services restart whose connections are older, with ${name}`, () => {
    assertEquals([...watch(restart(), options).decisions], []);
  });
}

Deno.test("services restart that the kernel has seen sending", () => {
  const times = emptyPortTimes();
  for (const port of portsFrom(636, 12)) times.ports[2 * port] = START / 1000;
  const portMemory = new PortMemory(times);
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(636, 12).entries()) {
    traffic.refuse(ends({ port, sourcePort: 51_000 + i, time: i * 10 }));
  }
  const options = { ...KNOWN.local, portMemory };
  assertEquals([...watch(traffic, options).decisions], []);
});

Deno.test("who connects all day scans another host for a second", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 600; i++) {
    traffic.connect(ends({ port: 443, time: i * 2 * SECOND }));
  }
  const host = "198.51.100.77";
  for (const [i, port] of portsFrom(100, 30).entries()) {
    const time = 800 * SECOND + 500 + i * 20;
    traffic.probe("syn", "refused", ends({ host, port, time }));
  }
  const [{ scan }] = watch(traffic, HOME).reports
    .flatMap((report) => report.type === "scan" ? [{ scan: report }] : []);
  assertEquals(
    [scan.destination, scan.otherDestinations, scan.ports[0]],
    [host, false, 100],
  );
});

Deno.test("hosts at home of which most answer, and ten are switched off", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 40; i++) {
    const host = address("198.51", 256 + i);
    const one = ends({ host, port: 445, sourcePort: 40_000 + i, time: i * 50 });
    if (i % 4 === 0) traffic.probe("syn", "silent", one);
    else traffic.connect(one);
  }
  assertEquals([...watch(traffic, HOME).decisions], []);
});

/** Sees who checks services once after so many seconds of uptime, then again. */
function atBoot(uptime: number, isUpLater: boolean): number {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(20, 30).entries()) {
    const first = ends({ port, time: uptime * SECOND + i - START });
    const later = { ...first, time: first.time + 8 * SECOND };
    traffic.refuse(first);
    if (isUpLater) traffic.connect({ ...later, sourcePort: 50_001 });
    else traffic.refuse(later);
  }
  return watch(traffic, KNOWN.local).decisions.size;
}

Deno.test("services that are on their way up when the host boots", () => {
  assertEquals(atBoot(5, true), 0);
  assertEquals(atBoot(5, false), 1);
  assertEquals(atBoot(70, true), 1);
});

/** A fast scan of a host that drops, after a record was filled with 130 targets. */
function filledThenScan(fill: Traffic): Traffic {
  const last = Math.max(...fill.packets.map(({ time }) => time));
  return fill.add(scan("silent", 200, { time: last + 10 * SECOND }));
}

Deno.test("silent ports fill a record where the capture sees one direction only", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 3; i++) {
    const half = ends({ source: `192.0.2.${10 + i}`, port: 443 });
    traffic.receive(half, { flags: TCP_SYN, sequence: 1 });
    traffic.receive(half, { flags: TCP_ACK, sequence: 2 }, 20);
  }
  for (const [i, port] of portsFrom(30_000, 130).entries()) {
    traffic.receive(ends({ port, time: i * 4 * SECOND }));
  }
  const { decisions } = watch(filledThenScan(traffic), HOME);
  assertEquals([...decisions], [`${SCANNER} classic`]);
});

Deno.test("segments with ACK to ports that are open fill a record", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 130; i++) {
    const host = address("198.51", 1000 + i);
    const client = { source: "192.0.2.9", sourcePort: 40_000 + i };
    traffic.connect(ends({ ...client, host, port: 443, time: i * 10 }));
    const time = HOUR + i * 4 * SECOND;
    traffic.probe("ack", "silent", ends({ host, port: 443, time }));
  }
  const { decisions } = watch(filledThenScan(traffic), HOME);
  assertEquals([...decisions], [`${SCANNER} classic`]);
});
