/**
 * The networks of sources, IPv4 /24 and IPv6 /48, and which of a network's
 * sources were seen.
 *
 * @module
 */

import { formatAddress } from "../packet/address.ts";
import { Key } from "./source_key.ts";

/** Sources of a network are told apart by so many bits. */
const SOURCE_BITS = 11;
const SOURCE_WORDS = (1 << SOURCE_BITS) / 32;
const MAPPED = 0xffff; // IPV4_MAPPED

/** The key of a network. */
export class NetworkKey extends Key {
  /** Takes the network of a source. */
  of({ w0, w1, w2, w3 }: Key): void {
    const isIpv4 = w0 === 0 && w1 === 0 && w2 === MAPPED;
    this.w0 = w0;
    this.w1 = isIpv4 ? 0 : w1 & 0xffff0000;
    this.w2 = isIpv4 ? MAPPED : 0;
    this.w3 = isIpv4 ? w3 & 0xffffff00 : 0;
  }

  /** The network in CIDR notation. */
  override toString(): string {
    const { w0, w1, w2, w3 } = this;
    const isIpv4 = w0 === 0 && w1 === 0 && w2 === MAPPED;
    return `${formatAddress(w0, w1, w2, w3)}/${isIpv4 ? 24 : 48}`;
  }
}

/** For each record of a table of networks, the sources that were seen. */
export class NetworkMembers {
  readonly #bits: Uint32Array;

  /** @param networks How many records the table has. */
  constructor(networks: number) {
    this.#bits = new Uint32Array(networks * SOURCE_WORDS);
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#bits.byteLength;
  }

  /** Forgets the sources of a network. */
  clear(entry: number): void {
    const first = entry * SOURCE_WORDS;
    this.#bits.fill(0, first, first + SOURCE_WORDS);
  }

  /** Takes note of a source. */
  add(entry: number, { w1, w2, w3 }: Key): void {
    const isIpv4 = w2 === MAPPED;
    const bit = (isIpv4 ? w3 & 0xff : w1) & ((1 << SOURCE_BITS) - 1);
    this.#bits[entry * SOURCE_WORDS + (bit >>> 5)] |= 1 << bit;
  }

  /** How many sources were seen. */
  count(entry: number): number {
    const first = entry * SOURCE_WORDS;
    let count = 0;
    for (let i = first; i < first + SOURCE_WORDS; i++) {
      for (let word = this.#bits[i]; word !== 0; word &= word - 1) count++;
    }
    return count;
  }
}
