/**
 * Packets of every kind that the detector knows, written from the innermost
 * header outwards, as fast as a fuzzer wants them. Every field can be anything.
 *
 * @module
 */

import { type Direction, Packet } from "../../mod.ts";
import { below, pick, type Random } from "../random.ts";

const ROOM = 4096;

/** An end of a conversation, in both families. */
export interface Host {
  /** Its IPv4 address. */
  ipv4: number;
  /** Its IPv6 address, in four words. */
  ipv6: readonly [number, number, number, number];
}

/** Who sends what to whom. */
export interface Envelope {
  version: 4 | 6;
  source: Host;
  destination: Host;
  direction: Direction;
}

/** IP protocol numbers. */
export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;
export const SCTP = 132;

/** SCTP chunk types (RFC 9260, 3.2). */
export const INIT = 1;
export const INIT_ACK = 2;
export const ABORT = 6;
export const COOKIE_ECHO = 10;

/** IPv6 extension headers that carry a length (RFC 8200, 4). */
const EXTENSIONS = [0, 43, 60, 51] as const;
const AUTHENTICATION = 51;
const FRAGMENT = 44;

/** VLAN tags (802.1Q, 802.1ad and older). */
const TAGS = [0x8100, 0x88a8, 0x9100];
/** AF_INET6 of Linux, NetBSD, FreeBSD and macOS. */
const FAMILIES = [10, 24, 28, 30];

/** Writes one packet at a time; the one before is gone then. */
export class FrameWriter {
  /** The packet. */
  readonly packet: Packet = new Packet();
  readonly #random: Random;
  readonly #bytes = new Uint8Array(ROOM);
  readonly #view = new DataView(this.#bytes.buffer);
  #start = ROOM;

  constructor(random: Random) {
    this.#random = random;
    this.packet.view = this.#view;
  }

  /** How many bytes have been written. */
  get length(): number {
    return ROOM - this.#start;
  }

  /** Begins a packet with its innermost bytes. */
  begin(payload: number): void {
    this.#start = ROOM - payload;
    for (let at = this.#start; at < ROOM; at++) this.#bytes[at] = 0;
  }

  /** Begins a packet with bytes that are there already. */
  beginWith(bytes: ArrayLike<number>): void {
    this.#start = ROOM - bytes.length;
    this.#bytes.set(bytes, this.#start);
  }

  /** The bytes so far. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start);
  }

  /** Room for a header, all zero; returns where it is. */
  #header(length: number): number {
    const end = this.#start;
    this.#start -= length;
    this.#bytes.fill(0, this.#start, end);
    return this.#start;
  }

  /** A TCP header (RFC 9293, 3.1). */
  tcp(
    sourcePort: number,
    destinationPort: number,
    flags: number,
    sequence: number,
    acknowledgement: number,
    window: number,
  ): void {
    const options = below(this.#random, 4) === 0 ? below(this.#random, 11) : 0;
    const at = this.#header(20 + options * 4);
    const view = this.#view;
    view.setUint16(at, sourcePort);
    view.setUint16(at + 2, destinationPort);
    view.setUint32(at + 4, sequence);
    view.setUint32(at + 8, acknowledgement);
    view.setUint8(at + 12, (5 + options) << 4);
    view.setUint8(at + 13, flags);
    view.setUint16(at + 14, window);
  }

  /** A UDP header (RFC 768). */
  udp(sourcePort: number, destinationPort: number): void {
    const length = this.length + 8;
    const at = this.#header(8);
    this.#view.setUint16(at, sourcePort);
    this.#view.setUint16(at + 2, destinationPort);
    this.#view.setUint16(at + 4, length);
  }

  /** A chunk of SCTP (RFC 9260, 3.2) around what has been written so far. */
  chunk(type: number, body: number): void {
    const at = this.#header(4 + body);
    this.#view.setUint8(at, type);
    this.#view.setUint16(at + 2, 4 + body);
    for (let i = at + 4; i < at + 4 + body; i++) this.#bytes[i] = 0x11;
  }

  /** An SCTP common header (RFC 9260, 3.1). */
  sctp(sourcePort: number, destinationPort: number, tag: number): void {
    const at = this.#header(12);
    this.#view.setUint16(at, sourcePort);
    this.#view.setUint16(at + 2, destinationPort);
    this.#view.setUint32(at + 4, tag);
  }

  /** An ICMP error (RFC 792, RFC 4443) around the packet written so far. */
  icmp(type: number, code: number): void {
    const at = this.#header(8);
    this.#view.setUint8(at, type);
    this.#view.setUint8(at + 1, code);
  }

  /** Ends the packet after so many bytes. */
  cut(length: number): void {
    if (length >= this.length) return;
    this.#bytes.copyWithin(ROOM - length, this.#start, this.#start + length);
    this.#start = ROOM - length;
  }

  /** An IPv4 or IPv6 header, at times with options or extension headers. */
  ip({ version, source, destination }: Envelope, protocol: number): void {
    if (version === 4) this.#ipv4(source, destination, protocol, 0, 0);
    else {
      const next = this.#extensions(protocol);
      this.#ipv6(source, destination, next);
    }
  }

  /** The header of a fragment; what has been written so far is its payload. */
  fragment(
    { version, source, destination }: Envelope,
    protocol: number,
    identification: number,
    position: number,
    isMore: boolean,
  ): void {
    if (version === 4) {
      const field = (isMore ? 0x2000 : 0) | (position >> 3);
      this.#ipv4(source, destination, protocol, identification, field);
      return;
    }
    const at = this.#header(8);
    this.#view.setUint8(at, protocol);
    this.#view.setUint16(at + 2, (position & 0xfff8) | (isMore ? 1 : 0));
    this.#view.setUint32(at + 4, identification);
    this.#ipv6(source, destination, this.#extensions(FRAGMENT));
  }

  #ipv4(
    source: Host,
    destination: Host,
    protocol: number,
    identification: number,
    fragment: number,
  ): void {
    const random = this.#random;
    const options = below(random, 8) === 0 ? below(random, 11) : 0;
    const total = this.length + 20 + options * 4;
    const at = this.#header(20 + options * 4);
    const view = this.#view;
    view.setUint8(at, 0x45 + options);
    view.setUint8(at + 1, below(random, 8) === 0 ? random() : 0);
    view.setUint16(at + 2, below(random, 32) === 0 ? random() : total);
    view.setUint16(at + 4, identification);
    view.setUint16(at + 6, fragment);
    view.setUint8(at + 8, below(random, 8) === 0 ? random() : 64);
    view.setUint8(at + 9, protocol);
    view.setUint32(at + 12, source.ipv4);
    view.setUint32(at + 16, destination.ipv4);
  }

