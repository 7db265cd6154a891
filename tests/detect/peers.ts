/**
 * Peers of a watched host: some scan it, some prove that they are real.
 *
 * @module
 */

import {
  DIRECTION_IN,
  DIRECTION_OUT,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from "../../mod.ts";
import { DESTINATION, SOURCE_PORT } from "../packets.ts";
import { SEVEN, Watch } from "../watch.ts";

/** A port that no scan here goes to. */
const SERVICE = 443;
/** The sequence number of the host's SYN|ACKs. */
const SEQUENCE = 1000;

/** A host that sees what comes in, and what it sends. */
export class PeersWatch extends Watch {
  constructor(options = {}) {
    super({ classic: false, ...options });
  }

  /** Each source sends the same probe to each port, in rounds of 5 ms. */
  probeTogether(
    sources: readonly string[],
    time: number,
    ports: readonly number[] = SEVEN,
  ): void {
    for (const [round, destinationPort] of ports.entries()) {
      for (const source of sources) {
        const probe = { sequence: 500 + destinationPort, window: 1024 };
        this.receive({ source, destinationPort, ...probe, time }, round * 5);
      }
    }
  }

  /** One source scans, by probes that are like no others. */
  scanAlone(source: string, time: number): void {
    for (const [round, destinationPort] of SEVEN.entries()) {
      this.receive({ source, destinationPort, time }, round);
    }
  }

  /** A source connects, and closes the connection: it is verified. */
  verify(source: string, time: number): void {
    this.#accept(source, time);
    this.receive({
      ...{ source, destinationPort: SERVICE, time },
      flags: TCP_FIN | TCP_ACK,
      acknowledgement: SEQUENCE + 1,
    });
  }

  /** A source refuses the host's SYN|ACK: it has answered. */
  answer(source: string, time: number): void {
    this.#accept(source, time);
    this.receive({
      ...{ source, destinationPort: SERVICE, time },
      flags: TCP_RST,
      sequence: 78,
    });
  }

  #accept(source: string, time: number): void {
    this.receive({ source, destinationPort: SERVICE, sequence: 77, time });
    this.send({
      source: DESTINATION,
      sourcePort: SERVICE,
      destination: source,
      destinationPort: SOURCE_PORT,
      flags: TCP_SYN | TCP_ACK,
      sequence: SEQUENCE,
      acknowledgement: 78,
      direction: DIRECTION_OUT,
      time,
    });
  }

  /** A segment comes in. */
  receive(probe: Parameters<Watch["send"]>[0], later = 0): void {
    const time = (probe.time ?? 0) + later;
    this.send({ direction: DIRECTION_IN, ...probe, time });
  }

  /** The sources of the scans that were told, each in a line of its own. */
  get sources(): string[] {
    return this.scans.map(({ source }) => source);
  }
}

/** Different addresses. */
export function peers(count: number, network = "198.18"): string[] {
  return Array.from(
    { length: count },
    (_, i) => `${network}.${i >>> 8}.${i & 0xff}`,
  );
}
