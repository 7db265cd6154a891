/** Scans with decoys, however they are sent: one event, and no decoy is named. */

import type { Decoys, DetectorOptions } from "../../../mod.ts";
import { RecordTable } from "../../../detect/table/records.ts";
import {
  DIRECTION_OUT,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
} from "../../../library/packet.ts";
import { assertEquals, assertLess } from "../../assert.ts";
import { DESTINATION, SOURCE_PORT } from "../../packets.ts";
import { seeded, shuffled } from "../../random.ts";
import { portsFrom, START } from "../../watch.ts";
import { peers, PeersWatch } from "../probe/peers.ts";

const SECOND = 1000;
/** Who really scans. */
const SCANNER = "203.0.113.1";

/** How a scan with decoys is sent. */
interface Rounds {
  decoys: readonly string[];
  ports: readonly number[];
  /** From a round to the next, in milliseconds. */
  pause: number;
  /** When the first one begins [0]. */
  from?: number;
  /** How many of a hundred probes are lost [0]. */
  loss?: number;
  /** How much later than others a probe of a round may come [0]. */
  shift?: number;
  /** Other hosts that are asked as well, one after the other. */
  hosts?: readonly string[];
  scanner?: string;
  sequence?: number;
  seed?: number;
}

/** What a refusal needs to know of a SYN. */
interface Syn {
  source: string;
  destinationPort: number;
  sequence: number;
  time: number;
}

/** A host that is scanned with decoys. */
class DecoysWatch extends PeersWatch {
  constructor(options: DetectorOptions = {}) {
    super({ sources: 16_384, ...options });
  }

  /** Sends rounds, in each of which all probe the same port. */
  rounds(
    {
      decoys,
      ports,
      pause,
      from = 0,
      loss = 0,
      shift = 0,
      hosts = [DESTINATION],
      scanner = SCANNER,
      sequence = 77,
      seed = 1,
    }: Rounds,
  ): void {
    const random = seeded(seed);
    const sources = [...decoys, scanner];
    const gap = Math.min(pause / 2, 400) / sources.length;
    let time = from;
    for (const destinationPort of ports) {
      for (const destination of hosts) {
        const probes = shuffled(random, sources).map((source, i) => ({
          ...{ source, destination, destinationPort, sequence, window: 1024 },
          time: time + i * gap + shift * (random() / 2 ** 32),
        }));
        for (const probe of probes.sort((a, b) => a.time - b.time)) {
          if (random() / 2 ** 32 < loss / 100) continue;
          this.detector.advance(START + probe.time);
          this.receive(probe);
        }
        time += pause;
      }
    }
  }

  /** A client connects to an open port of this host. */
  connect(source: string, time: number, destinationPort = 443): void {
    const [sourcePort, sequence] = [20_000 + time % 40_000, 9000 + time];
    this.receive({ source, sourcePort, destinationPort, sequence, time });
    this.send({
      ...{ source: DESTINATION, sourcePort: destinationPort },
      ...{ destination: source, destinationPort: sourcePort },
      ...{ flags: TCP_SYN | TCP_ACK, direction: DIRECTION_OUT },
      ...{ sequence: 1000, acknowledgement: sequence + 1, time: time + 1 },
    });
  }

  /** This host refuses a SYN. */
  refuse({ source, destinationPort, sequence, time }: Syn): void {
    this.send({
      ...{ source: DESTINATION, sourcePort: destinationPort },
      ...{ destination: source, destinationPort: SOURCE_PORT },
      ...{ flags: TCP_RST | TCP_ACK, direction: DIRECTION_OUT },
      ...{ acknowledgement: sequence + 1, time },
    });
  }

  /** Time goes by without packets. */
  wait(until: number): void {
    this.detector.advance(START + until);
    this.detector.advance(START + until);
  }

  get groups(): Decoys[] {
    return this.reports.filter((report) => report.type === "decoys");
  }

  /** How many sources the groups had, and who was named alone. */
  get told(): [number[], string[]] {
    this.detector.finish();
    return [this.groups.map(({ sources }) => sources), this.sources];
  }
}

