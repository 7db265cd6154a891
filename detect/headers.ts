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
import { PROTOCOL_TCP, type Segment } from "./segment.ts";

/** What became of a packet. */
export type Outcome = 0 | 1 | 2 | 3 | 4;
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

// IPv6 extension headers (RFC 8200, 4; RFC 4302).
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT_HEADER = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

/** IPv4's and IPv6's fragment offset and "more fragments", where they overlap. */
const MORE_FRAGMENTS = 0x2000;
const IPV4_OFFSET = 0x1fff;

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
 * reuses.
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
 */
export class HeaderDecoder {
  /** What the last fragment said of itself. */
  readonly fragment: FragmentInfo = new FragmentInfo();
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
   * @returns {@linkcode DECODED} once the segment is complete.
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
    segment.version = 4;
    segment.tos = view.getUint8(start + 1);
    segment.ttl = view.getUint8(start + 8);
    segment.protocol = view.getUint8(start + 9);
    segment.source0 = segment.source1 = 0;
    segment.destination0 = segment.destination1 = 0;
    segment.source2 = segment.destination2 = MAPPED;
    segment.source3 = view.getInt32(start + 12);
    segment.destination3 = view.getInt32(start + 16);

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
            offsetAndMore & 0xfff8,
            (offsetAndMore & 1) !== 0,
            walked + 1,
          );
        }
        at += 8;
      } else if (next === AUTHENTICATION) {
        at += (view.getUint8(at + 1) + 2) << 2;
      } else {
        at += (view.getUint8(at + 1) + 1) << 3;
      }
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
    if (segment.protocol !== TCP) return OTHER_PROTOCOL;
    if (end - at < TCP_BYTES) return BROKEN;
    segment.sourcePort = view.getUint16(at);
    segment.destinationPort = view.getUint16(at + 2);
    segment.flags = view.getUint8(at + 13);
    return OK;
  }
}

function isExtension(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === FRAGMENT_HEADER ||
    next === AUTHENTICATION || next === DESTINATION_OPTIONS;
}
