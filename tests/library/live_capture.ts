/**
 * What `tcpdump -i any -U -w -` would write: packets with their direction, a
 * file's header, and records to go on with.
 *
 * @module
 */

import { LINKTYPE_LINUX_SLL } from "../../library/packet.ts";
import {
  type Bytes,
  concat,
  cooked,
  DESTINATION,
  FILE_HEADER,
  type FileRecord,
  ipv4,
  pcap,
  SOURCE_PORT,
  START,
  tcp,
} from "../packets.ts";

/** sll_pkttype of what comes in and what goes out (linux/if_packet.h). */
const HOST = 0;
const OUTGOING = 4;
const IPV4 = Uint8Array.of(0x08, 0x00);

/** A packet, and when it was seen, in milliseconds from {@linkcode START} on. */
export type Seen = readonly [time: number, bytes: Bytes];

/** SYNs of a source to ports of our host, which no other source sends alike. */
export function asked(
  source: string,
  ports: readonly number[],
  time = 0,
  destination = DESTINATION,
): Seen[] {
  const sequence = 1000 + time;
  return ports.map((destinationPort) => [
    time,
    concat(
      cooked(HOST, IPV4),
      ipv4(tcp({ destinationPort, sequence }), { source, destination }),
    ),
  ]);
}

/** What our host says to each of them. */
export function answered(
  source: string,
  ports: readonly number[],
  flags: number,
  time = 0,
): Seen[] {
  return ports.map((sourcePort) => [
    time,
    concat(
      cooked(OUTGOING, IPV4),
      ipv4(
        tcp({
          sourcePort,
          destinationPort: SOURCE_PORT,
          flags,
          acknowledgement: 0x01020305,
        }),
        { source: DESTINATION, destination: source },
      ),
    ),
  ]);
}

/** A capture of these packets. */
export function capture(packets: readonly Seen[]): Bytes {
  const records = packets.map(([time, bytes]): FileRecord => {
    const at = START + time;
    const seconds = Math.floor(at / 1000);
    return { seconds, fraction: (at - seconds * 1000) * 1000, bytes };
  });
  const kind = { littleEndian: true, nanoseconds: false };
  return pcap({ ...kind, linkType: LINKTYPE_LINUX_SLL }, records);
}

/** The same without the file's header: how it goes on. */
export function records(packets: readonly Seen[]): Bytes {
  return capture(packets).slice(FILE_HEADER);
}