for (const count of [1, 31, 130, 300, 1100, 5000]) {
  for (const pause of [10, 500, 20 * SECOND]) {
    Deno.test(`${count} decoys, a port each ${pause} ms: one event, nobody alone`, () => {
      const host = new DecoysWatch();
      host.rounds({ decoys: peers(count), ports: portsFrom(20, 30), pause });
      assertEquals(host.told, [[count + 1], []]);
      assertEquals(host.groups[0].names.length, Math.min(count + 1, 128));
    });
  }
}

for (const loss of [10, 20, 30]) {
  for (const [count, pause] of [[3, 20], [31, 20], [31, 20 * SECOND]]) {
    Deno.test(`${count} decoys each ${pause} ms, ${loss} % are lost`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        const host = new DecoysWatch();
        const ports = portsFrom(20, 60);
        host.rounds({ decoys: peers(count), ports, pause, loss, seed });
        assertEquals(host.told, [[count + 1], []], `seed ${seed}`);
      }
    });
  }
}

Deno.test("a single decoy, a tenth of all probes is lost, however slow", () => {
  for (const pause of [20, 20 * SECOND]) {
    for (let seed = 1; seed <= 20; seed++) {
      const host = new DecoysWatch();
      const ports = portsFrom(20, 60);
      host.rounds({ decoys: peers(1), ports, pause, loss: 10, seed });
      assertEquals(host.told, [[2], []], `seed ${seed}`);
    }
  }
});

Deno.test("probes that come up to 0.9 s apart are the same round's", () => {
  const host = new DecoysWatch();
  const ports = portsFrom(20, 60);
  host.rounds({ decoys: peers(5), ports, pause: SECOND, shift: 900 });
  assertEquals(host.told, [[6], []]);
});

Deno.test("decoys at several hosts, whoever comes first in a round", () => {
  const hosts = Array.from({ length: 40 }, (_, i) => `198.51.100.${i + 1}`);
  for (let seed = 1; seed <= 5; seed++) {
    const host = new DecoysWatch();
    host.rounds({
      ...{ decoys: peers(5), ports: [22, 23], pause: 30, hosts, seed },
    });
    assertEquals(host.told, [[6], []]);
  }
});

Deno.test("decoys of other /64s", () => {
  const [scanner, ...decoys] = Array.from(
    { length: 40 },
    (_, i) => `2001:db8:0:${i.toString(16)}::1`,
  );
  const host = new DecoysWatch();
  const ports = portsFrom(20, 60);
  const hosts = ["2001:db8:1::2"];
  host.rounds({ decoys, ports, pause: 20, hosts, scanner });
  assertEquals(host.told, [[40], []]);
});

Deno.test("as many scans with decoys at a time as there may be", () => {
  const host = new DecoysWatch({ logBurst: 0 });
  const count = 100;
  const groups = Array.from({ length: count }, (_, i) => ({
    decoys: peers(3, `198.${i}`),
    scanner: `203.0.113.${i}`,
    sequence: 1000 + i,
  }));
  for (const [round, port] of portsFrom(20, 30).entries()) {
    for (const group of groups) {
      host.rounds({ ...group, ports: [port], pause: 0, from: round * 50 });
    }
  }
  const [sizes, alone] = host.told;
  assertEquals([sizes.length, alone], [count, []]);
  assertEquals(new Set(sizes), new Set([4]));
});

for (const own of [2, 5, 20, 25, 31]) {
  Deno.test(`who sends ${own} probes of its own to each that is shared is named, and no decoy`, () => {
    for (const decoys of [peers(1), peers(3)]) {
      const host = new DecoysWatch();
      for (let i = 0, time = 0; i < 60; i++) {
        const port = 1000 + i * (own + 1);
        host.rounds({ decoys, ports: [port], pause: 4, from: time });
        time += 10;
        for (const ports = portsFrom(port + 1, own); ports.length > 0;) {
          const destinationPort = ports.pop();
          host.receive({ source: SCANNER, destinationPort, sequence: 9, time });
          time += 10;
        }
      }
      assertEquals(host.told, [[decoys.length + 1], [SCANNER]]);
    }
  });
}

Deno.test("who goes on alone is named, even if it leaves before its group is told", () => {
  const host = new DecoysWatch();
  host.rounds({ decoys: peers(3), ports: portsFrom(20, 10), pause: 20 });
  host.probeTogether([SCANNER], 300, portsFrom(100, 40));
  assertEquals(host.told, [[4], [SCANNER]]);
});

