/**
 * Network and transport headers: from bytes to a segment.
 *
 * Every length is checked once, before the fields behind it are read; the
 * outcome of a packet is a number, never an exception, and nothing is
 * allocated.
 *
 * @module
 */

import {
  extensionLength,
  FRAGMENT_HEADER,
  FRAGMENT_OFFSET,
  hashBytes,
  isExtension,
  SHORTEST_EXTENSION,
} from "./extensions.ts";
import { FragmentInfo } from "./fragment.ts";
import {
  hasRightChecksum,
  IPV4_HEADER,
  IPV4_OFFSET,
  IPV6_HEADER,
  readIpv4,
  readIpv6,
} from "./network.ts";
import {
  DAMAGED,
  DECODED,
  FRAGMENT,
  IP_PROTOCOL,
  OTHER_PROTOCOL,
  type Outcome,
  TOO_DEEP,
  UNREADABLE,
} from "./outcome.ts";
import { readRefusal } from "./refusals.ts";
import {
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  Segment,
} from "./segment.ts";
import {
  isLookedAt,
  readProtocol,
  readSctp,
  readUdp,
  TCP_HEADER,
} from "./transport.ts";
import { findInner, MAX_IP_HEADERS, NO_TUNNEL } from "./tunnels.ts";

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
const OK = DECODED;
const BROKEN = DAMAGED;
const TCP = PROTOCOL_TCP;
const TCP_BYTES = TCP_HEADER;
const FLAGS_END = 14;
const WINDOW_END = 16;
const IPV4_BYTES = IPV4_HEADER;
const OFFSET = IPV4_OFFSET;

/** Ports come first in all transport headers that have any. */
const PORTS = 4;
/** IPv4's and IPv6's fragment offset and "more fragments", where they overlap. */
const MORE_FRAGMENTS = 0x2000;

/** What a decoder may know of where its packets come from. */
export interface DecoderOptions {
  /**
   * They come from a capture file [false]: tunnels are opened, and an IPv4
   * header checksum of 0 is one that was not filled in yet.
   */
  fromFile?: boolean;
}

