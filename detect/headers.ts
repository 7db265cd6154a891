/**
 * Network and transport headers: from bytes to a segment.
 *
 * Every length is checked once, before the fields behind it are read; the
 * outcome of a packet is a number, never an exception, and nothing is
 * allocated.
 *
 * @module
 */

import { IPV4_MAPPED } from "./address.ts";
import { kindOfQuote, QUOTE_UNKNOWN, type QuoteKind } from "./quotes.ts";
import {
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  Segment,
  UNKNOWN_FLAGS,
} from "./segment.ts";

/** What became of a packet. */
export type Outcome = 0 | 1 | 2 | 3 | 4 | 5;
/** The segment is decoded. */
export const DECODED: Outcome = 0;
/** It is a fragment that does not hold the whole transport header. */
export const FRAGMENT: Outcome = 1;
/** It carries a protocol that no rule looks at. */
export const OTHER_PROTOCOL: Outcome = 2;
/** It ends inside a header, or a header contradicts itself. */
export const DAMAGED: Outcome = 3;
/** It has more extension headers than {@linkcode MAX_EXTENSION_HEADERS}. */
export const TOO_DEEP: Outcome = 4;
/**
 * It is an ICMP error that refuses a TCP segment, a UDP datagram or an SCTP
 * packet, and quotes it.
 */
export const REFUSAL: Outcome = 5;

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
const OK = DECODED;
const BROKEN = DAMAGED;
const TCP = PROTOCOL_TCP;
const MAPPED = IPV4_MAPPED;
const TCP_BYTES = 20;

const IPV4_HEADER = 20; // RFC 791, 3.1
const IPV6_HEADER = 40; // RFC 8200, 3
/** Length of a TCP header without options (RFC 9293, 3.1), in bytes. */
export const TCP_HEADER: number = TCP_BYTES;
/** How many IPv6 extension headers are walked. Nobody honest sends more. */
export const MAX_EXTENSION_HEADERS = 8;
const SCTP_HEADER = 12; // RFC 9260, 3.1
const SCTP_CHUNK_HEADER = 4; // RFC 9260, 3.2
const ICMP_HEADER = 8; // RFC 792 and RFC 4443, 3.1: of an error
/** What an ICMP error quotes at least of the transport header (RFC 792). */
const QUOTED_BYTES = 8;

/** Destination unreachable: RFC 792, RFC 4443. */
const ICMP_UNREACHABLE = 3;
const ICMPV6_UNREACHABLE = 1;
/**
 * The codes with which a host or its firewall refuses, one bit each: protocol
 * and port unreachable (RFC 792), network, host and communication
 * administratively prohibited (RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1).
 */
const ICMP_REFUSALS = 1 << 2 | 1 << 3 | 1 << 9 | 1 << 10 | 1 << 13;
/**
 * The same of ICMPv6 (RFC 4443, 3.1): administratively prohibited, port
 * unreachable, failed ingress/egress policy, reject route.
 */
const ICMPV6_REFUSALS = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;

// IPv6 extension headers (RFC 8200, 4; RFC 4302).
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT_HEADER = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

/** IPv4's and IPv6's fragment offset and "more fragments", where they overlap. */
const MORE_FRAGMENTS = 0x2000;
const IPV4_OFFSET = 0x1fff;
const IPV6_OFFSET = 0xfff8;

/**
 * Where a fragment's part of the transport header stands. Filled when
 * {@linkcode HeaderDecoder.decode} meets a fragment; reused like the segment.
 */
export class FragmentInfo {
  /** Whether the packet is a fragment, even one with the whole header. */
  isFragment = false;
  /** The datagram's identification: 16 (IPv4) or 32 (IPv6) bits. */
  identification = 0;
  /** Where the fragment's payload belongs in the datagram, in bytes. */
  position = 0;
  /** Whether more fragments follow. */
  isMore = false;
  /** Where the fragment's payload starts in the view. */
  payload = 0;
  /** Where it ends. */
  end = 0;
  /** Whether the payload begins with an extension header. */
  hasExtensions = false;
}

