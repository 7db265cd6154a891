/**
 * What the rules look at: the fields of one transport header and of the network
 * header around it.
 *
 * @module
 */

import { checkObject } from "../settings.ts";
import { type Address, parseAddress } from "./address.ts";
import { type Direction, DIRECTION_UNKNOWN } from "./packet.ts";

/** IPv4's protocol number of ICMP (RFC 792). */
export const PROTOCOL_ICMP = 1;
/** IPv4's protocol number of IGMP (RFC 3376). */
export const PROTOCOL_IGMP = 2;
/** IPv4's and IPv6's protocol number of TCP (RFC 9293). */
export const PROTOCOL_TCP = 6;
/** IPv4's and IPv6's protocol number of UDP (RFC 768). */
export const PROTOCOL_UDP = 17;
/** IPv6's protocol number of ICMPv6 (RFC 4443). */
export const PROTOCOL_ICMPV6 = 58;
/** IPv4's and IPv6's protocol number of SCTP (RFC 9260). */
export const PROTOCOL_SCTP = 132;

/** TCP flag FIN (RFC 9293, section 3.1). */
export const TCP_FIN = 0x01;
/** TCP flag SYN (RFC 9293, section 3.1). */
export const TCP_SYN = 0x02;
/** TCP flag RST (RFC 9293, section 3.1). */
export const TCP_RST = 0x04;
/** TCP flag PSH (RFC 9293, section 3.1). */
export const TCP_PSH = 0x08;
/** TCP flag ACK (RFC 9293, section 3.1). */
export const TCP_ACK = 0x10;
/** TCP flag URG (RFC 9293, section 3.1). */
export const TCP_URG = 0x20;

/** SCTP chunk INIT, which opens an association (RFC 9260, section 3.3.2). */
export const SCTP_INIT = 1;
/** SCTP chunk INIT ACK, which accepts one (RFC 9260, section 3.3.3). */
export const SCTP_INIT_ACK = 2;
/** SCTP chunk ABORT, which refuses or ends one (RFC 9260, section 3.3.7). */
export const SCTP_ABORT = 6;
/** SCTP chunk COOKIE ECHO, the third of the handshake (RFC 9260, 3.3.11). */
export const SCTP_COOKIE_ECHO = 10;

/**
 * In place of {@linkcode Segment.flags}: a quote ends before them. No packet has
 * this value, for flags are a byte.
 */
export const UNKNOWN_FLAGS: number = -1;

/** What a UDP datagram looks like. */
export type DatagramKind = 0 | 1 | 2;
/** It is no UDP datagram, or it looks like nothing in particular. */
export const DATAGRAM_UNKNOWN: DatagramKind = 0;
/** It has no payload, as only probes have none. */
export const DATAGRAM_EMPTY: DatagramKind = 1;
/** It looks like a DNS (RFC 1035) or RPC answer (RFC 5531), RTP or RTCP. */
export const DATAGRAM_REPLY: DatagramKind = 2;

/** A segment described in words, for {@linkcode Segment.from}. */
export interface SegmentInit {
  /** Source address, IPv4 or IPv6, as text. */
  source: string;
  /** Destination address, IPv4 or IPv6, as text. */
  destination: string;
  /** Source port, 0 to 65535. */
  sourcePort: number;
  /** Destination port, 0 to 65535. */
  destinationPort: number;
  /** The transport protocol's number, 0 to 255 [{@linkcode PROTOCOL_TCP}]. */
  protocol?: number;
  /**
   * The TCP flags byte, 0 to 255: an or of the `TCP_` constants; for SCTP, the
   * type of the first chunk.
   */
  flags: number;
  /** The TCP sequence number, 0 to 4294967295 [0]. */
  sequence?: number;
  /** The TCP acknowledgement number, 0 to 4294967295 [0]. */
  acknowledgement?: number;
  /** The TCP window, 0 to 65535 [0]. */
  window?: number;
  /** When it was seen: milliseconds since 1970-01-01 UTC. */
  time: number;
  /** IPv4's type of service or IPv6's traffic class, 0 to 255 [0]. */
  tos?: number;
  /** IPv4's time to live or IPv6's hop limit, 0 to 255 [64]. */
  ttl?: number;
  /** Which way it went [unknown]. */
  direction?: Direction;
}

/**
 * A decoded segment. Like a packet it is reused: read it, do not keep it.
 * Addresses are 128 bits in four signed 32-bit words, the most significant
 * first; an IPv4 address is held in its IPv4-mapped form (RFC 4291, 2.5.5.2).
 *
 * Every field is a 32-bit integer but the two times, so that writing them
 * allocates nothing.
 */
