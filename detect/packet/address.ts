/**
 * IP addresses as 128-bit numbers: reading, writing, and sets of networks.
 *
 * An address is four signed 32-bit words, the most significant first. IPv4
 * addresses are held in their IPv4-mapped form `::ffff:a.b.c.d` (RFC 4291,
 * section 2.5.5.2), so that one kind of key serves both families.
 *
 * @module
 */

import { textsOf } from "../settings.ts";
import { Ipv4Ranges, Ipv6Ranges } from "./ranges.ts";

/** The third word of every IPv4-mapped address. */
export const IPV4_MAPPED = 0xffff;

/** Four signed 32-bit words, the most significant first. */
export type AddressWords = readonly [number, number, number, number];

/** An address read from text. */
export interface Address {
  /** The 128 bits. */
  words: AddressWords;
  /** How long an address of its family is: 32 (IPv4) or 128 (IPv6) bits. */
  bits: 32 | 128;
}

/** A network read from text. */
export interface Network {
  /** The network's first address. */
  words: AddressWords;
  /** The prefix length in the 128-bit form: an IPv4 /24 is 120. */
  prefix: number;
}

/**
 * Reads an IPv4 address in dotted decimals or an IPv6 address (RFC 4291,
 * section 2.2). Octets with leading zeros are refused: programs disagree on
 * whether they are octal.
 *
 * @param text The address, without zone and without prefix length.
 * @throws {SyntaxError} If the text is not an address.
 * @throws {TypeError} If it is no text.
 *
 * @example
 * ```ts
 * import { formatAddress, parseAddress } from "@scanlogd/scanlogd/packet";
 * import { assertEquals } from "@std/assert";
 *
 * const { words } = parseAddress("2001:DB8:0:0:0:0:0:1");
 * assertEquals(formatAddress(...words), "2001:db8::1");
 * ```
 */
export function parseAddress(text: string): Address {
  checkText("address", text);
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) {
    return { words: [0, 0, IPV4_MAPPED, ipv4], bits: 32 };
  }
  const words = parseIpv6(text);
  if (words !== undefined) return { words, bits: 128 };
  throw new SyntaxError(
    `Cannot read address: "${text}" is neither IPv4 nor IPv6`,
  );
}

/** Callers without types hand over anything. */
function checkText(what: string, text: unknown): void {
  if (typeof text === "string") return;
  throw new TypeError(`Cannot read ${what}: it must be a text, got ${text}`);
}

function parseIpv4(text: string): number | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let word = 0;
  for (const octet of octets) {
    if (!/^(0|[1-9]\d{0,2})$/.test(octet) || Number(octet) > 255) {
      return undefined;
    }
    word = (word << 8) | Number(octet);
  }
  return word;
}

function parseIpv6(text: string): AddressWords | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1], true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const g = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return [
    (g[0] << 16) | g[1],
    (g[2] << 16) | g[3],
    (g[4] << 16) | g[5],
    (g[6] << 16) | g[7],
  ];
}

/** Reads the groups on one side of `::`; the last may be dotted decimals. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      const ipv4 = parseIpv4(part);
      if (ipv4 === undefined) return undefined;
      groups.push(ipv4 >>> 16, ipv4 & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(parseInt(part, 16));
    } else return undefined;
  }
  return groups;
}

/**
 * Reads a network in CIDR notation (RFC 4632, RFC 4291): an address, or an
 * address, a slash and a prefix length. Bits behind the prefix are cleared.
 *
 * @param text For example `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.1`.
 * @throws {SyntaxError} If the text is not a network.
 * @throws {RangeError} If the prefix is longer than the address.
 * @throws {TypeError} If it is no text.
 *
 * @example
 * ```ts
 * import { parseNetwork } from "@scanlogd/scanlogd/packet";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseNetwork("192.0.2.7/24").prefix, 120);
 * ```
 */
export function parseNetwork(text: string): Network {
  checkText("network", text);
  const [address, length, ...rest] = text.split("/");
  if (rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length))) {
    throw new SyntaxError(
      `Cannot read network: "${text}" is not an address, a slash and a prefix length`,
    );
  }
  const { words, bits } = parseAddress(address);
  const own = length === undefined ? bits : Number(length);
  if (own > bits) {
    throw new RangeError(
      `Cannot read network: the prefix length of "${text}" must be from 0 to ${bits}`,
    );
  }
  const prefix = 128 - bits + own;
  const mask = prefixMask(prefix);
  return {
    words: words.map((word, i) => word & mask[i]) as unknown as AddressWords,
    prefix,
  };
}

/** The mask of a prefix, as four words. */
export function prefixMask(prefix: number): AddressWords {
  const word = (i: number) => {
    const bits = Math.min(32, Math.max(0, prefix - 32 * i));
    return bits === 0 ? 0 : -1 << (32 - bits);
  };
  return [word(0), word(1), word(2), word(3)];
}