/**
 * Decodes IPv4 (RFC 791) and IPv6 (RFC 8200) packets into one segment, which it
 * reuses: TCP (RFC 9293), SCTP (RFC 9260), and what ICMP errors (RFC 792, RFC
 * 4443) quote of both and of UDP (RFC 768).
 *
 * @example
 * ```ts
 * import { DECODED, HeaderDecoder, Segment } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const view = new DataView(new ArrayBuffer(40));
 * view.setUint8(0, 0x45); // IPv4, a header of 20 bytes
 * view.setUint16(2, 40); // total length
 * view.setUint8(9, 6); // TCP
 * view.setUint16(22, 80); // destination port
 *
 * const segment = new Segment();
 * const decoder = new HeaderDecoder(segment);
 * assertEquals(decoder.decode(view, 0, 40), DECODED);
 * assertEquals(segment.destinationPort, 80);
 * ```
 *
 * @example What an ICMP error quotes
 * ```ts
 * import { HeaderDecoder, REFUSAL, Segment } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const view = new DataView(new ArrayBuffer(56));
 * view.setUint8(0, 0x45); // IPv4, a header of 20 bytes
 * view.setUint8(9, 1); // ICMP
 * view.setUint16(20, 0x0303); // destination unreachable: port unreachable
 * view.setUint8(28, 0x45); // the quoted packet
 * view.setUint8(37, 17); // UDP
 * view.setUint16(50, 161); // destination port
 *
 * const decoder = new HeaderDecoder(new Segment());
 * assertEquals(decoder.decode(view, 0, 56), REFUSAL);
 * assertEquals(decoder.quoted.destinationPort, 161);
 * ```
 */
export class HeaderDecoder {
  /** What the last fragment said of itself. */
  readonly fragment: FragmentInfo = new FragmentInfo();
  /**
   * The packet that the last {@linkcode REFUSAL} quotes, as far as the quote
   * goes. Its ports are always there; {@linkcode Segment.flags} is
   * {@linkcode UNKNOWN_FLAGS} if the quote ends before them, and what else is
   * missing is 0. Its times, its direction and its interface are the error's.
   * Reused like the segment.
   */
  readonly quoted: Segment = new Segment();
  /** What the quoted packet looks like, if it is a UDP datagram. */
  quotedKind: QuoteKind = QUOTE_UNKNOWN;
  readonly #segment: Segment;

  /**
   * Makes a decoder.
   *
   * @param segment What each decoded packet is written to.
   */
  constructor(segment: Segment) {
    this.#segment = segment;
  }

  /**
   * Decodes the packet that stands in a view from `start` to `end`.
   *
   * @returns {@linkcode DECODED} once the segment is complete; {@linkcode
   * REFUSAL} if it is an ICMP error that refuses the packet in {@linkcode
   * HeaderDecoder.quoted}. The segment then tells who sent the error, and its
   * ports and flags mean nothing.
   */
  decode(view: DataView, start: number, end: number): Outcome {
    this.fragment.isFragment = false;
    if (start >= end) return BROKEN;
    const version = view.getUint8(start) >>> 4;
    if (version === 4) return this.#decodeIpv4(view, start, end);
    if (version === 6) return this.#decodeIpv6(view, start, end);
    return BROKEN;
  }

  #decodeIpv4(view: DataView, start: number, end: number): Outcome {
    if (end - start < IPV4_HEADER) return BROKEN;
    const headerLength = (view.getUint8(start) & 0x0f) << 2;
    // A total length of 0 comes from segmentation offload: the NIC fills it in.
    const totalLength = view.getUint16(start + 2);
    if (totalLength !== 0 && start + totalLength < end) {
      end = start + totalLength;
    }
    const payload = start + headerLength;
    if (headerLength < IPV4_HEADER || payload > end) return BROKEN;