Deno.test("who is likely gets no further line, and neither does its one decoy", () => {
  for (const decoys of [peers(1), peers(5)]) {
    const host = new DecoysWatch();
    for (let i = 0; i < 40; i++) {
      const [port] = portsFrom(500 + 5 * i, 5);
      const ports = portsFrom(port, 5);
      host.rounds({ decoys, ports, pause: 40, from: i * 250 });
      host.verify(SCANNER, i * 250 + 240);
    }
    assertEquals(host.told, [[decoys.length + 1], []]);
    assertEquals(host.groups[0].likely, SCANNER);
  }
});

Deno.test("a decoy of others that scans later is named, alone", () => {
  for (const pause of [10, 5 * SECOND]) {
    const host = new DecoysWatch();
    const decoys = peers(3);
    host.rounds({ decoys, ports: portsFrom(20, 30), pause: 30 });
    host.probeTogether([decoys[1]], 900 + pause, portsFrom(100, 60));
    assertEquals(host.told, [[4], [decoys[1]]]);
  }
});

Deno.test("who was counted long ago cannot scan with others unseen", () => {
  for (const early of [1, 3, 6]) {
    const host = new DecoysWatch();
    const [forged, decoy, ...others] = peers(3);
    const all = [forged, decoy, ...others, SCANNER];
    const scan = { ports: portsFrom(20, 30), pause: 20 };
    host.probeTogether(all, 0, portsFrom(500, early));
    host.rounds({ ...scan, decoys: others, scanner: forged, from: 50 });
    host.wait(60 * SECOND);
    host.rounds({ ...scan, decoys: [decoy], from: 60 * SECOND });
    assertEquals(host.told, [[4, 4], []]);
  }
});

Deno.test("a client that connects all the time is not named for its own connections", () => {
  const host = new DecoysWatch();
  const decoys = peers(3);
  const [, client] = decoys;
  for (let i = 0; i < 100; i++) host.connect(client, i * 50);
  for (let i = 100; i < 400; i++) {
    const ports = portsFrom(500 + i, 1);
    if (i < 300) host.rounds({ decoys, ports, pause: 10, from: i * 50 + 10 });
    host.connect(client, i * 50);
  }
  assertEquals(host.told, [[4], []]);
});

Deno.test("two infected hosts that scan the same ports are two scanners", () => {
  const [one, two] = peers(2, "203.0");
  const host = new DecoysWatch();
  for (const [i, destinationPort] of portsFrom(20, 60).entries()) {
    const probe = { destinationPort, window: 1024 };
    host.receive({ ...probe, source: one, sequence: 500 + i, time: i * 30 });
    host.receive({ ...probe, source: two, sequence: 900 + i, time: i * 30 });
  }
  assertEquals(host.told, [[], [one, two]]);
});

Deno.test("who goes on in lockstep once the flood limit kept it back is told as one", () => {
  const host = new DecoysWatch();
  for (const [i, source] of peers(6, "203.0").entries()) {
    host.scanAlone(source, i * 10);
  }
  const ports = portsFrom(20, 300);
  host.rounds({ decoys: peers(10), ports, pause: 200, from: 100 });
  host.wait(120 * SECOND);
  const [groups, alone] = host.told;
  assertEquals(groups, [11]);
  assertEquals(alone, peers(5, "203.0"));
  assertEquals(
    host.lines.filter((line) => line.includes("not logged")),
    ["1 port scan of 1 source not logged: 203.0.0.5"],
  );
});

Deno.test("of a group that was kept back each source counts once", () => {
  const host = new DecoysWatch();
  const flood = peers(6, "203.0");
  for (const [i, source] of flood.entries()) host.scanAlone(source, i * 10);
  const ports = portsFrom(20, 20);
  host.rounds({ decoys: peers(1100), ports, pause: 500, from: 100 });
  host.wait(60 * SECOND);
  host.detector.finish();
  const [unlogged] = host.reports.filter(({ type }) => type === "unlogged");
  assertEquals(unlogged.type === "unlogged" && unlogged.sources, 1102);
});

