/** Scans amid floods of forged sources: they must be named all the same. */

import { Detector, formatReport, Segment } from "../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
} from "../../library/packet.ts";
import { assertGreater, assertLessOrEqual } from "../assert.ts";
import { seeded } from "../random.ts";
import { START } from "../watch.ts";
import { HOST, SCANNER, SECOND } from "./traffic.ts";

/** A host that drops or refuses, and a flood of SYNs to it. */
class FloodedHost {
  isNamed = false;
  readonly #detector: Detector;
  readonly #random = seeded(7);
  readonly #forged = Segment.from({
    ...{ source: "203.0.113.1", destination: HOST, flags: TCP_SYN },
    ...{ sourcePort: 1, destinationPort: 1, time: START },
    direction: DIRECTION_IN,
  });

  readonly #answer = new Segment();

  /**
   * @param refuses Whether the host refuses what comes.
   * @param ports The forged sources probe ports from 1 to this one.
   */
  constructor(readonly refuses: boolean, readonly ports: number) {
    this.#detector = new Detector((report) => {
      const line = formatReport(report, { utc: true });
      this.isNamed ||= line.includes(SCANNER);
    }, { random: seeded(1) });
  }

  /** Forged sources, each with so many ports, spread over a time. */
  flood(sources: number, ports: number, from: number, length: number): void {
    const forged = this.#forged;
    for (let i = 0; i < sources; i++) {
      forged.source3 = this.#random() | 0x60000000;
      const time = START + from + length * i / sources;
      forged.time = forged.wallTime = time;
      forged.sourcePort = 1024 + (this.#random() & 0x7fff);
      for (let port = 0; port < ports; port++) {
        forged.destinationPort = 1 + this.#random() % this.ports;
        forged.sequence = this.#random() | 0;
        this.#receive(forged);
      }
    }
  }

  /** The scanner's `index`th probe. */
  probe(index: number, time: number): void {
    this.#receive(Segment.from({
      source: SCANNER,
      destination: HOST,
      sourcePort: 50_000,
      destinationPort: 2_000 + index,
      flags: TCP_SYN,
      sequence: 99,
      direction: DIRECTION_IN,
      time: START + time,
    }));
  }

  #receive(segment: Segment): void {
    const answer = this.#answer;
    answer.assign(segment);
    this.#detector.segment(segment);
    if (!this.refuses) return;
    answer.reverse();
    answer.acknowledgement = (answer.sequence + 1) | 0;
    answer.sequence = 0;
    answer.flags = TCP_RST | TCP_ACK;
    answer.direction = DIRECTION_OUT;
    this.#detector.segment(answer);
  }
}

/** After how many probes the scanner is named; Infinity: not within `most`. */
function probesUntilNamed(
  host: FloodedHost,
  most: number,
  round: (index: number) => void,
): number {
  for (let index = 0; index < most; index++) {
    round(index);
    if (host.isNamed) return index + 1;
  }
  return Infinity;
}

for (const refuses of [false, true]) {
  const how = refuses ? "refuses" : "drops";
  for (const ports of [1023, 65_535]) {
    Deno.test(`one port each 0.5 s amid 50,000 forged packets a second, two a source, to ports up to ${ports}; the host ${how}`, () => {
      const host = new FloodedHost(refuses, ports);
      host.flood(100_000, 2, -4 * SECOND, 4 * SECOND);
      const probes = probesUntilNamed(host, 300, (index) => {
        const time = index * SECOND / 2;
        host.probe(index, time);
        host.flood(12_500, 2, time, SECOND / 2);
      });
      assertLessOrEqual(probes, 300);
    });
  }

  Deno.test(`one port a minute amid 80 forged sources a second, six ports each; the host ${how}`, () => {
    const host = new FloodedHost(refuses, 65_535);
    // So many that every place is taken by one of them.
    host.flood(170_000, 6, -85 * SECOND, 85 * SECOND);
    const probes = probesUntilNamed(host, 300, (index) => {
      const time = index * 60 * SECOND;
      host.probe(index, time);
      host.flood(80 * 60, 6, time, 60 * SECOND);
    });
    assertLessOrEqual(probes, 300);
  });
}

Deno.test("whoever has to go is counted", () => {
  const forged = Segment.from({
    ...{ source: "203.0.113.1", destination: HOST, flags: TCP_SYN },
    ...{ sourcePort: 1, destinationPort: 1, time: START },
    direction: DIRECTION_IN,
  });
  const options = { random: seeded(1), sources: 16 };
  const detector = new Detector(() => {}, options);
  for (let i = 0; i < 100; i++) {
    forged.source3++;
    for (forged.destinationPort = 1; forged.destinationPort < 4;) {
      detector.segment(forged);
      forged.destinationPort++;
    }
  }
  assertGreater(detector.evicted, 80);
});
