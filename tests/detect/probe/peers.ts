/**
 * Peers of a watched host: some scan it, some prove that they are real.
 *
 * @module
 */

import {
  DIRECTION_OUT,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from "../../../library/packet.ts";
import { DESTINATION, SOURCE_PORT } from "../../packets.ts";
import { HostWatch, SEVEN } from "../../watch.ts";

/** A port that no scan here goes to. */
const SERVICE = 443;
/** The sequence number of the host's SYN|ACKs. */
const SEQUENCE = 1000;

/** A host and its peers. */
export class PeersWatch extends HostWatch {
  /** Each source sends the same probe to each port, in rounds of 5 ms. */
  probeTogether(
    sources: readonly string[],
    time: number,
    ports: readonly number[] = SEVEN,
  ): void {
    for (const [round, destinationPort] of ports.entries()) {
      for (const source of sources) {
        this.receive({
          ...{ source, destinationPort, time: time + round * 5 },
          sequence: 500 + destinationPort,
          window: 1024,
        });
      }
    }
  }

  /** One source scans, by probes that are like no others. */
  scanAlone(source: string, time: number): void {
    for (const [round, destinationPort] of SEVEN.entries()) {
      this.receive({ source, destinationPort, time: time + round });
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
