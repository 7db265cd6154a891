/**
 * What a source counts under: its address, or its IPv6 prefix.
 *
 * @module
 */

import {
  type AddressSet,
  isIpv4Mapped,
  prefixMask,
} from "../packet/address.ts";
import type { Segment } from "../packet/segment.ts";

const IPV4_MAPPED = 0xffff;
/** 64:ff9b::/96, which holds an IPv4 address (RFC 6052, 2.1). */
const NAT64 = 0x0064_ff9b;
/** 2002::/16: an IPv4 address follows (RFC 3056, 2). */
const SIX_TO_FOUR = 0x2002;
/** 2001::/32: the client's IPv4 address, inverted, ends it (RFC 4380, 4). */
const TEREDO = 0x2001_0000;

/** An address, or what is left of it, in four words. */
export class Key {
  /** Bits 0 to 31. */
  w0 = 0;
  /** Bits 32 to 63. */
  w1 = 0;
  /** Bits 64 to 95. */
  w2 = 0;
  /** Bits 96 to 127. */
  w3 = 0;
}

/** Turns addresses into keys; the last one stays in the four words. */
export class SourceKey extends Key {
  readonly #mask0: number;
  readonly #mask1: number;
  readonly #mask2: number;
  readonly #mask3: number;
  readonly #onLink: AddressSet | undefined;
  readonly #home: AddressSet | undefined;

  /**
   * @param prefix Leading bits of an IPv6 address that make a source.
   * @param onLink Networks whose sources count per address.
   * @param home The same: our own hosts are not one.
   */
  constructor(
    prefix: number,
    onLink: AddressSet | undefined,
    home?: AddressSet | undefined,
  ) {
    super();
    [this.#mask0, this.#mask1, this.#mask2, this.#mask3] = prefixMask(prefix);
    this.#onLink = onLink;
    this.#home = home;
  }

  /** Takes the key of a segment's source. */
  ofSource(segment: Segment): void {
    const { source0, source1, source2, source3 } = segment;
    this.of(source0, source1, source2, source3);
  }

  /** Takes the key of a segment's destination, as if it were a source. */
  ofDestination(segment: Segment): void {
    const { destination0, destination1, destination2, destination3 } = segment;
    this.of(destination0, destination1, destination2, destination3);
  }

  /** Takes the key of an address. */
  of(w0: number, w1: number, w2: number, w3: number): void {
    if (isIpv4Mapped(w0, w1, w2)) this.#takeIpv4(w3);
    else if (w0 === NAT64 && w1 === 0 && w2 === 0) this.#takeIpv4(w3);
    else if (w0 >>> 16 === SIX_TO_FOUR) {
      this.#takeIpv4((w0 << 16) | (w1 >>> 16));
    } else if (w0 === TEREDO) this.#takeIpv4(~w3);
    else this.#takeIpv6(w0, w1, w2, w3);
  }

  #takeIpv4(address: number): void {
    this.w0 = this.w1 = 0;
    this.w2 = IPV4_MAPPED;
    this.w3 = address;
  }

  #takeIpv6(w0: number, w1: number, w2: number, w3: number): void {
    const isSingle = this.#isSingle(w0, w1, w2, w3);
    this.w0 = isSingle ? w0 : w0 & this.#mask0;
    this.w1 = isSingle ? w1 : w1 & this.#mask1;
    this.w2 = isSingle ? w2 : w2 & this.#mask2;
    this.w3 = isSingle ? w3 : w3 & this.#mask3;
  }

  /** Whether an address counts by itself: its prefix is many hosts' own. */
  #isSingle(w0: number, w1: number, w2: number, w3: number): boolean {
    if ((w0 >>> 22) === 0x3fa) return true; // fe80::/10, RFC 4291
    return (this.#onLink?.has(w0, w1, w2, w3) ?? false) ||
      (this.#home?.has(w0, w1, w2, w3) ?? false);
  }
}