Deno.test("a member's probes are not described one by one, nor are those it repeats", () => {
  const host = new DecoysWatch();
  host.rounds({ decoys: peers(3), ports: portsFrom(20, 10), pause: 20 });
  const { copyFirst } = RecordTable.prototype;
  let described = 0;
  RecordTable.prototype.copyFirst = function (...values): void {
    described++;
    copyFirst.apply(this, values);
  };
  try {
    for (let i = 0; i < 1000; i++) {
      const ports = [200 + (i >>> 5)];
      host.rounds({ decoys: peers(3), ports, pause: 2, from: 200 + i * 2 });
    }
  } finally {
    RecordTable.prototype.copyFirst = copyFirst;
  }
  assertLess(described, 10);
  assertEquals(host.told, [[4], []]);
});

Deno.test("a client of many ports is not named for its own connections", () => {
  const host = new DecoysWatch();
  const decoys = peers(3);
  for (const [i, port] of portsFrom(2000, 20).entries()) {
    host.connect(decoys[1], i * 100, port);
  }
  host.rounds({ decoys, ports: portsFrom(20, 12), pause: 20, from: 2500 });
  assertEquals(host.told, [[4], []]);
});

Deno.test("a client whose connection others copy is not one of them", () => {
  const host = new DecoysWatch();
  const [client, ...decoys] = peers(4);
  host.rounds({ decoys, ports: portsFrom(20, 5), pause: 20 });
  host.connect(client, 110);
  for (const source of [...decoys, SCANNER]) {
    host.receive({
      ...{ source, sourcePort: 20_110, destinationPort: 443 },
      ...{ sequence: 9110, time: 112 },
    });
  }
  host.rounds({ decoys, ports: portsFrom(30, 25), pause: 20, from: 120 });
  assertEquals(host.told, [[4], []]);
  assertEquals(host.groups[0].names.includes(client), false);
});

Deno.test("nobody is likely who has made no scan", () => {
  const host = new DecoysWatch();
  const [innocent, ...decoys] = peers(4);
  host.verify(innocent, 0);
  host.rounds({ decoys, ports: portsFrom(20, 20), pause: 20, from: 10 });
  host.rounds({
    decoys: [...decoys, innocent],
    ports: [41, 42, 43],
    pause: 20,
    from: 410,
  });
  host.rounds({ decoys, ports: portsFrom(50, 10), pause: 20, from: 480 });
  assertEquals(host.told, [[5], []]);
  assertEquals(host.groups[0].likely, undefined);
});

Deno.test("a slow group hides no fast scan that it makes afterwards", () => {
  for (const later of [10, 60, 200]) {
    const host = new DecoysWatch();
    const scan = { decoys: peers(3), ports: portsFrom(20, 15) };
    host.rounds({ ...scan, pause: 20 * SECOND });
    const from = (300 + later) * SECOND;
    const ports = portsFrom(500, 40);
    host.rounds({ ...scan, ports, pause: 20, from, sequence: 5 });
    assertEquals(host.told, [[4, 4], []], `${later} s later`);
  }
});

Deno.test("who probes a little with others again and again, and much alone, is named", () => {
  const host = new DecoysWatch();
  const [decoy] = peers(1);
  const probe = (
    source: string,
    sequence: number,
    port: number,
    at: number,
  ) => {
    const ends = { source, destinationPort: port, time: at };
    host.receive({ ...ends, sequence, window: 1024 });
    host.refuse({ ...ends, sequence });
  };
  for (let batch = 0; batch < 20; batch++) {
    const start = batch * 3700;
    for (const [i, port] of portsFrom(20 + batch * 31, 31).entries()) {
      const [sequence, time] = [100 + batch, start + i * 5];
      if (i < 3) probe(decoy, sequence, port, time);
      probe(SCANNER, sequence, port, time + 1);
    }
  }
  host.detector.finish();
  assertEquals([...new Set(host.sources)], [SCANNER]);
});

Deno.test("scans of a group that was kept back before count each", () => {
  const host = new DecoysWatch({ logDelay: 600 * SECOND });
  for (const [i, source] of peers(6, "203.0").entries()) {
    host.scanAlone(source, i * 10);
  }
  const decoys = peers(10);
  for (let i = 0; i < 5; i++) {
    const ports = portsFrom(20 + 30 * i, 20);
    host.rounds({ decoys, ports, pause: 50, from: 100 + i * 30 * SECOND });
    host.wait(90 + i * 30 * SECOND + 20 * SECOND);
  }
  host.detector.finish();
  const { scans } = host.detector.counters;
  assertEquals(scans, 6 + 5);
  assertEquals(host.groups, []);
});
