/**
 * How long segments with ACK wait: their sender may have lost its connections, as
 * a rebooted host's peers have, and connect anew.
 */

import { AddressSet } from "../../../mod.ts";
import {
  DIRECTION_OUT,
  TCP_ACK,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
} from "../../../library/packet.ts";
import { assertEquals } from "../../assert.ts";
import { DESTINATION, SOURCE, SOURCE_PORT } from "../../packets.ts";
import { HostWatch, portsFrom, SEVEN, START } from "../../watch.ts";

/** The wait for who connects anew. */
const GRACE = 3000;

class Host extends HostWatch {
  constructor() {
    super({ local: AddressSet.from([DESTINATION]) });
  }

  /** Segments come in that belong to no connection, from 0 ms on. */
  probe(ports: readonly number[], time: number): void {
    this.scan(ports, { direction: 1, flags: TCP_ACK, time });
  }

  /** The host sends something from a port. */
  answer(
    port: number,
    flags: number,
    time: number,
    destination = SOURCE,
  ): void {
    this.send({
      source: DESTINATION,
      destination,
      sourcePort: port,
      destinationPort: SOURCE_PORT,
      direction: DIRECTION_OUT,
      flags,
      time,
    });
  }

  /** The source connects to ports that it had lost. */
  renew(ports: readonly number[], time: number): void {
    for (const destinationPort of ports) {
      this.receive({ destinationPort, flags: TCP_SYN, time });
      this.answer(destinationPort, TCP_SYN | TCP_ACK, time);
    }
  }

  /** How many milliseconds after the start a scan is told, by a given time. */
  toldBy(time: number): number | undefined {
    for (let at = 0; at <= time; at++) {
      this.detector.advance(START + at);
      if (this.scans.length > 0) return at;
    }
    return undefined;
  }
}

/** nmap asks a host that drops for ten ports, and for more as it gives up. */
function probeAsNmap(host: Host, first: number): void {
  host.probe(portsFrom(first, 10), 0);
  host.probe(portsFrom(first + 10, 10), 1200);
  host.probe(portsFrom(first + 20, 10), 1400);
}

Deno.test("a scan is told once its first probes have waited, not its last", () => {
  const host = new Host();
  probeAsNmap(host, 10_000);
  assertEquals(host.toldBy(10_000), GRACE);
  assertEquals(host.scans.length, 1);
});

Deno.test("so it is where the host refuses six at once, and then one a second", () => {
  const host = new Host();
  host.probe(SEVEN, 0);
  for (const port of SEVEN.slice(0, 6)) host.answer(port, TCP_RST, 0);
  host.answer(SEVEN[6], TCP_RST, 1100);
  assertEquals(host.toldBy(10_000), GRACE);
});

Deno.test("who has waited least has waited for 250 ms", () => {
  const host = new Host();
  host.probe(portsFrom(10_000, 20), 0);
  host.probe([10_020], 2900);
  assertEquals(host.toldBy(10_000), 3150);
});

Deno.test("others that wait longer hold up nobody", () => {
  const host = new Host();
  host.probe(portsFrom(10_000, 20), 0);
  const source = "198.51.100.9";
  host.scan(portsFrom(10_000, 21), {
    ...{ source, direction: 1, flags: TCP_ACK, time: 2800 },
  });
  host.probe([10_020], 2900);
  assertEquals(host.toldBy(3150), 3150);
});

Deno.test("too few that wait in vain prove nothing: each waits for itself", () => {
  for (const [few, told] of [[6, 1400 + GRACE], [7, GRACE]]) {
    const host = new Host();
    host.probe(portsFrom(10_000, few), 0);
    host.probe(portsFrom(10_100, 21 - few), 1400);
    assertEquals(host.toldBy(10_000), told);
  }
});

Deno.test("what was in vain before a long pause proves nothing either", () => {
  const host = new Host();
  host.probe(portsFrom(10_000, 10), 0);
  const later = GRACE + 1;
  host.probe(portsFrom(10_100, 30), later);
  host.renew(portsFrom(10_100, 30), later + 2500);
  assertEquals(host.toldBy(20_000), undefined);
});

Deno.test("who renews one connection may renew them all", () => {
  const peers = [10_000, 10_010, 10_020].map((first) => portsFrom(first, 10));
  const host = new Host();
  for (const [i, ports] of peers.entries()) host.probe(ports, 1000 * i);
  host.renew(peers[0].slice(0, 1), 2999);
  for (const [i, ports] of peers.entries()) host.renew(ports, 2999 + 1000 * i);
  assertEquals(host.toldBy(20_000), undefined);
});

Deno.test("what others renew is renewed, too, and the rest waits", () => {
  const host = new Host();
  const source = "198.51.100.9";
  const renew = (ports: readonly number[], time: number) => {
    for (const port of ports) {
      host.receive({ source, destinationPort: port, time });
      host.answer(port, TCP_SYN | TCP_ACK, time, source);
    }
  };
  host.probe(portsFrom(10_000, 10), 0);
  host.probe(portsFrom(10_010, 21), 1400);
  renew([10_010], 2000);
  assertEquals(host.toldBy(4000), undefined);
  renew(portsFrom(10_011, 20), 4000);
  assertEquals(host.toldBy(20_000), undefined);
});

Deno.test("who gets answers elsewhere is a client, and its segments wait", () => {
  const host = new Host();
  probeAsNmap(host, 10_000);
  host.receive({ destinationPort: 443, flags: TCP_SYN, time: 1000 });
  host.answer(443, TCP_SYN | TCP_ACK, 1000);
  assertEquals(host.toldBy(10_000), 1400 + GRACE);
  const half = new Host();
  half.receive({ destinationPort: 443, flags: TCP_SYN, time: 0 });
  half.send({
    source: DESTINATION,
    destination: SOURCE,
    sourcePort: 443,
    destinationPort: SOURCE_PORT,
    direction: DIRECTION_OUT,
    flags: TCP_SYN | TCP_ACK,
    sequence: 700,
    acknowledgement: 1,
    time: 0,
  });
  half.receive({ destinationPort: 443, flags: TCP_RST, sequence: 1, time: 1 });
  probeAsNmap(half, 10_000);
  assertEquals(half.toldBy(10_000), GRACE);
});

Deno.test("pools of connections that a restarted host lost, used in turn", () => {
  const flags = TCP_ACK | TCP_PSH;
  for (const delay of [1, 100, 1000, 2000, 2900]) {
    for (const pause of [0, 20, 70, 140, 500]) {
      const host = new Host();
      const events = portsFrom(10_000, 40).flatMap((port, i) => [
        { port, time: i * pause, isNew: false },
        { port, time: i * pause + delay, isNew: true },
      ]).sort((a, b) => a.time - b.time);
      for (const { port, time, isNew } of events) {
        host.detector.advance(START + time);
        if (isNew) host.renew([port], time);
        else {
          host.receive({ destinationPort: port, flags, time });
          host.answer(port, TCP_RST, time);
        }
      }
      host.detector.advance(START + 60_000);
      assertEquals(host.scans, [], `${delay} ms, ${pause} ms`);
    }
  }
});