/** Whether four words are an IPv4-mapped address. */
export function isIpv4Mapped(w0: number, w1: number, w2: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === IPV4_MAPPED;
}

/**
 * Writes an address: IPv4 in dotted decimals, IPv6 in the canonical form of
 * RFC 5952, IPv4-mapped ones as IPv4.
 *
 * @param w0 Bits 0 to 31 of the address.
 * @param w1 Bits 32 to 63.
 * @param w2 Bits 64 to 95.
 * @param w3 Bits 96 to 127.
 *
 * @example
 * ```ts
 * import { formatAddress } from "@scanlogd/scanlogd/packet";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatAddress(0, 0, 0xffff, 0x7f000001), "127.0.0.1");
 * ```
 */
export function formatAddress(
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): string {
  if (isIpv4Mapped(w0, w1, w2)) {
    return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`;
  }
  const groups = [w0, w1, w2, w3].flatMap((w) => [w >>> 16, w & 0xffff]);
  const [start, length] = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":"); // RFC 5952, 4.2.2
  return hex.slice(0, start).join(":") + "::" +
    hex.slice(start + length).join(":");
}

/** The first of the longest runs of zero groups (RFC 5952, 4.2.3). */
function longestZeroRun(groups: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0];
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > best[1]) best = [start, end - start];
  }
  return best;
}

/**
 * A set of addresses and networks that is asked once per packet: asking
 * allocates nothing, and takes the logarithm of the number of networks. What
 * was added is sorted when the set is asked next.
 *
 * @example
 * ```ts
 * import { AddressSet } from "@scanlogd/scanlogd";
 * import { parseAddress } from "@scanlogd/scanlogd/packet";
 * import { assert } from "@std/assert";
 *
 * const set = AddressSet.from(["127.0.0.0/8", "2001:db8::1"]);
 * assert(set.has(...parseAddress("127.0.0.53").words));
 * assert(!set.has(...parseAddress("2001:db8::2").words));
 * ```
 */
export class AddressSet {
  #added = new AddedNetworks();
  #ipv4: Ipv4Ranges = new Ipv4Ranges([], []);
  #ipv6: Ipv6Ranges = new Ipv6Ranges([], []);
  #isSorted = true;

  /**
   * Makes a set from texts in CIDR notation.
   *
   * @throws {TypeError} If they are no list of texts.
   * @throws {SyntaxError} If one is not a network.
   * @throws {RangeError} If a prefix is longer than its address.
   */
  static from(texts: Iterable<string>): AddressSet {
    const set = new AddressSet();
    const networks = textsOf("make a set: networks", texts);
    for (const text of networks) set.add(parseNetwork(text));
    set.#sort();
    return set;
  }

  /** How many networks it holds; those inside another one do not count. */
  get size(): number {
    if (!this.#isSorted) this.#sort();
    return this.#ipv4.size + this.#ipv6.size;
  }

  /** Adds a network, or a single address as a network of 128 bits. */
  add(network: Network): void {
    this.#added.add(network);
    this.#isSorted = false;
  }

  /** Takes over the content of another set, in one step. */
  assign(other: AddressSet): void {
    if (!other.#isSorted) other.#sort();
    this.#added = other.#added.copy();
    this.#ipv4 = other.#ipv4;
    this.#ipv6 = other.#ipv6;
    this.#isSorted = true;
  }

  /** Whether the address of the four words is in the set. */
  has(w0: number, w1: number, w2: number, w3: number): boolean {
    if (!this.#isSorted) this.#sort();
    return w2 === IPV4_MAPPED && w1 === 0 && w0 === 0
      ? this.#ipv4.has(w3)
      : this.#ipv6.has(w0, w1, w2, w3);
  }

  #sort(): void {
    const { ipv4, ipv4Prefixes, ipv6, ipv6Prefixes } = this.#added;
    this.#ipv4 = new Ipv4Ranges(ipv4, ipv4Prefixes);
    this.#ipv6 = new Ipv6Ranges(ipv6, ipv6Prefixes);
    this.#isSorted = true;
  }
}

/** Networks as they came, by family. */
class AddedNetworks {
  readonly ipv4: number[] = [];
  readonly ipv4Prefixes: number[] = [];
  readonly ipv6: number[] = [];
  readonly ipv6Prefixes: number[] = [];

  add({ words, prefix }: Network): void {
    const [w0, w1, w2, w3] = words;
    // Who writes ::/0 or ::/64 does not mean IPv4.
    if (prefix >= 96 && isIpv4Mapped(w0, w1, w2)) {
      this.ipv4.push(w3);
      this.ipv4Prefixes.push(prefix - 96);
    } else {
      this.ipv6.push(w0, w1, w2, w3);
      this.ipv6Prefixes.push(prefix);
    }
  }

  copy(): AddedNetworks {
    const copy = new AddedNetworks();
    for (
      const name of ["ipv4", "ipv4Prefixes", "ipv6", "ipv6Prefixes"] as const
    ) for (const value of this[name]) copy[name].push(value);
    return copy;
  }
}
