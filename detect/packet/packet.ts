/**
 * What every capture hands to the detector: one packet, as bytes in place, and
 * what is known about how it came.
 *
 * @module
 */

import { checkObject } from "../settings.ts";

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

/** A packet described in words, for {@linkcode Packet.from}. */
export interface PacketInit {
  /** What was captured of it, from its link layer's header on; not copied. */
  bytes: Uint8Array;
  /** A `LINKTYPE_` number (libpcap), 0 to 65535. */
  linkType: number;
  /** When it was seen: milliseconds since 1970-01-01 UTC, fractions allowed. */
  time: number;
  /** How many bytes it had when it was captured [all of them]. */
  originalLength?: number;
  /** Which way it went [unknown]. */
  direction?: Direction;
  /** The number of the interface that it was seen on; 0: unknown [0]. */
  interfaceIndex?: number;
}

/**
 * A captured packet. One object is reused for all packets of a source: whoever
 * receives it reads what it needs before returning, and keeps neither the
 * object nor its bytes.
 *
 * Any number of bytes may stand for it: whether they are a packet is for the
 * detector to say.
 */
export class Packet {
  /** The buffer that the packet stands in. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where in {@linkcode Packet.view} the packet starts, in bytes. */
  offset = 0;
  /** How many bytes of the packet were captured. */
  length = 0;
  /**
   * How many bytes the packet had when it was captured. What is less than
   * {@linkcode Packet.length} says the same as that.
   */
  originalLength = 0;
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

  /**
   * Makes a packet from plain values.
   *
   * @throws {TypeError} If the bytes are none.
   * @throws {RangeError} If a number is outside its range.
   *
   * @example
   * ```ts
   * import { Detector, Packet } from "@scanlogd/scanlogd";
   * import { LINKTYPE_RAW } from "@scanlogd/scanlogd/packet";
   * import { assertEquals, assertThrows } from "@std/assert";
   *
   * const packet = Packet.from({
   *   bytes: Uint8Array.of(0x45, 0), // no whole header (RFC 791, 3.1)
   *   linkType: LINKTYPE_RAW,
   *   time: Date.UTC(2026, 0, 1),
   * });
   * const detector = new Detector(() => {});
   * detector.packet(packet);
   * assertEquals(detector.counters.damaged, 1);
   *
   * const bytes = new Uint8Array(20);
   * assertThrows(
   *   () => Packet.from({ bytes, linkType: -1, time: 0 }),
   *   RangeError,
   *   "linkType must be an integer from 0 to 65535, got -1",
   * );
   * ```
   */
  static from(init: PacketInit): Packet {
    checkObject("make a packet: what it is made of", init);
    const { bytes, time } = init;
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError("Cannot make a packet: bytes must be a Uint8Array");
    }
    if (!Number.isFinite(time)) {
      throw new RangeError(
        `Cannot make a packet: time must be a number of milliseconds, got ${time}`,
      );
    }
    const packet = new Packet();
    packet.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    packet.length = bytes.length;
    packet.originalLength = checked(
      "originalLength",
      init.originalLength ?? bytes.length,
      0xffffffff,
    );
    packet.linkType = checked("linkType", init.linkType, 0xffff);
    packet.interfaceIndex = checked(
      "interfaceIndex",
      init.interfaceIndex ?? 0,
      0x7fffffff,
    );
    packet.direction = checked(
      "direction",
      init.direction ?? DIRECTION_UNKNOWN,
      2,
    ) as Direction;
    packet.time = packet.wallTime = time;
    return packet;
  }
}

function checked(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(
    `Cannot make a packet: ${name} must be an integer from 0 to ${max}, got ${value}`,
  );
}

/** What a capture calls for each packet. */
export type PacketHandler = (packet: Packet) => void;
