/**
 * Probes of a fleet, as segments and as the packets that records become.
 *
 * @module
 */

import { Packet } from "../../detect/packet/packet.ts";
import {
  hostOfName,
  LINKTYPE_PROBE,
  PROBE_BYTES,
  readProbe,
  writeProbe,
} from "../../detect/packet/probe_packet.ts";
import { DIRECTION_IN, Segment } from "../../library/packet.ts";

/** The probe that a packet is. */
export function probeOf(packet: Packet): Segment {
  const segment = new Segment();
  readProbe(packet.view, packet.offset, segment);
  segment.time = packet.time;
  segment.wallTime = packet.wallTime;
  return segment;
}

/** The packet that a probe is which a host of some name has seen. */
export function packetOf(segment: Segment, host: string): Packet {
  const packet = new Packet();
  packet.view = new DataView(new ArrayBuffer(PROBE_BYTES));
  const name = new TextEncoder().encode(host);
  const number = hostOfName(name, 0, name.length);
  writeProbe(packet.view, 0, segment, number);
  packet.linkType = LINKTYPE_PROBE;
  packet.direction = DIRECTION_IN;
  packet.length = packet.originalLength = PROBE_BYTES;
  packet.time = segment.time;
  packet.wallTime = segment.wallTime;
  return packet;
}
