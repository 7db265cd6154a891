/**
 * A detector under test: send it segments in words, read what it told.
 *
 * @module
 */

import {
  Detector,
  type DetectorOptions,
  formatReport,
  type Report,
  type Scan,
  Segment,
  type SegmentInit,
} from "../mod.ts";
import { DIRECTION_IN, TCP_SYN } from "../library/packet.ts";
import { DESTINATION, SOURCE, SOURCE_PORT, START } from "./packets.ts";
import { seeded } from "./random.ts";

export { START };

/** Seven privileged ports: a scan by default. */
export const SEVEN: readonly number[] = [21, 22, 23, 25, 53, 80, 111];

/** What differs from a SYN to port 22, `time` counting from {@linkcode START}. */
export type Probe = Partial<SegmentInit>;

/** A detector and its reports. */
export class Watch {
  readonly reports: Report[] = [];
  readonly detector: Detector;

  /**
   * Keys are fixed, so that a failure can be repeated. The classic rule alone
   * decides unless the options say otherwise: then a scan is told at once.
   */
  constructor(options: DetectorOptions = {}) {
    this.detector = new Detector(
      (report) => this.reports.push(report),
      { random: seeded(1), sources: 1024, classic: true, ...options },
    );
  }

  /** The scans that were told. */
  get scans(): Scan[] {
    return this.reports.filter((report) => report.type === "scan");
  }

  /** The lines that were told, in UTC. */
  get lines(): string[] {
    return this.reports.map((report) => formatReport(report, { utc: true }));
  }

  /** Sends one segment. */
  send(probe: Probe): void {
    this.detector.segment(Segment.from({
      source: SOURCE,
      destination: DESTINATION,
      sourcePort: SOURCE_PORT,
      destinationPort: 22,
      flags: TCP_SYN,
      ...probe,
      time: START + (probe.time ?? 0),
    }));
  }

  /** Sends a segment to each port, at one time unless told otherwise. */
  scan(ports: Iterable<number>, probe: Probe = {}, pause = 0): void {
    let time = probe.time ?? 0;
    for (const destinationPort of ports) {
      this.send({ ...probe, destinationPort, time });
      time += pause;
    }
  }
}

/** A host whose packets are seen in both directions, with all rules. */
export class HostWatch extends Watch {
  constructor(options: DetectorOptions = {}) {
    super({ classic: false, ...options });
  }

  /** A segment comes in. */
  receive(probe: Probe): void {
    this.send({ direction: DIRECTION_IN, ...probe });
  }
}

/** `count` ports from `first` on. */
export function portsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