    const segment = this.#segment;
    readIpv4(segment, view, start);
    const flagsAndOffset = view.getUint16(start + 6);
    if ((flagsAndOffset & (MORE_FRAGMENTS | IPV4_OFFSET)) !== 0) {
      return this.#decodeFragment(
        view,
        payload,
        end,
        view.getUint16(start + 4),
        (flagsAndOffset & IPV4_OFFSET) << 3,
        (flagsAndOffset & MORE_FRAGMENTS) !== 0,
        0,
      );
    }
    return this.decodeTransport(view, payload, end);
  }

  #decodeIpv6(view: DataView, start: number, end: number): Outcome {
    if (end - start < IPV6_HEADER) return DAMAGED;
    // Zero is a jumbogram (RFC 2675) or an offloaded one: take what is there.
    const payloadLength = view.getUint16(start + 4);
    if (payloadLength !== 0 && start + IPV6_HEADER + payloadLength < end) {
      end = start + IPV6_HEADER + payloadLength;
    }
    const segment = this.#segment;
    readIpv6(segment, view, start);
    const next = view.getUint8(start + 6);
    return this.#walkExtensions(view, start + IPV6_HEADER, end, next, 0);
  }

  /** Walks IPv6 extension headers from `at` on, the first of type `next`. */
  #walkExtensions(
    view: DataView,
    at: number,
    end: number,
    next: number,
    walked: number,
  ): Outcome {
    for (; isExtension(next); walked++) {
      if (walked === MAX_EXTENSION_HEADERS) return TOO_DEEP;
      if (at + 8 > end) return DAMAGED;
      const following = view.getUint8(at);
      if (next === FRAGMENT_HEADER) {
        const offsetAndMore = view.getUint16(at + 2);
        // An atomic fragment (RFC 6946) is no fragment at all.
        if ((offsetAndMore & 0xfff9) !== 0) {
          if (this.fragment.isFragment) return TOO_DEEP; // one inside another
          this.#segment.protocol = following;
          return this.#decodeFragment(
            view,
            at + 8,
            end,
            view.getInt32(at + 4),
            offsetAndMore & IPV6_OFFSET,
            (offsetAndMore & 1) !== 0,
            walked + 1,
          );
        }
      }
      at += extensionLength(view, at, next);
      next = following;
    }
    if (at > end) return DAMAGED;
    this.#segment.protocol = next;
    return this.decodeTransport(view, at, end);
  }

  #decodeFragment(
    view: DataView,
    payload: number,
    end: number,
    identification: number,
    position: number,
    isMore: boolean,
    walked: number,
  ): Outcome {
    const fragment = this.fragment;
    fragment.isFragment = true;
    fragment.identification = identification;
    fragment.position = position;
    fragment.isMore = isMore;
    fragment.payload = payload;
    fragment.end = end;
    const { version, protocol } = this.#segment;
    fragment.hasExtensions = version === 6 && isExtension(protocol);
    if (position !== 0) return FRAGMENT;
    const outcome = version === 4
      ? this.decodeTransport(view, payload, end)
      : this.#walkExtensions(view, payload, end, protocol, walked);
    // Hosts drop a first fragment that ends before the transport header does if
    // extension headers take its place (RFC 7112).
    return outcome === DAMAGED && !fragment.hasExtensions ? FRAGMENT : outcome;
  }

  /**
   * Decodes the transport header that stands in a view from `at` to `end`; the
   * segment's protocol says which one it is.
   */
  decodeTransport(view: DataView, at: number, end: number): Outcome {
    const segment = this.#segment;
    if (segment.protocol !== TCP) return this.#decodeOther(view, at, end);
    if (end - at < TCP_BYTES) return BROKEN;
    segment.sourcePort = view.getUint16(at);
    segment.destinationPort = view.getUint16(at + 2);
    segment.sequence = view.getInt32(at + 4);
    segment.acknowledgement = view.getInt32(at + 8);
    segment.flags = view.getUint8(at + 13);
    segment.window = view.getUint16(at + 14);
    return OK;
  }

  #decodeOther(view: DataView, at: number, end: number): Outcome {
    const { version, protocol } = this.#segment;
    if (protocol === PROTOCOL_SCTP) return this.#decodeSctp(view, at, end);
    const icmp = version === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    // Nobody has a reason to send an error in fragments.
    if (protocol !== icmp || this.fragment.isFragment) return OTHER_PROTOCOL;
    return this.#decodeIcmp(view, at, end);
  }

  #decodeSctp(view: DataView, at: number, end: number): Outcome {
    if (end - at < SCTP_HEADER + SCTP_CHUNK_HEADER) return DAMAGED;
    const segment = this.#segment;
    segment.sourcePort = view.getUint16(at);
    segment.destinationPort = view.getUint16(at + 2);
    segment.sequence = segment.acknowledgement = segment.window = 0;
    segment.flags = view.getUint8(at + SCTP_HEADER);
    return DECODED;
  }

  #decodeIcmp(view: DataView, at: number, end: number): Outcome {
    if (end - at < ICMP_HEADER) return DAMAGED;
    const type = view.getUint8(at);
    const code = view.getUint8(at + 1);
    const quote = at + ICMP_HEADER;
    if (this.#segment.version === 4) {
      return type === ICMP_UNREACHABLE && isAmong(code, ICMP_REFUSALS)
        ? this.#decodeQuotedIpv4(view, quote, end)
        : OTHER_PROTOCOL;
    }
    return type === ICMPV6_UNREACHABLE && isAmong(code, ICMPV6_REFUSALS)
      ? this.#decodeQuotedIpv6(view, quote, end)
      : OTHER_PROTOCOL;
  }

  // The lengths that a quoted header tells are those of the packet before it was
  // cut for the quote: only the error's own end counts.

  #decodeQuotedIpv4(view: DataView, start: number, end: number): Outcome {
    if (end - start < IPV4_HEADER) return DAMAGED;
    const headerLength = (view.getUint8(start) & 0x0f) << 2;
    const payload = start + headerLength;
    if (view.getUint8(start) >>> 4 !== 4) return DAMAGED;
    if (headerLength < IPV4_HEADER || payload > end) return DAMAGED;
    if ((view.getUint16(start + 6) & IPV4_OFFSET) !== 0) return OTHER_PROTOCOL;
    readIpv4(this.quoted, view, start);
    return this.#decodeQuotedTransport(view, payload, end);
  }

  #decodeQuotedIpv6(view: DataView, start: number, end: number): Outcome {
    if (end - start < IPV6_HEADER) return DAMAGED;
    if (view.getUint8(start) >>> 4 !== 6) return DAMAGED;
    let next = view.getUint8(start + 6);
    let at = start + IPV6_HEADER;
    for (let walked = 0; isExtension(next); walked++) {
      if (walked === MAX_EXTENSION_HEADERS) return TOO_DEEP;
      if (at + 8 > end) return DAMAGED;
      const isFragment = next === FRAGMENT_HEADER;
      if (isFragment && (view.getUint16(at + 2) & IPV6_OFFSET) !== 0) {
        return OTHER_PROTOCOL;
      }
      const following = view.getUint8(at);
      at += extensionLength(view, at, next);
      next = following;
    }
    readIpv6(this.quoted, view, start);
    this.quoted.protocol = next;
    return this.#decodeQuotedTransport(view, at, end);
  }

  #decodeQuotedTransport(view: DataView, at: number, end: number): Outcome {
    const quoted = this.quoted;
    const { protocol } = quoted;
    const isKnown = protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP ||
      protocol === PROTOCOL_SCTP;
    if (!isKnown) return at > end ? DAMAGED : OTHER_PROTOCOL;
    if (end - at < QUOTED_BYTES) return DAMAGED;
    quoted.sourcePort = view.getUint16(at);
    quoted.destinationPort = view.getUint16(at + 2);
    quoted.sequence = quoted.acknowledgement = quoted.window = 0;
    quoted.flags = 0;
    this.quotedKind = QUOTE_UNKNOWN;
    if (protocol === PROTOCOL_TCP) readQuotedTcp(quoted, view, at, end);
    else if (protocol === PROTOCOL_UDP) {
      this.quotedKind = kindOfQuote(quoted, view, at, end);
    } else {
      const chunk = at + SCTP_HEADER;
      quoted.flags = chunk < end ? view.getUint8(chunk) : UNKNOWN_FLAGS;
    }
    copyMoment(quoted, this.#segment);
    return REFUSAL;
  }
}