  #ipv6(source: Host, destination: Host, next: number): void {
    const random = this.#random;
    const length = this.length;
    const at = this.#header(40);
    const view = this.#view;
    view.setUint32(at, 0x60000000 | (random() & 0xff));
    view.setUint16(at + 4, below(random, 32) === 0 ? random() : length);
    view.setUint8(at + 6, next);
    view.setUint8(at + 7, 64);
    for (let i = 0; i < 4; i++) {
      view.setInt32(at + 8 + 4 * i, source.ipv6[i]);
      view.setInt32(at + 24 + 4 * i, destination.ipv6[i]);
    }
  }

  /** A chain of extension headers, mostly none; returns the first one's type. */
  #extensions(next: number): number {
    const random = this.#random;
    if (below(random, 4) > 0) return next;
    for (let count = below(random, 11); count > 0; count--) {
      const type = below(random, 16) === 0
        ? FRAGMENT
        : pick(random, EXTENSIONS);
      const units = type === FRAGMENT ? 0 : below(random, 3);
      const at = this.#header(8 + units * 8);
      this.#view.setUint8(at, next);
      const length = type === AUTHENTICATION ? units * 2 : units;
      if (type !== FRAGMENT) this.#view.setUint8(at + 1, length);
      next = type;
    }
    return next;
  }

  /** The link's header; the packet is complete then. */
  link(linkType: number, { version, direction }: Envelope): void {
    switch (linkType) {
      case 0:
      case 108:
        this.#family(version);
        break;
      case 1:
        this.#etherType(version);
        this.#header(12);
        break;
      case 9:
      case 50:
        this.#ppp(version);
        break;
      case 113:
        this.#etherType(version);
        this.#view.setUint16(this.#header(14), this.#cookedType(direction));
        break;
      case 276:
        this.#cooked2(version, direction);
        break;
    }
    const { packet } = this;
    packet.linkType = linkType;
    packet.direction = direction;
    packet.offset = this.#start;
    packet.length = this.length;
  }

  #etherType(version: 4 | 6): void {
    let type = version === 4 ? 0x0800 : 0x86dd;
    const random = this.#random;
    if (below(random, 8) === 0) {
      for (let tags = below(random, 6); tags > 0; tags--) {
        const at = this.#header(4);
        this.#view.setUint16(at, random());
        this.#view.setUint16(at + 2, type);
        type = pick(random, TAGS);
      }
    }
    this.#view.setUint16(this.#header(2), type);
  }

  #family(version: 4 | 6): void {
    const family = version === 4 ? 2 : pick(this.#random, FAMILIES);
    const isLittle = below(this.#random, 2) === 0;
    this.#view.setUint32(this.#header(4), family, isLittle);
  }

  #ppp(version: 4 | 6): void {
    const protocol = version === 4 ? 0x21 : 0x57;
    this.#view.setUint8(this.#header(1), protocol);
    if (below(this.#random, 2) === 0) this.#header(1);
    if (below(this.#random, 2) === 0) {
      this.#view.setUint16(this.#header(2), 0xff03);
    }
  }

  #cookedType(direction: Direction): number {
    if (direction === 2) return 4;
    return direction === 1 ? 0 : below(this.#random, 6);
  }

  #cooked2(version: 4 | 6, direction: Direction): void {
    const at = this.#header(20);
    this.#view.setUint16(at, version === 4 ? 0x0800 : 0x86dd);
    this.#view.setUint32(at + 4, 1 + below(this.#random, 3));
    this.#view.setUint8(at + 10, this.#cookedType(direction));
  }

  /** Spoils some bytes, or the length, of the complete packet. */
  spoil(): void {
    const random = this.#random;
    const { packet } = this;
    if (packet.length === 0) return;
    for (let n = 1 + below(random, 4); n > 0; n--) {
      const at = packet.offset + below(random, packet.length);
      this.#bytes[at] = below(random, 2) === 0 ? random() : pick(random, EDGES);
    }
    if (below(random, 2) === 0) packet.length = below(random, packet.length);
  }
}

/** Small and large numbers break lengths and offsets best. */
const EDGES = [0, 1, 2, 4, 8, 6, 17, 44, 58, 132, 0x45, 0x60, 0x7f, 0x80, 0xff];
