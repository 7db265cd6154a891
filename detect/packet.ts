/**
 * What every capture hands to the detector: one packet, as bytes in place, and
 * what is known about how it came.
 *
 * @module
 */

/**
 * Which way a packet went, seen from the watched host. A capture file mostly
 * cannot tell: its packets are of {@linkcode DIRECTION_UNKNOWN} direction, and
 * rules treat those as incoming.
 */
export type Direction = 0 | 1 | 2;
/** The capture cannot tell which way the packet went. */
export const DIRECTION_UNKNOWN: Direction = 0;
/** The packet came to the watched host. */
export const DIRECTION_IN: Direction = 1;
/** The watched host sent the packet. */
export const DIRECTION_OUT: Direction = 2;

/**
 * A captured packet. One object is reused for all packets of a source: whoever
 * receives it reads what it needs before returning, and keeps neither the
 * object nor its bytes.
 *
 * @example A packet made by hand
 * ```ts
 * import { LINKTYPE_RAW, Packet } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const packet = new Packet();
 * packet.view = new DataView(new ArrayBuffer(40));
 * packet.length = 40;
 * packet.linkType = LINKTYPE_RAW;
 * packet.time = packet.wallTime = Date.UTC(2026, 0, 1);
 * assertEquals(packet.offset, 0);
 * ```
 */
export class Packet {
  /** The buffer that the packet stands in. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where in {@linkcode Packet.view} the packet starts, in bytes. */
  offset = 0;
  /** How many bytes of the packet were captured. */
  length = 0;
  /** The link type of its first byte, a `LINKTYPE_` number (libpcap). */
  linkType = 0;
  /** Which way the packet went. */
  direction: Direction = DIRECTION_UNKNOWN;
  /** The number of the interface that it was seen on; 0: unknown. */
  interfaceIndex = 0;
  /**
   * When it was seen, in milliseconds, fractions allowed, on the clock that the
   * rules run on. Any start will do, and it may go backwards.
   */
  time = 0;
  /**
   * When it was seen in wall-clock time, in milliseconds since 1970-01-01 UTC.
   * Only shown, never compared.
   */
  wallTime = 0;
}

/** What a capture calls for each packet. */
export type PacketHandler = (packet: Packet) => void;