/** Reads an IPv4 header; its 20 bytes are there. */
function readIpv4(segment: Segment, view: DataView, start: number): void {
  segment.version = 4;
  segment.tos = view.getUint8(start + 1);
  segment.ttl = view.getUint8(start + 8);
  segment.protocol = view.getUint8(start + 9);
  segment.source0 = segment.source1 = 0;
  segment.destination0 = segment.destination1 = 0;
  segment.source2 = segment.destination2 = MAPPED;
  segment.source3 = view.getInt32(start + 12);
  segment.destination3 = view.getInt32(start + 16);
}

/** Reads an IPv6 header but the protocol; its 40 bytes are there. */
function readIpv6(segment: Segment, view: DataView, start: number): void {
  segment.version = 6;
  segment.tos = (view.getUint16(start) >>> 4) & 0xff;
  segment.ttl = view.getUint8(start + 7);
  segment.source0 = view.getInt32(start + 8);
  segment.source1 = view.getInt32(start + 12);
  segment.source2 = view.getInt32(start + 16);
  segment.source3 = view.getInt32(start + 20);
  segment.destination0 = view.getInt32(start + 24);
  segment.destination1 = view.getInt32(start + 28);
  segment.destination2 = view.getInt32(start + 32);
  segment.destination3 = view.getInt32(start + 36);
}

/** Reads what a quote holds of a TCP header, at least 8 bytes. */
function readQuotedTcp(
  quoted: Segment,
  view: DataView,
  at: number,
  end: number,
): void {
  const length = end - at;
  quoted.sequence = view.getInt32(at + 4);
  quoted.acknowledgement = length >= 12 ? view.getInt32(at + 8) : 0;
  quoted.flags = length >= 14 ? view.getUint8(at + 13) : UNKNOWN_FLAGS;
  quoted.window = length >= 16 ? view.getUint16(at + 14) : 0;
}

/** A quote is seen when and where the error around it is. */
function copyMoment(quoted: Segment, error: Segment): void {
  quoted.time = error.time;
  quoted.wallTime = error.wallTime;
  quoted.direction = error.direction;
  quoted.interfaceIndex = error.interfaceIndex;
}

/** Whether the bit of that number is set. */
function isAmong(number: number, bits: number): boolean {
  return number < 32 && (bits & (1 << number)) !== 0;
}

/** Length of the extension header at `at`, whose first 2 bytes are there. */
function extensionLength(view: DataView, at: number, type: number): number {
  if (type === FRAGMENT_HEADER) return 8;
  const units = view.getUint8(at + 1);
  return type === AUTHENTICATION ? (units + 2) << 2 : (units + 1) << 3;
}

function isExtension(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === FRAGMENT_HEADER ||
    next === AUTHENTICATION || next === DESTINATION_OPTIONS;
}