export class Segment {
  /** IP version: 4 or 6. */
  version = 4;
  /** The transport protocol's number, such as {@linkcode PROTOCOL_TCP}. */
  protocol: number = PROTOCOL_TCP;
  /** Source address, bits 0 to 31. */
  source0 = 0;
  /** Source address, bits 32 to 63. */
  source1 = 0;
  /** Source address, bits 64 to 95. */
  source2 = 0;
  /** Source address, bits 96 to 127. */
  source3 = 0;
  /** Destination address, bits 0 to 31. */
  destination0 = 0;
  /** Destination address, bits 32 to 63. */
  destination1 = 0;
  /** Destination address, bits 64 to 95. */
  destination2 = 0;
  /** Destination address, bits 96 to 127. */
  destination3 = 0;
  /** Source port, 0 to 65535. */
  sourcePort = 0;
  /**
   * Destination port, 0 to 65535. Of a protocol that has no ports, its number;
   * of a packet that cannot be read as far as its ports, a hash that tells it
   * from others.
   */
  destinationPort = 0;
  /**
   * The TCP flags byte; for SCTP, the type of the first chunk; for all others 0.
   * In a quote that ends before them {@linkcode UNKNOWN_FLAGS}.
   */
  flags = 0;
  /** What it looks like, if it is a UDP datagram. */
  datagramKind: DatagramKind = DATAGRAM_UNKNOWN;
  /** The TCP sequence number, as a signed 32-bit integer. */
  sequence = 0;
  /** The TCP acknowledgement number, as a signed 32-bit integer. */
  acknowledgement = 0;
  /** The TCP window as sent, 0 to 65535. */
  window = 0;
  /** IPv4's type of service or IPv6's traffic class. */
  tos = 0;
  /** IPv4's time to live or IPv6's hop limit. */
  ttl = 0;
  /** Which way it went. */
  direction: Direction = DIRECTION_UNKNOWN;
  /** The number of the interface that it was seen on; 0: unknown. */
  interfaceIndex = 0;
  /** When it was seen, in milliseconds, on the clock that the rules run on. */
  time = 0.5;
  /** When it was seen, in milliseconds since 1970-01-01 UTC. */
  wallTime = 0.5;

  /**
   * Makes a segment from plain values.
   *
   * @throws {SyntaxError} If an address is not one.
   * @throws {TypeError} If an address is no text.
   * @throws {RangeError} If a number is outside its range.
   *
   * @example
   * ```ts
   * import { Segment } from "@scanlogd/scanlogd";
   * import { TCP_SYN } from "@scanlogd/scanlogd/packet";
   * import { assertEquals } from "@std/assert";
   *
   * const segment = Segment.from({
   *   source: "192.0.2.1",
   *   destination: "192.0.2.2",
   *   sourcePort: 40000,
   *   destinationPort: 22,
   *   flags: TCP_SYN,
   *   time: Date.UTC(2026, 0, 1),
   * });
   * assertEquals(segment.version, 4);
   * assertEquals(segment.ttl, 64);
   * ```
   */
  static from(init: SegmentInit): Segment {
    checkObject("make a segment: what it is made of", init);
    const segment = new Segment();
    const source = parseAddress(init.source);
    const destination = parseAddress(init.destination);
    if ((source.bits === 32) !== (destination.bits === 32)) {
      throw new SyntaxError(
        `Cannot make a segment: ${init.source} and ${init.destination} are of two address families`,
      );
    }
    segment.version = source.bits === 32 ? 4 : 6;
    segment.#setAddresses(source, destination);
    segment.protocol = checked("protocol", init.protocol ?? PROTOCOL_TCP, 0xff);
    segment.sourcePort = checked("sourcePort", init.sourcePort, 0xffff);
    segment.destinationPort = checked(
      "destinationPort",
      init.destinationPort,
      0xffff,
    );
    segment.flags = checked("flags", init.flags, 0xff);
    segment.sequence = checked("sequence", init.sequence ?? 0, 0xffffffff) | 0;
    segment.acknowledgement =
      checked("acknowledgement", init.acknowledgement ?? 0, 0xffffffff) | 0;
    segment.window = checked("window", init.window ?? 0, 0xffff);
    segment.tos = checked("tos", init.tos ?? 0, 0xff);
    segment.ttl = checked("ttl", init.ttl ?? 64, 0xff);
    segment.direction = checked(
      "direction",
      init.direction ?? DIRECTION_UNKNOWN,
      2,
    ) as Direction;
    if (!Number.isFinite(init.time)) {
      throw new RangeError(
        `Cannot make a segment: time must be a number of milliseconds, got ${init.time}`,
      );
    }
    segment.time = segment.wallTime = init.time;
    return segment;
  }

  /** Makes this segment a copy of another one. */
  assign(other: Segment): void {
    this.version = other.version;
    this.protocol = other.protocol;
    this.source0 = other.source0;
    this.source1 = other.source1;
    this.source2 = other.source2;
    this.source3 = other.source3;
    this.destination0 = other.destination0;
    this.destination1 = other.destination1;
    this.destination2 = other.destination2;
    this.destination3 = other.destination3;
    this.sourcePort = other.sourcePort;
    this.destinationPort = other.destinationPort;
    this.flags = other.flags;
    this.datagramKind = other.datagramKind;
    this.sequence = other.sequence;
    this.acknowledgement = other.acknowledgement;
    this.window = other.window;
    this.tos = other.tos;
    this.ttl = other.ttl;
    this.direction = other.direction;
    this.interfaceIndex = other.interfaceIndex;
    this.time = other.time;
    this.wallTime = other.wallTime;
  }

  /** Exchanges source and destination. */
  reverse(): void {
    const { source0, source1, source2, source3, sourcePort } = this;
    this.source0 = this.destination0;
    this.source1 = this.destination1;
    this.source2 = this.destination2;
    this.source3 = this.destination3;
    this.sourcePort = this.destinationPort;
    this.destination0 = source0;
    this.destination1 = source1;
    this.destination2 = source2;
    this.destination3 = source3;
    this.destinationPort = sourcePort;
  }

  #setAddresses({ words: s }: Address, { words: d }: Address): void {
    [this.source0, this.source1, this.source2, this.source3] = s;
    [this.destination0, this.destination1] = d;
    [, , this.destination2, this.destination3] = d;
  }
}

function checked(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(
    `Cannot make a segment: ${name} must be an integer from 0 to ${max}, got ${value}`,
  );
}
