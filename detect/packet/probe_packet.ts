/**
 * A probe that another host has judged, as a packet: so it goes through whatever
 * reads and merges files.
 *
 * @module
 */

import { DIRECTION_IN } from "./packet.ts";
import type { Segment } from "./segment.ts";

/** No file can have it: there, link types are no negative numbers. */
export const LINKTYPE_PROBE = -1;
/** How long such a packet is, in bytes. */
export const PROBE_BYTES = 40;

const SOURCE = 0;
const DESTINATION = 16;
const SOURCE_PORT = 32;
const DESTINATION_PORT = 34;
const PROTOCOL = 36;
const FLAGS = 37;
const TTL = 38;
const VERSION = 39;

/** Writes a probe; a source port or time to live that is not known is 0. */
export function writeProbe(view: DataView, at: number, s: Segment): void {
  view.setInt32(at + SOURCE, s.source0);
  view.setInt32(at + SOURCE + 4, s.source1);
  view.setInt32(at + SOURCE + 8, s.source2);
  view.setInt32(at + SOURCE + 12, s.source3);
  view.setInt32(at + DESTINATION, s.destination0);
  view.setInt32(at + DESTINATION + 4, s.destination1);
  view.setInt32(at + DESTINATION + 8, s.destination2);
  view.setInt32(at + DESTINATION + 12, s.destination3);
  view.setUint16(at + SOURCE_PORT, s.sourcePort);
  view.setUint16(at + DESTINATION_PORT, s.destinationPort);
  view.setUint8(at + PROTOCOL, s.protocol);
  view.setUint8(at + FLAGS, s.flags);
  view.setUint8(at + TTL, s.ttl);
  view.setUint8(at + VERSION, s.version);
}

/** Reads a probe, all but its times. */
export function readProbe(view: DataView, at: number, s: Segment): void {
  s.source0 = view.getInt32(at + SOURCE);
  s.source1 = view.getInt32(at + SOURCE + 4);
  s.source2 = view.getInt32(at + SOURCE + 8);
  s.source3 = view.getInt32(at + SOURCE + 12);
  s.destination0 = view.getInt32(at + DESTINATION);
  s.destination1 = view.getInt32(at + DESTINATION + 4);
  s.destination2 = view.getInt32(at + DESTINATION + 8);
  s.destination3 = view.getInt32(at + DESTINATION + 12);
  s.sourcePort = view.getUint16(at + SOURCE_PORT);
  s.destinationPort = view.getUint16(at + DESTINATION_PORT);
  s.protocol = view.getUint8(at + PROTOCOL);
  s.flags = view.getUint8(at + FLAGS);
  s.ttl = view.getUint8(at + TTL);
  s.version = view.getUint8(at + VERSION);
  s.sequence =
    s.acknowledgement =
    s.window =
    s.tos =
    s.datagramKind =
      0;
  s.direction = DIRECTION_IN;
  s.interfaceIndex = 0;
}
