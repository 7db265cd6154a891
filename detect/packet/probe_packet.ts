/**
 * A probe that another host has judged, as a packet: so it goes through whatever
 * reads and merges files.
 *
 * @module
 */

import { spread } from "../hash.ts";
import { DIRECTION_IN } from "./packet.ts";
import type { Segment } from "./segment.ts";

/** No file can have it: there, link types are no negative numbers. */
export const LINKTYPE_PROBE = -1;
/** How long such a packet is, in bytes. */
export const PROBE_BYTES = 44;

const SOURCE = 0;
const DESTINATION = 16;
const SOURCE_PORT = 32;
const DESTINATION_PORT = 34;
const PROTOCOL = 36;
const FLAGS = 37;
const TTL = 38;
const VERSION = 39;
const HOST = 40;

/**
 * Writes a probe; a source port or time to live that is not known is 0.
 *
 * @param host Who has seen it: {@linkcode hostOfName} or {@linkcode hostOfAddress}.
 */
export function writeProbe(
  view: DataView,
  at: number,
  s: Segment,
  host: number,
): void {
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
  view.setInt32(at + HOST, host);
}

/** Who has seen a probe. */
export function probeHost(view: DataView, at: number): number {
  return view.getInt32(at + HOST);
}

/** The number that a host's name becomes, which is odd: FNV-1a. */
export function hostOfName(
  name: ArrayLike<number>,
  start: number,
  end: number,
): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ name[at], 0x01000193);
  }
  return hash | 1;
}

/** Whether a host's number is that of a name. */
export function isName(host: number): boolean {
  return (host & 1) !== 0;
}

/** The number of a host without a name, even: its address stands for it. */
export function hostOfAddress(
  { destination0, destination1, destination2, destination3 }: Segment,
): number {
  let hash = Math.imul(destination0, 0x9e3779b1) ^ destination1;
  hash = Math.imul(hash, 0x9e3779b1) ^ destination2;
  hash = spread(Math.imul(hash, 0x9e3779b1) ^ destination3);
  return (hash & ~1) || 2;
}

/** Reads a probe, all but its times and who has seen it. */
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