/**
 * Decodes IPv4 (RFC 791) and IPv6 (RFC 8200) packets into one segment, which it
 * reuses: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), the number of any other
 * protocol, and what ICMP errors (RFC 792, RFC 4443) quote of them.
 *
 * @example
 * ```ts
 * import { DECODED, HeaderDecoder } from "@scanlogd/scanlogd/packet";
 * import { Segment } from "@scanlogd/scanlogd";
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
  /**
   * The packet that the last {@linkcode REFUSAL} quotes, as far as the quote
   * goes. Its ports are always there; {@linkcode Segment.flags} is
   * {@linkcode UNKNOWN_FLAGS} if the quote ends before them, and what else is
   * missing is 0. Its times, its direction and its interface are the error's.
   * Reused like the segment.
   */
  readonly quoted: Segment = new Segment();
  readonly #segment: Segment;
  readonly #fromFile: boolean;
  /** How many bytes of the packet follow those captured. */
  #missing = 0;
  /** How many IP headers were met, one inside another. */
  #depth = 1;
  /** Where the IPv6 header ends. */
  #body = 0;

  /**
   * Makes a decoder.
   *
   * @param segment What each decoded packet is written to.
   * @param options What differs from the defaults.
   */
  constructor(segment: Segment, { fromFile = false }: DecoderOptions = {}) {
    this.#segment = segment;
    this.#fromFile = fromFile;
  }

  /**
   * Decodes the packet that stands in a view from `start` to `end`.
   *
   * @param missing How many bytes of the packet were not captured.
   * @returns {@linkcode DECODED} once the segment is complete; {@linkcode
   * REFUSAL} if it is an ICMP error that refuses the packet in {@linkcode
   * HeaderDecoder.quoted}. The segment then tells who sent the error, and its
   * ports and flags mean nothing.
   */
  decode(view: DataView, start: number, end: number, missing = 0): Outcome {
    this.fragment.isFragment = false;
    this.#missing = missing;
    this.#depth = 1;
    if (start >= end) return BROKEN;
    return this.#decodeVersion(view, start, end);
  }

  #decodeVersion(view: DataView, start: number, end: number): Outcome {
    const version = view.getUint8(start) >>> 4;
    if (version === 4) return this.#decodeIpv4(view, start, end);
    if (version === 6) return this.#decodeIpv6(view, start, end);
    return BROKEN;
  }

  #decodeIpv4(view: DataView, start: number, end: number): Outcome {
    if (end - start < IPV4_BYTES) return BROKEN;
    const headerLength = (view.getUint8(start) & 0x0f) << 2;
    // A total length of 0 comes from segmentation offload: the NIC fills it in.
    const totalLength = view.getUint16(start + 2);
    if (totalLength !== 0 && start + totalLength < end) {
      end = start + totalLength;
      this.#missing = 0;
    }
    const payload = start + headerLength;
    if (headerLength < IPV4_BYTES || payload > end) return BROKEN;

    const segment = this.#segment;
    readIpv4(segment, view, start);
    const flagsAndOffset = view.getUint16(start + 6);
    if ((flagsAndOffset & (MORE_FRAGMENTS | OFFSET)) !== 0) {
      const checksum = view.getUint16(start + 10);
      this.fragment.isKept = this.#takeLength(start + totalLength, end) &&
        (checksum === 0 && this.#fromFile ||
          hasRightChecksum(view, start, headerLength));
      return this.#decodeFragment(
        view,
        payload,
        end,
        view.getUint16(start + 4),
        (flagsAndOffset & OFFSET) << 3,
        (flagsAndOffset & MORE_FRAGMENTS) !== 0,
      );
    }
    return this.decodeTransport(view, payload, end);
  }

  #decodeIpv6(view: DataView, start: number, end: number): Outcome {
    if (end - start < IPV6_HEADER) return DAMAGED;
    const body = start + IPV6_HEADER;
    // Zero is a jumbogram (RFC 2675) or an offloaded one: take what is there.
    const payloadLength = view.getUint16(start + 4);
    if (payloadLength !== 0 && body + payloadLength < end) {
      end = body + payloadLength;
      this.#missing = 0;
    }
    const segment = this.#segment;
    readIpv6(segment, view, start);
    const next = view.getUint8(start + 6);
    if (next === TCP) {
      segment.protocol = next;
      return this.decodeTransport(view, body, end);
    }
    this.fragment.isKept = this.#takeLength(body + payloadLength, end);
    this.#body = body;
    return this.#walkExtensions(view, body, end, next);
  }

  /**
   * Limits what is missing to where the packet says that it ends. Whether it may
   * end there: what claims to be longer than it is, hosts drop.
   */
  #takeLength(claimed: number, end: number): boolean {
    const isPossible = claimed <= end + this.#missing;
    this.#missing = isPossible ? Math.max(0, claimed - end) : 0;
    return isPossible;
  }

  /**
   * Walks IPv6 extension headers from `at` on, the first of type `next`. Each
   * has 8 bytes or more, so that the packet's length bounds the work.
   */
  #walkExtensions(
    view: DataView,
    at: number,
    end: number,
    next: number,
  ): Outcome {
    const segment = this.#segment;
    while (isExtension(next)) {
      segment.protocol = next;
      if (at + SHORTEST_EXTENSION > end) return this.#cutOff(view, at, end);
      const following = view.getUint8(at);
      if (next === FRAGMENT_HEADER) {
        const offsetAndMore = view.getUint16(at + 2);
        // An atomic fragment (RFC 6946) is no fragment at all.
        if ((offsetAndMore & 0xfff9) !== 0) {
          if (this.fragment.isFragment) return TOO_DEEP; // one inside another
          segment.protocol = following;
          return this.#decodeFragment(
            view,
            at + SHORTEST_EXTENSION,
            end,
            view.getInt32(at + 4),
            offsetAndMore & FRAGMENT_OFFSET,
            (offsetAndMore & 1) !== 0,
          );
        }
      }
      at += extensionLength(view, at, next);
      next = following;
    }
    if (at > end) return this.#cutOff(view, at, end);
    const last = segment.protocol;
    segment.protocol = next;
    const depth = this.#depth;
    const outcome = this.decodeTransport(view, at, end);
    const isCutOff = outcome === DAMAGED && this.#depth === depth &&
      at > this.#body && end - at < TCP_BYTES;
    if (!isCutOff) return outcome;
    segment.protocol = last;
    return this.#cutOff(view, at, Math.min(end, at + PORTS));
  }

  /**
   * The header at `at` is not all there. If the rest was not captured, or comes in
   * another fragment, its host can read it.
   */
  #cutOff(view: DataView, at: number, end: number): Outcome {
    const isUncaptured = this.#missing > 0 && at < end + this.#missing;
    if (!isUncaptured && !this.fragment.goesOn) return DAMAGED;
    const segment = this.#segment;
    const { protocol } = segment;
    readProtocol(segment);
    segment.protocol = protocol;
    segment.destinationPort = hashBytes(view, this.#body, end);
    return UNREADABLE;
  }

  #decodeFragment(
    view: DataView,
    payload: number,
    end: number,
    identification: number,
    position: number,
    isMore: boolean,
  ): Outcome {
    const fragment = this.fragment;
    fragment.begin(identification, position, isMore);
    fragment.setPayload(this.#segment, payload, end, this.#missing);
    const { version, protocol } = this.#segment;
    if (position !== 0) return FRAGMENT;
    const outcome = version === 4
      ? this.decodeTransport(view, payload, end)
      : this.#walkExtensions(view, payload, end, protocol);
    // Behind extension headers it cannot be put together.
    return outcome === DAMAGED && !fragment.hasExtensions ? FRAGMENT : outcome;
  }

  /**
   * Decodes the transport header that stands in a view from `at` to `end`; the
   * segment's protocol says which one it is.
   */
  decodeTransport(view: DataView, at: number, end: number): Outcome {
    const segment = this.#segment;
    if (segment.protocol !== TCP) return this.#decodeOther(view, at, end);
    if (end - at < TCP_BYTES && !this.#hasFlags(at, end)) return BROKEN;
    segment.sourcePort = view.getUint16(at);
    segment.destinationPort = view.getUint16(at + 2);
    segment.sequence = view.getInt32(at + 4);
    segment.acknowledgement = view.getInt32(at + 8);
    segment.flags = view.getUint8(at + 13);
    segment.window = end - at < WINDOW_END ? 0 : view.getUint16(at + 14);
    return OK;
  }

  /** Whether of a TCP header just what follows the flags was not captured. */
  #hasFlags(at: number, end: number): boolean {
    return end - at >= FLAGS_END && end + this.#missing - at >= TCP_BYTES;
  }

  #decodeOther(view: DataView, at: number, end: number): Outcome {
    const segment = this.#segment;
    const { version, protocol } = segment;
    if (this.#fromFile) {
      const inner = findInner(segment, view, at, end);
      if (inner !== NO_TUNNEL) return this.#decodeInner(view, inner, end);
    }
    if (protocol === PROTOCOL_UDP) return readUdp(segment, view, at, end);
    if (protocol === PROTOCOL_SCTP) return readSctp(segment, view, at, end);
    if (isLookedAt(segment)) {
      readProtocol(segment);
      return IP_PROTOCOL;
    }
    const icmp = version === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    // Nobody has a reason to send an error in fragments.
    if (protocol !== icmp || this.fragment.isFragment) return OTHER_PROTOCOL;
    return readRefusal(segment, this.quoted, view, at, end);
  }

  /** The packet inside may be a fragment itself, or another tunnel. */
  #decodeInner(view: DataView, start: number, end: number): Outcome {
    if (++this.#depth > MAX_IP_HEADERS) return TOO_DEEP;
    this.fragment.isFragment = false;
    return this.#decodeVersion(view, start, end);
  }
}
